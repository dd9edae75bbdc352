// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "backend/backend.h"
#include "backend/cpu/weight_arena.h"
#include "core/thread_pool.h"
#include "kernels/cpu/kernel_table.h"

namespace transom::backend {

/// A weight in panel layout with the kernels that were chosen for it.
class CpuLinear final : public PreparedLinear {
 public:
  /// Packs the weights on all threads, into memory of `arena`, and chooses kernels.
  CpuLinear(const LinearWeights& weights, const kernels::KernelTable& table, core::ThreadPool& pool,
            WeightArena& arena);
  ~CpuLinear() override;

  /// A kernel with the state that it built for this weight.
  struct Chosen {
    const kernels::LinearKernel* kernel = nullptr;
    void* state = nullptr;
  };

  const kernels::PackedWeight& weight() const { return packed_; }
  const Chosen& chosen(std::size_t n_rows) const {
    return n_rows <= kernels::kDecodeRows ? decode_ : n_rows <= kernels::kFewRows ? few_ : prefill_;
  }
  /// As LinearWeights says; empty: in order.
  std::span<const std::int32_t> input_order() const { return input_order_; }

 private:
  void pack_floats(const LinearWeights& weights, const kernels::KernelTable& table, core::ThreadPool& pool);
  void pack_integers(const LinearWeights& weights, const kernels::KernelTable& table, core::ThreadPool& pool);
  void store_panel(const IntegerTile& tile, std::size_t rows, std::size_t panel,
                   const kernels::KernelTable& table);
  void allocate(WeightArena& arena, bool zero_points);
  Chosen choose(kernels::Isa isa, kernels::LinearUse use, const char* use_name);

  WeightArena::Slice memory_;  // values, then scales, then zero points; packed_ points into it
  std::vector<float> bias_;
  std::vector<std::int32_t> input_order_;
  kernels::PackedWeight packed_;
  Chosen decode_, few_, prefill_;
};

}  // namespace transom::backend
