// SPDX-License-Identifier: Apache-2.0
/// Integers into one panel; layout in panel_layout.h. Four neighbouring inputs are one 32-bit word, so every
/// layout is shifts and masks of words. Loading runs this on gigabytes, hence words and not bits.
#include <string.h>

#include "kernels/common/linear_args.h"
#include "kernels/cpu/reference/reference.h"

namespace transom::kernels::reference {
namespace {

constexpr size_t kWords = kBlockInputs / 4;

/// The 32 inputs of one output from `first` on, four to a word; `nothing` past the end.
void load_block(const PackIntegersArgs& args, size_t row, size_t first, uint32_t nothing, uint32_t* words) {
  for (size_t w = 0; w < kWords; ++w) words[w] = nothing;
  if (row >= args.rows || first >= args.k) return;
  const size_t count = args.k - first < kBlockInputs ? args.k - first : kBlockInputs;
  memcpy(words, args.values + row * args.k + first, count);
}

void pack_block(WeightType type, const uint32_t* in, uint32_t* out, size_t stride) {
  switch (type) {
    case WeightType::i8:
      for (size_t w = 0; w < kWords; ++w) out[w * stride] = in[w] ^ 0x80808080u;
      return;
    case WeightType::i4:
      for (size_t w = 0; w < kWords; w += 2) out[w / 2 * stride] = in[w] | in[w + 1] << 4;
      return;
    case WeightType::i3:
      for (size_t w = 0; w < 3; ++w) out[w * stride] = in[2 * w] | in[2 * w + 1] << 3;
      for (size_t w = 0; w < 2; ++w) {
        out[w * stride] |= (in[6 + w] & 0x03030303u) << 6;
        out[2 * stride] |= (in[6 + w] & 0x04040404u) << (4 + w);
      }
      return;
    default:
      for (size_t w = 0; w < kWords; w += 4)
        out[w / 4 * stride] = in[w] | in[w + 1] << 2 | in[w + 2] << 4 | in[w + 3] << 6;
  }
}

}  // namespace

void pack_integers(const PackIntegersArgs& args) {
  // What is stored as zero bits.
  const uint32_t nothing = args.type == WeightType::i8 ? 0x80808080u : 0;
  uint32_t* out = static_cast<uint32_t*>(args.data);
  for (size_t first = 0; first < padded_k(args.type, args.k); first += kBlockInputs) {
    for (size_t row = 0; row < kPanelColumns; ++row) {
      uint32_t words[kWords];
      load_block(args, row, first, nothing, words);
      pack_block(args.type, words, out + row, kPanelColumns);
    }
    out += weight_bits(args.type) * kPanelColumns;
  }
}

}  // namespace transom::kernels::reference
