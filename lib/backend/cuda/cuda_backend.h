// SPDX-License-Identifier: Apache-2.0
/// An NVIDIA GPU behind the seam: views in, kernel launches out. Everything goes through one stream; steps
/// and copies of all threads take turns.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/cuda/dense_products.h"
#include "backend/cuda/device_arena.h"
#include "backend/cuda/step_runner.h"
#include "backend/cuda/upload_queue.h"
#include "core/thread_pool.h"
#include "kernels/common/attention_args.h"
#include "kernels/common/choose_args.h"
#include "kernels/cuda/convert_activations.h"
#include "kernels/cuda/tiled_linear_args.h"

namespace transom::backend {

class CudaLinear;

class CudaBackend final : public Backend {
 public:
  /// @throws DeviceError where there is no such device or no driver for it.
  /// @param threads That pack weights, 0: one per core. They are there while weights are loaded.
  CudaBackend(int device, bool graphs, int threads = 0);
  ~CudaBackend() override;

  BackendInfo describe() const override;
  Buffer allocate(std::size_t bytes, const char* purpose, Buffer::Pages pages) override;
  bool uses_host_memory() const override { return false; }
  DeviceMemory memory() const override;
  void upload(const TensorView& dst, std::span<const std::byte> src) override;
  void download(std::span<float> dst, const TensorView& src) override;
  void synchronize() override;
  std::unique_ptr<PreparedLinear> prepare_linear(const LinearWeights& weights) override;
  void reserve(const WorkspaceLimits& limits) override;
  void execute(const std::function<void()>& step) override;

  void embed(const TensorView& table, std::span<const std::int32_t> ids, const TensorView& dst) override;
  void rms_norm(const TensorView& src, const TensorView& weight, float epsilon,
                const TensorView& dst) override;
  void linear(const PreparedLinear& weight, const TensorView& src, const TensorView& dst,
              bool accumulate) override;
  void linear_rms_norm(const PreparedLinear& weight, const TensorView& src, const TensorView& dst,
                       const TensorView& norm_weight, float epsilon, const TensorView& normed) override;
  void rope_table(std::span<const std::int64_t> positions, std::span<const float> inv_freq, float magnitude,
                  const RopeTables& tables) override;
  void rope(const TensorView& x, const RopeTables& tables) override;
  void kv_append(const TensorView& keys, const TensorView& values, std::int64_t first_position,
                 const KvCacheView& cache) override;
  void rope_append(const TensorView& q, const TensorView& k, const TensorView& v, const RopeTables& tables,
                   std::int64_t first_position, const KvCacheView& cache) override;
  void kv_copy(const KvCacheView& from, std::int64_t first_position, std::int64_t end_position,
               const KvCacheView& to) override;
  void kv_read(const KvCacheView& cache, std::int64_t first_slot, std::int64_t slots,
               std::span<std::byte> bytes) override;
  void kv_write(std::span<const std::byte> bytes, std::int64_t first_slot, std::int64_t slots,
                const KvCacheView& cache) override;
  void attention(const TensorView& q, const TensorView* q_sink, const KvCacheView& cache,
                 const AttentionParams& params, const TensorView& dst) override;
  void gated_linear(const PreparedLinear& gate, const PreparedLinear* up, const TensorView& src,
                    const TensorView& dst) override;
  void gather_rows(const TensorView& src, std::span<const std::int64_t> rows, const TensorView& dst) override;
  bool chooses_tokens() const override { return true; }
  void choose(const TensorView& logits, std::span<const TokenChoice> choices,
              std::span<std::int32_t> ids) override;

  /// Steps so far that were a graph's replay; for tests.
  std::int64_t replays() const { return steps_.replays(); }

 private:
  /// A cache in the middle of a step: its tables of blocks and the step's first position, as the device sees
  /// them.
  struct StepCache {
    kernels::KvView view;
    const std::int64_t* first_position = nullptr;
  };
  StepCache step_cache(const KvCacheView& cache, std::int64_t first_position);
  void multiply_integers(const CudaLinear& weight, const kernels::cuda::TiledLinearArgs& args,
                         const TensorView& src, const TensorView& dst);
  template <typename Byte, typename Use>
  void for_each_half_block(const KvCacheView& cache, const kernels::KvView& view, std::int64_t first_slot,
                           std::int64_t slots, Byte* bytes, const Use& use);
  /// Of bf16 weights as they lie.
  void multiply_few_rows(const kernels::cuda::TiledLinearArgs& args, const TensorView& src,
                         const TensorView& dst);
  static kernels::cuda::TiledLinearArgs linear_args(const CudaLinear& weight, const TensorView& src,
                                                    const TensorView& dst, bool accumulate);
  kernels::cuda::SplitScratch split_scratch(std::size_t sums, std::size_t outputs);
  /// The activations `src` of a product as its kernel takes them, until the next call.
  kernels::cuda::Activations convert(const kernels::cuda::TiledLinearArgs& args,
                                     kernels::cuda::ActivationType type, const TensorView& src);
  /// Device scratch that is at least so large. Where it grows, ops that were launched before still have the
  /// old one.
  void* scratch(Buffer& buffer, std::size_t bytes);
  /// Lets a library that was not built for this GPU say so when it is opened, and not in the first step.
  void try_a_kernel(const cudaDeviceProp& properties);
  /// The calling thread's device becomes this one.
  void use_device() const;

  int device_;
  std::string name_;
  unsigned multiprocessors_ = 0;
  std::shared_ptr<DeviceArena> arena_;  // before all that has memory or work of it
  std::recursive_mutex mutex_;          // of steps
  StepRunner steps_;
  // What step_cache() put last, and in which walk.
  struct {
    const void* blocks = nullptr;
    std::int64_t position = 0;
    std::uint64_t walk = 0;
    StepCache cache;
  } last_;
  DenseProducts dense_;
  int threads_;
  std::unique_ptr<core::ThreadPool> packers_;  // from the first weight to the first session
  UploadQueue uploads_;
  Buffer activations_;        // of a product, as its kernel takes them
  Buffer product_sums_;       // of blocks that share outputs
  Buffer arrivals_;           // how many of them are done, zero between launches
  Buffer norm_arrivals_;      // how many blocks of a product with a norm are done, zero between launches
  Buffer attention_scratch_;  // parts of long rows of keys
  Buffer gate_and_up_;
  Buffer choosing_, choosing_arrivals_;  // sums of blocks that choose a token, and how many are done
  Buffer chosen_;                        // ids
  std::vector<kernels::ChooseRow> choose_rows_;
};

}  // namespace transom::backend
