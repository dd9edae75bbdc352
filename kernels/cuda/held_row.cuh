// SPDX-License-Identifier: Apache-2.0
// A row that a team of threads reads twice: once to find a number of the whole row, once to use it. What fits
// into registers is read from memory once, the rest of a longer row again, from the cache.
#pragma once

#include "kernels/cuda/rows.cuh"

namespace transom::kernels::cuda {

/// Accesses of a thread that are kept: with four numbers each, 16 registers.
constexpr int kHeldAccesses = 4;

/// How a kernel splits rows over threads: a warp a row, or a block a row.
template <int kTeamThreads, int kBlockThreads>
struct Team {
  static constexpr int kThreads = kTeamThreads, kOfBlock = kBlockThreads / kTeamThreads,
                       kAllThreads = kBlockThreads;
  static constexpr bool kWarp = kTeamThreads == kWarpLanes;
  __device__ static size_t row() { return size_t{blockIdx.x} * kOfBlock + threadIdx.x / kTeamThreads; }
  __device__ static unsigned thread() { return threadIdx.x % kTeamThreads; }
  static dim3 grid(size_t rows) { return dim3(static_cast<unsigned>((rows + kOfBlock - 1) / kOfBlock)); }
};
using WarpTeam = Team<kWarpLanes, 256>;
/// 512 threads keep rows of 8192.
using BlockTeam = Team<512, 512>;

/// Rows so short are a warp's.
constexpr size_t kLongestOfWarp = kHeldAccesses * kWarpLanes * 4;

template <class TeamT, int kWidth>
class HeldRow {
 public:
  /// n: a multiple of kWidth. The accesses are under way together.
  __device__ __forceinline__ HeldRow(const float* row, size_t n) : row_(row), n_(n) {
#pragma unroll
    for (int i = 0; i < kHeldAccesses; ++i) {
      const size_t at = position(i);
      if (at < n) held_[i] = load_floats<kWidth>(row + at);
    }
  }
  /// Calls use(index, numbers) for each access of this thread, in order.
  template <class Use>
  __device__ __forceinline__ void for_each(Use use) const {
#pragma unroll
    for (int i = 0; i < kHeldAccesses; ++i)
      if (position(i) < n_) use(position(i), held_[i]);
    for (size_t at = position(kHeldAccesses); at < n_; at += kStep) use(at, load_floats<kWidth>(row_ + at));
  }

 private:
  static constexpr size_t kStep = static_cast<size_t>(TeamT::kThreads) * kWidth;
  __device__ __forceinline__ static size_t position(int access) {
    return static_cast<size_t>(access) * kStep + TeamT::thread() * kWidth;
  }

  const float* row_;
  size_t n_;
  Floats<kWidth> held_[kHeldAccesses];
};

}  // namespace transom::kernels::cuda
