// SPDX-License-Identifier: Apache-2.0
/// Rows of a checkpoint into panels; contract in linear_args.h.
///
/// Works on tiles of 64 outputs x 64 inputs: each row piece is turned into f32 by a loop that vectorises,
/// then the tile (16 KB, in L1) is written in panel order. Loading runs this on gigabytes, hence not the
/// plainest form.
#include <string.h>

#include "kernels/common/bf16.h"
#include "kernels/common/linear_args.h"
#include "kernels/cpu/reference/reference.h"

namespace transom::kernels::reference {
namespace {

constexpr size_t kTileInputs = 64;  // a multiple of every padded_k block

/// Inputs [first, first + count) of one output as f32.
void load_piece(const PackArgs& args, size_t out, size_t first, size_t count, float* piece) {
  const char* row = static_cast<const char*>(args.rows[out]);
  if (args.source == SourceType::f32) {
    memcpy(piece, row + first * sizeof(float), count * sizeof(float));
  } else {
    uint16_t half[kTileInputs];
    memcpy(half, row + first * sizeof(uint16_t), count * sizeof(uint16_t));
    if (args.source == SourceType::bf16) {
      for (size_t i = 0; i < count; ++i) piece[i] = bf16_to_f32(half[i]);
    } else {
      for (size_t i = 0; i < count; ++i) piece[i] = f16_to_f32(half[i]);
    }
  }
}

size_t piece_count(size_t k, size_t first) { return k - first < kTileInputs ? k - first : kTileInputs; }

/// One tile [64 outputs][64 inputs] as f32, zero where the weight has ended.
void load_tile(const PackArgs& args, size_t panel, size_t first, float (*tile)[kTileInputs]) {
  const size_t count = first < args.k ? piece_count(args.k, first) : 0;
  for (size_t column = 0; column < kPanelColumns; ++column) {
    const size_t out = panel * kPanelColumns + column;
    const size_t filled = out < args.n ? count : 0;
    if (filled > 0) load_piece(args, out, first, filled, tile[column]);
    for (size_t i = filled; i < kTileInputs; ++i) tile[column][i] = 0;
  }
}

template <size_t kGroup, typename Element>
void store_tile(const Element (*tile)[kTileInputs], size_t inputs, Element* dst) {
  for (size_t first = 0; first < inputs; first += kGroup) {
    for (size_t column = 0; column < kPanelColumns; ++column) {
      for (size_t i = 0; i < kGroup; ++i) *dst++ = tile[column][first + i];
    }
  }
}

void store_bf16(const float (*tile)[kTileInputs], size_t inputs, uint16_t* dst) {
  uint16_t rounded[kPanelColumns][kTileInputs];
  for (size_t column = 0; column < kPanelColumns; ++column) {
    for (size_t i = 0; i < kTileInputs; ++i) rounded[column][i] = f32_to_bf16(tile[column][i]);
  }
  store_tile<2>(rounded, inputs, dst);
}

}  // namespace

void pack(const PackArgs& args) {
  const size_t inputs_end = padded_k(args.type, args.k);
  float tile[kPanelColumns][kTileInputs];
  for (size_t panel = args.panel_begin; panel < args.panel_end; ++panel) {
    const size_t first_out = panel * kPanelColumns;
    for (size_t first = 0; first < inputs_end; first += kTileInputs) {
      const size_t inputs = inputs_end - first < kTileInputs ? inputs_end - first : kTileInputs;
      const size_t at = packed_index(args.type, args.k, first_out, first);
      load_tile(args, panel, first, tile);
      if (args.type == WeightType::f32) {
        store_tile<1>(tile, inputs, static_cast<float*>(args.data) + at);
      } else {
        store_bf16(tile, inputs, static_cast<uint16_t*>(args.data) + at);
      }
    }
  }
}

}  // namespace transom::kernels::reference
