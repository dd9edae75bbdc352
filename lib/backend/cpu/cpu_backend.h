// SPDX-License-Identifier: Apache-2.0
/// The CPU behind the seam: views in, kernel arguments out. Owns the model's threads and the scratch of its
/// kernels; scratch needs no lock because the thread pool runs one step at a time.
#pragma once

#include <memory>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/weight_ahead.h"
#include "backend/cpu/weight_arena.h"
#include "core/shared_ranges.h"
#include "core/thread_pool.h"
#include "kernels/cpu/kernel_table.h"

namespace transom::backend {

class CpuBackend final : public Backend {
 public:
  /// @throws InvalidArgument when TRANSOM_CPU_ISA names an instruction set that is unknown or not there.
  CpuBackend(int threads, bool pin_threads);

  BackendInfo describe() const override;
  Buffer allocate(std::size_t bytes, const char* purpose, Buffer::Pages pages) override;
  bool uses_host_memory() const override { return true; }
  void upload(const TensorView& dst, std::span<const std::byte> src) override;
  void download(std::span<float> dst, const TensorView& src) override;
  void synchronize() override {}
  std::unique_ptr<PreparedLinear> prepare_linear(const LinearWeights& weights) override;
  void reserve(const WorkspaceLimits& limits) override;
  void execute(const std::function<void()>& step) override;

  void embed(const TensorView& table, std::span<const std::int32_t> ids, const TensorView& dst) override;
  void rms_norm(const TensorView& src, const TensorView& weight, float epsilon,
                const TensorView& dst) override;
  void linear(const PreparedLinear& weight, const TensorView& src, const TensorView& dst,
              bool accumulate) override;
  void rope_table(std::span<const std::int64_t> positions, std::span<const float> inv_freq, float magnitude,
                  const RopeTables& tables) override;
  void rope(const TensorView& x, const RopeTables& tables) override;
  void kv_append(const TensorView& keys, const TensorView& values, std::int64_t first_position,
                 const KvCacheView& cache) override;
  void rope_append_texts(const TensorView& q, const TensorView& k, const TensorView& v,
                         const RopeTables& tables, std::span<const KvRows> texts) override;
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

 private:
  /// A product that is ready to run: rows prepared where all threads share them, scratch sized, no output
  /// yet.
  struct Product {
    kernels::LinearArgs args;
    const kernels::LinearKernel* kernel = nullptr;
    std::size_t prepare_items = 0;
    bool prepare_privately = false;  // each thread prepares the rows for itself
  };

  /// Calls rows(first, count) for a share of x's rows on each thread.
  template <typename Rows>
  void for_row_ranges(const TensorView& x, const Rows& rows);
  /// kv_append on the calling thread.
  void append(const TensorView& keys, const TensorView& values, std::int64_t first_position,
              const KvCacheView& cache);
  static void grow(Buffer& buffer, std::size_t bytes);
  Product start_product(const PreparedLinear& weight, const TensorView& src);
  TensorView reorder_columns(const TensorView& src, std::span<const std::int32_t> order);
  /// Scratch and rows of one thread.
  kernels::LinearArgs thread_args(const Product& product, std::size_t thread);
  void gate(const float* src, std::size_t src_stride, float* dst, std::size_t dst_stride, std::size_t rows,
            std::size_t columns);
  void gate_by_panels(const Product& product, const TensorView& dst);

  WeightAhead ahead_;  // before the threads, which look at it
  core::ThreadPool pool_;
  const kernels::KernelTable* table_;
  WeightArena arena_;
  core::SharedRanges shares_;             // of the op that runs
  std::vector<Buffer> scratch_;           // [threads] run scratch
  std::vector<Buffer> private_prepared_;  // [threads] rows prepared by each thread for itself (decode)
  Buffer shared_prepared_;                // rows prepared once for all threads (prefill)
  std::vector<Buffer>
      panel_outputs_;         // [threads] gate and up columns on their way to be multiplied (prefill)
  Buffer partial_attention_;  // what parts of long rows of keys leave for the merge
  Buffer reordered_;          // columns in the order of a weight's inputs
  Buffer gate_and_up_;        // both halves whole: few rows, or widths that panels do not divide
};

}  // namespace transom::backend
