// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "backend/cuda/cuda_check.h"
#include "bench/cuda/device_memory.h"

namespace transom::bench {

/// Device memory of random 16-bit words, of which `kept` bits stay random and `added` ones are set: zeros
/// would be multiplied faster.
inline core::Buffer random_memory(std::size_t bytes, std::uint32_t kept, std::uint32_t added) {
  std::mt19937 random(5);
  std::vector<std::uint16_t> halves((bytes + 1) / 2);
  for (std::uint16_t& half : halves) half = static_cast<std::uint16_t>((random() & kept) | added);
  core::Buffer buffer = device_memory(bytes);
  backend::check_cuda(cudaMemcpy(buffer.data(), halves.data(), bytes, cudaMemcpyHostToDevice), "cudaMemcpy");
  return buffer;
}

}  // namespace transom::bench
