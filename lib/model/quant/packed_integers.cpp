// SPDX-License-Identifier: Apache-2.0
#include "model/quant/packed_integers.h"

namespace transom::model {

namespace {

template <int kBits>
void unpack(const std::uint32_t* words, std::uint8_t* values) {
  constexpr std::uint32_t kMask = (1u << kBits) - 1;
  for (int i = 0; i < kPackedRun; ++i) {
    const int word = i * kBits / 32, shift = i * kBits % 32;
    std::uint32_t value = words[word] >> shift;
    if (shift + kBits > 32) value |= words[word + 1] << (32 - shift);
    values[i] = static_cast<std::uint8_t>(value & kMask);
  }
}

}  // namespace

UnpackRun unpack_run(int bits) {
  switch (bits) {
    case 2:
      return unpack<2>;
    case 3:
      return unpack<3>;
    case 4:
      return unpack<4>;
    default:
      return unpack<8>;
  }
}

}  // namespace transom::model
