// SPDX-License-Identifier: Apache-2.0
// Weights into tile_layout.h, word by word: eight neighbouring inputs of an output are one lane's share of
// half a tile. Loading runs this on gigabytes, hence words and not elements.
#include "kernels/cuda/pack_strips.h"

#include <string.h>

namespace transom::kernels::cuda {
namespace {

constexpr size_t kEight = 8;
constexpr size_t kMostWords = 8;  // of a lane

/// Eight integers of input half j and output half o into the words of their lane.
void add_integers(WeightType type, const uint8_t* values, size_t j, size_t o, uint32_t* words) {
  if (type == WeightType::i8) {
    memcpy(words + 4 * j + 2 * o, values, kEight);
    return;
  }
  for (size_t p = 0; p < kEight / 2; ++p) {
    const uint32_t pair = values[2 * p] | static_cast<uint32_t>(values[2 * p + 1]) << 16;
    if (type == WeightType::i4) {
      words[2 * j + o] |= pair << (4 * p);
    } else if (type == WeightType::i2) {
      words[o] |= pair << (2 * (4 * j + p));
    } else if (const size_t at = 8 * j + 4 * o + p; at < 15) {
      words[at / 5] |= pair << (at % 5 * 3);
    } else {
      for (size_t bit = 0; bit < 3; ++bit) words[bit] |= (pair >> bit & 0x00010001u) << 15;
    }
  }
}

}  // namespace

void pack_strip(const PackStripArgs& args) {
  const size_t k = args.k;
  uint32_t* data = args.data;
  for (size_t tile = 0; tile < tile_count(k); ++tile, data += tile_bytes(args.type) / sizeof(uint32_t)) {
    for (size_t lane = 0; lane < 32; ++lane) {
      uint32_t words[kMostWords] = {};
      for (size_t part = 0; part < 4; ++part) {
        const size_t j = part / 2, o = part % 2, row = lane / 4 + 8 * o;
        const size_t first = tile * kTileInputs + 32 * j + lane % 4 * kEight;
        uint8_t eight[kEight] = {};
        if (row < args.rows && first < k)
          memcpy(eight, args.values + row * k + first, k - first < kEight ? k - first : kEight);
        add_integers(args.type, eight, j, o, words);
      }
      for (size_t word = 0; word < weight_bits(args.type); ++word)
        data[tile_word_index(args.type, word, lane)] = words[word];
    }
  }
}

}  // namespace transom::kernels::cuda
