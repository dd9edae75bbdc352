// SPDX-License-Identifier: Apache-2.0
#include "io/checksum.h"

#include <algorithm>
#include <bit>
#include <cstring>

namespace transom::io {

namespace {

static_assert(std::endian::native == std::endian::little, "words are read as they lie in memory");

constexpr std::uint64_t kFactor = 0x9E3779B97F4A7C15u;

std::uint64_t mix(std::uint64_t lane, std::uint64_t word) { return std::rotl((lane ^ word) * kFactor, 29); }

void take_stripe(std::array<std::uint64_t, 4>& lanes, const std::byte* stripe) {
  std::uint64_t words[4];
  std::memcpy(words, stripe, sizeof(words));
  for (std::size_t i = 0; i < 4; ++i) lanes[i] = mix(lanes[i], words[i]);
}

}  // namespace

void Checksum::add(std::span<const std::byte> bytes) {
  const std::size_t waiting = bytes_ % kStripe;
  bytes_ += bytes.size();
  if (waiting > 0) {
    const std::size_t part = std::min(kStripe - waiting, bytes.size());
    std::copy_n(bytes.begin(), part, rest_.begin() + static_cast<std::ptrdiff_t>(waiting));
    if (waiting + part < kStripe) return;
    take_stripe(lanes_, rest_.data());
    bytes = bytes.subspan(part);
  }
  std::array<std::uint64_t, 4> lanes = lanes_;  // a local copy stays in registers
  while (bytes.size() >= kStripe) {
    take_stripe(lanes, bytes.data());
    bytes = bytes.subspan(kStripe);
  }
  lanes_ = lanes;
  std::copy(bytes.begin(), bytes.end(), rest_.begin());
}

std::uint64_t Checksum::value() const {
  std::array<std::uint64_t, 4> lanes = lanes_;
  if (const std::size_t waiting = bytes_ % kStripe; waiting > 0) {
    std::array<std::byte, kStripe> stripe{};
    std::copy_n(rest_.begin(), waiting, stripe.begin());
    take_stripe(lanes, stripe.data());
  }
  std::uint64_t value = bytes_;
  for (const std::uint64_t lane : lanes) value = mix(value, lane);
  value = (value ^ (value >> 32)) * kFactor;
  return value ^ (value >> 29);
}

}  // namespace transom::io
