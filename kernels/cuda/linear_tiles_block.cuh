// SPDX-License-Identifier: Apache-2.0
// A block of linear_tiles: its shape, its arguments, and how stages of its operands come into shared memory.
#pragma once

#include "kernels/cuda/group_index.cuh"
#include "kernels/cuda/linear_tiles.h"
#include "kernels/cuda/ptx.cuh"

namespace transom::kernels::cuda::tiles {

/// When sums are multiplied by scales: after every so many inputs or, with one group, at the end.
enum class Fold { at_end, every_32, every_64, every_128 };

/// What a launch chooses.
inline Fold fold_of(const TiledWeight& weight, ActivationType type) {
  if (weight.groups == 1 && weight.zero == nullptr) return Fold::at_end;
  const unsigned part = int8_part(weight);
  if (part == 128 && type == ActivationType::int8) return Fold::every_128;
  return part >= 64 ? Fold::every_64 : Fold::every_32;
}

/// Strips of a warp.
constexpr unsigned kWarpStrips = 4;
/// And its tiles of 8 rows. With 8 it multiplies 64 outputs by 64 rows: 128 sums a lane, and 12 KB of shared
/// memory read for the 2^18 products of 64 inputs, some 60 bytes a cycle of an H100 at 60 % of its peak, of
/// 128 that there are. The operands of a stage that wait for the end of their group, 64 registers, leave room
/// for the sums of 48 rows, and those of two groups for fewer.
constexpr unsigned row_tiles(Fold fold, bool int8) {
  if (fold == Fold::at_end) return 8;
  if (fold == Fold::every_128) return 5;
  return fold == Fold::every_64 && !int8 ? 6 : 4;
}

template <WeightType kWeightType, ActivationType kActivations, Fold kFoldWhen, bool kHasZeros,
          unsigned kRowWarps>
struct Shape {
  static constexpr WeightType kType = kWeightType;
  static constexpr Fold kFold = kFoldWhen;
  static constexpr bool kInt8 = kActivations == ActivationType::int8;
  static constexpr bool kZeros = kHasZeros;  // of int8 activations; else they do not matter
  static constexpr unsigned kRowTiles = row_tiles(kFold, kInt8);
  static constexpr unsigned kWarpRows = kRowTiles * 8;
  static constexpr unsigned kOutputWarps = 2;
  static constexpr unsigned kThreads = kOutputWarps * kRowWarps * kWarpLanes;
  static constexpr unsigned kStrips = kOutputWarps * kWarpStrips;
  static constexpr unsigned kOutputs = kStrips * kStripOutputs;
  static constexpr unsigned kRows = kRowWarps * kWarpRows;
  /// A stage: 128 bytes of each row, 4 products, whose operands are unpacked kProducts at a time.
  static constexpr unsigned kTiles = kInt8 ? 2 : 1;
  static constexpr unsigned kStripBytes = kTiles * kStripOutputs * kTileInputs / 8 * weight_bits(kType);
  static constexpr unsigned kProducts = kFold == Fold::at_end ? 2 : 4;
  static constexpr unsigned kSteps = 4 / kProducts;
  /// Folds of a stage, and blocks of 32 inputs in a fold.
  static constexpr unsigned kFoldBlocks = kFold == Fold::every_128 ? 4 : kFold == Fold::every_64 ? 2 : 1;
  static constexpr unsigned kFolds = kFold == Fold::at_end ? 0 : 2 * kTiles / kFoldBlocks;
  /// Two blocks of 128 rows shall fit on a multiprocessor of an A100, 164 KB.
  static constexpr unsigned kStages = kStrips * kStripBytes + kRows * 128 > 26 * 1024 ? 2 : 3;
  static constexpr unsigned kBlocks =
      4 / kRowWarps;  // of a multiprocessor: with up to 255 registers a thread
};

struct Arguments {
  TiledLinearArgs linear;
  Activations activations;
  SplitScratch scratch;
  GroupIndex group_of;
};

/// Terms of the groups of a stage for each fold; those of weights as pairs of outputs g and g + 8.
template <unsigned kFolds, unsigned kStrips, unsigned kRows>
struct Groups {
  float2 scales[kFolds][kStrips][8];
  uint2 zeros[kFolds][kStrips][8];  // as set_origins takes them; of int8 activations less 128
  alignas(16) float row_scales[kFolds][kRows];
  alignas(16) int32_t row_sums[kFolds][kRows];
};
template <unsigned kStrips, unsigned kRows>
struct Groups<0, kStrips, kRows> {};

template <class S>
struct Stage : Groups<S::kFolds, S::kStrips, S::kInt8 ? S::kRows : 4> {
  alignas(128) unsigned char weight[S::kStrips][S::kStripBytes];
  alignas(128) unsigned char rows[S::kRows][128];  // 16-byte chunks in places turned by chunk_turn
};

/// Floats between rows of results: lanes of a product, 8 outputs of 4 even rows, fall on banks of their own.
template <class S>
constexpr unsigned kResultStride = S::kOutputs + 4;

template <class S>
struct Shared {
  union {
    Stage<S> stages[S::kStages];
    float results[S::kRows][kResultStride<S>];  // once all is multiplied
  };
  size_t strips[S::kStrips];    // where they begin in the weight
  unsigned groups[S::kStrips];  // and their scales, in pairs
  unsigned arrived;
};

/// Chunk c of a row lies at c ^ chunk_turn(row), so that a quarter of a warp that reads 64 bytes of two
/// neighbouring rows, and half of one that reads 32 bytes of four, finds them on different banks.
__device__ __forceinline__ unsigned chunk_turn(unsigned row) { return (row & 1) << 2 | (row & 2); }

/// The strip of a slot of the block: slots of a warp are neighbours. gated: the upper half of a warp's slots
/// is of the second half of the outputs. Past the last: strip_count.
template <class S>
__device__ __forceinline__ unsigned strip_of(const Arguments& args, unsigned slot) {
  const unsigned strips = static_cast<unsigned>(strip_count(args.linear.weight.n));
  if (!args.linear.gated) return min(blockIdx.y * S::kStrips + slot, strips);
  constexpr unsigned kHalf = kWarpStrips / 2;
  const unsigned strip = blockIdx.y * (S::kStrips / 2) + slot / kWarpStrips * kHalf + slot % kHalf;
  return strip >= strips / 2 ? strips : strip + slot / kHalf % 2 * (strips / 2);
}
/// What is read in its place: products of outputs and rows past the last are computed, of the last, and
/// dropped.
template <class S>
__device__ __forceinline__ unsigned readable_strip(const Arguments& args, unsigned slot) {
  return min(strip_of<S>(args, slot), static_cast<unsigned>(strip_count(args.linear.weight.n)) - 1);
}

/// Fills shared.strips; there after a barrier.
template <class S>
__device__ __forceinline__ void find_strips(const Arguments& args, Shared<S>& shared) {
  const size_t strip_bytes = tile_count(args.linear.weight.k) * tile_bytes(S::kType);
  if (threadIdx.x < S::kStrips) {
    const unsigned strip = readable_strip<S>(args, threadIdx.x);
    store_shared(shared.strips + threadIdx.x, strip * strip_bytes);
    store_shared(shared.groups + threadIdx.x, strip * static_cast<unsigned>(args.linear.weight.groups) * 8);
  }
}

/// Begins to copy a stage of weights and rows.
template <class S>
__device__ __forceinline__ void copy_stage(const Arguments& args, Shared<S>& shared, Stage<S>& stage,
                                           unsigned number) {
  constexpr unsigned kChunks = S::kStripBytes / 16;
  const unsigned char* data =
      static_cast<const unsigned char*>(args.linear.weight.data) + size_t{number} * S::kStripBytes;
  const bool half = S::kTiles == 2 && number * 2 + 1 == tile_count(args.linear.weight.k);  // the last may be
#pragma unroll
  for (unsigned i = threadIdx.x; i < S::kStrips * kChunks; i += S::kThreads) {
    const unsigned slot = i / kChunks, at = i % kChunks * 16;
    cp_async_16(stage.weight[slot] + at, data + load_shared(shared.strips + slot) + at,
                !half || at < S::kStripBytes / S::kTiles);
  }
  const unsigned chunk = threadIdx.x % 8, last = static_cast<unsigned>(args.linear.n_rows) - 1;
  const unsigned char* from = args.activations.values + size_t{number} * 128 + chunk * 16;
#pragma unroll
  for (unsigned row = threadIdx.x / 8; row < S::kRows; row += S::kThreads / 8) {
    const size_t global_row = min(blockIdx.x * S::kRows + row, last);
    cp_async_16(stage.rows[row] + (chunk ^ chunk_turn(row)) * 16, from + global_row * args.activations.pitch);
  }
  if constexpr (S::kInt8 && S::kFolds > 0) {
    const Activations& rows = args.activations;
#pragma unroll
    for (unsigned i = threadIdx.x; i < S::kFolds * S::kRows / 4; i += S::kThreads) {
      const unsigned row = i % (S::kRows / 4) * 4, fold = i / (S::kRows / 4);
      const size_t first = min(blockIdx.x * S::kRows + row, static_cast<unsigned>(rows.padded_rows) - 4);
      const size_t part = number * S::kFolds + fold;
      const size_t group = args.group_of(number * S::kTiles * 2 + fold * S::kFoldBlocks);
      cp_async_16(stage.row_scales[fold] + row, rows.scales + group * rows.padded_rows + first);
      if (S::kZeros && rows.sums != nullptr)
        cp_async_16(stage.row_sums[fold] + row, rows.sums + part * rows.padded_rows + first);
    }
  }
}

/// Scales and zero points of a stage on their way from memory through registers, where they change their
/// type: a thread's share.
template <class S>
struct GroupLoads {
  static constexpr unsigned kAll = S::kFolds * S::kStrips * 8;
  static constexpr unsigned kPairs = (kAll + S::kThreads - 1) / S::kThreads;
  uint2 scales[kPairs];  // as they are kept
  uint32_t zeros[kPairs];

  __device__ __forceinline__ void load(const Arguments& args, const Shared<S>& shared, unsigned number) {
    const TiledWeight& weight = args.linear.weight;
#pragma unroll
    for (unsigned p = 0; p < kPairs; ++p) {
      const unsigned i = min(threadIdx.x + p * S::kThreads, kAll - 1), slot = i / 8 % S::kStrips,
                     fold = i / 8 / S::kStrips;
      const unsigned group = args.group_of(number * S::kTiles * 2 + fold * S::kFoldBlocks);
      const unsigned pair = load_shared(shared.groups + slot) + group * 8 + i % 8;
      if (weight.scale_type == ScaleType::f32) {
        scales[p] = load_global(static_cast<const uint2*>(weight.scale) + pair);
      } else {
        scales[p].x = load_global(static_cast<const uint32_t*>(weight.scale) + pair);
      }
      zeros[p] = kMiddle;
      if (weight.zero != nullptr)
        zeros[p] = load_global(reinterpret_cast<const uint16_t*>(weight.zero) + pair);
    }
  }

  __device__ __forceinline__ void store(const Arguments& args, Stage<S>& stage) const {
    const ScaleType type = args.linear.weight.scale_type;
#pragma unroll
    for (unsigned p = 0; p < kPairs; ++p) {
      const unsigned i = threadIdx.x + p * S::kThreads, slot = i / 8 % S::kStrips, fold = i / 8 / S::kStrips;
      if (i >= kAll) break;
      const uint32_t word = scales[p].x;
      float2 scale = make_float2(bits_as_float(word), bits_as_float(scales[p].y));
      if (type == ScaleType::bf16) scale = make_float2(bf16_low(word), bf16_high(word));
      if (type == ScaleType::f16) scale = make_float2(f16_low(word), f16_low(word >> 16));
      store_shared(&stage.scales[fold][slot][i % 8], scale);
      const uint32_t less = S::kInt8 ? 128u : 0u;
      const uint32_t low = zeros[p] & 0xffu, high = zeros[p] >> 8;
      if (!S::kInt8) {
        store_shared(&stage.zeros[fold][slot][i % 8], make_uint2(low * 0x00010001u, high * 0x00010001u));
      } else if (S::kZeros) {
        store_shared(&stage.zeros[fold][slot][i % 8], make_uint2(low - less, high - less));
      }
    }
  }

 private:
  static constexpr uint32_t kMiddle = (1u << (weight_bits(S::kType) - 1)) * 0x0101u;
};

}  // namespace transom::kernels::cuda::tiles
