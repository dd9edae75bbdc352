// SPDX-License-Identifier: Apache-2.0
// Weights into tile_layout.h, word by word: eight neighbouring inputs of an output are one lane's share of
// half a tile. Loading runs this on gigabytes, hence words and not elements.
#include "kernels/cuda/pack_strips.h"

#include <string.h>

#include "kernels/common/bf16.h"

namespace transom::kernels::cuda {
namespace {

constexpr size_t kEight = 8;
constexpr size_t kMostWords = 16;  // of a lane: bf16

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

void add_halves(const uint16_t* values, size_t j, size_t o, uint32_t* words) {
  for (size_t p = 0; p < kEight / 2; ++p)
    words[8 * j + 4 * (p / 2) + 2 * (p % 2) + o] = values[2 * p] | static_cast<uint32_t>(values[2 * p + 1])
                                                                       << 16;
}

/// All words of a strip. read(row, first, count, eight) puts inputs of an output there; zeros lie there
/// already.
template <class Element, class Read, class Add>
void fill_strip(WeightType type, size_t rows, size_t k, uint32_t* data, Read read, Add add) {
  for (size_t tile = 0; tile < tile_count(k); ++tile, data += tile_bytes(type) / sizeof(uint32_t)) {
    for (size_t lane = 0; lane < 32; ++lane) {
      uint32_t words[kMostWords] = {};
      for (size_t part = 0; part < 4; ++part) {
        const size_t j = part / 2, o = part % 2, row = lane / 4 + 8 * o;
        const size_t first = tile * kTileInputs + 32 * j + lane % 4 * kEight;
        Element eight[kEight] = {};
        if (row < rows && first < k) read(row, first, k - first < kEight ? k - first : kEight, eight);
        add(eight, j, o, words);
      }
      for (size_t word = 0; word < weight_bits(type); ++word)
        data[tile_word_index(type, word, lane)] = words[word];
    }
  }
}

void read_floats(const PackFloatStripArgs& args, size_t row, size_t first, size_t count, uint16_t* eight) {
  const char* from = static_cast<const char*>(args.rows[row]);
  if (args.source == SourceType::f32) {
    float values[kEight];
    memcpy(values, from + first * sizeof(float), count * sizeof(float));
    for (size_t i = 0; i < count; ++i) eight[i] = f32_to_bf16(values[i]);
    return;
  }
  memcpy(eight, from + first * sizeof(uint16_t), count * sizeof(uint16_t));
  if (args.source == SourceType::f16)
    for (size_t i = 0; i < count; ++i) eight[i] = f32_to_bf16(f16_to_f32(eight[i]));
}

}  // namespace

void pack_strip(const PackStripArgs& args) {
  fill_strip<uint8_t>(
      args.type, args.rows, args.k, args.data,
      [&](size_t row, size_t first, size_t count, uint8_t* eight) {
        memcpy(eight, args.values + row * args.k + first, count);
      },
      [&](const uint8_t* eight, size_t j, size_t o, uint32_t* words) {
        add_integers(args.type, eight, j, o, words);
      });
}

void pack_float_strip(const PackFloatStripArgs& args) {
  fill_strip<uint16_t>(
      WeightType::bf16, args.n_rows, args.k, args.data,
      [&](size_t row, size_t first, size_t count, uint16_t* eight) {
        read_floats(args, row, first, count, eight);
      },
      add_halves);
}

}  // namespace transom::kernels::cuda
