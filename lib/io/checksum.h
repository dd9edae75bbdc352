// SPDX-License-Identifier: Apache-2.0
/// A checksum of 64 bits against damage, not against malice, that keeps up with memory.
///
/// The bytes are words of 64 bits, little-endian, dealt in turn to four lanes, which begin as 1, 2, 3 and 4.
/// A lane takes a word by
///
///   lane = rotate_left((lane xor word) * K, 29),   K = 0x9E3779B97F4A7C15 (odd; 2^64 over the golden ratio),
///
/// so that four multiplications are under way at once. The last words are filled up with zeros to a multiple
/// of four words. The value begins as the number of bytes, takes the four lanes in the same way, and is at
/// last mixed by value = (value xor value >> 32) * K; value xor value >> 29.
///
/// Each of these steps can be undone when the other operand is known. So damage to a single word always
/// changes the value; any other damage goes unseen once in about 2^64 times.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace transom::io {

class Checksum {
 public:
  /// Appends bytes; how they are cut into calls does not matter.
  void add(std::span<const std::byte> bytes);
  /// Of everything added so far.
  std::uint64_t value() const;

 private:
  static constexpr std::size_t kStripe = 32;  // a word for each lane

  std::array<std::uint64_t, 4> lanes_{1, 2, 3, 4};
  std::array<std::byte, kStripe> rest_{};  // bytes that do not fill a stripe yet
  std::uint64_t bytes_ = 0;
};

}  // namespace transom::io
