// SPDX-License-Identifier: Apache-2.0
/// Memory and numbers for kernel tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "kernels/cpu/kernel_table.h"

namespace transom::testing {

/// 64-byte aligned bytes, plus `shift` bytes for misaligned starts; nothing after the end is readable by
/// accident under an address sanitizer.
template <typename T>
class Aligned {
 public:
  explicit Aligned(std::size_t count, T value = T{}, std::size_t shift_elements = 0)
      : count_(count),
        base_(::operator new ((count + shift_elements) * sizeof(T) + 1, std::align_val_t{64})),
        data_(static_cast<T*>(base_.get()) + shift_elements) {
    for (std::size_t i = 0; i < count; ++i) data_[i] = value;
  }
  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return count_; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }

 private:
  struct Free {
    void operator()(void* p) const { ::operator delete (p, std::align_val_t{64}); }
  };
  std::size_t count_;
  std::unique_ptr<void, Free> base_;
  T* data_;
};

/// Numbers in [-1, 1), the same on every platform.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
  float next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<float>(static_cast<std::int32_t>(state_ >> 32)) * 0x1p-31f;
  }
  void fill(float* dst, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) dst[i] = next();
  }

 private:
  std::uint64_t state_;
};

/// The sets that this machine runs, scalar first.
inline std::vector<kernels::Isa> supported_isas() {
  std::vector<kernels::Isa> isas;
  for (int i = 0; i < kernels::kIsaCount; ++i) {
    if (kernels::has_isa(static_cast<kernels::Isa>(i))) isas.push_back(static_cast<kernels::Isa>(i));
  }
  return isas;
}

}  // namespace transom::testing
