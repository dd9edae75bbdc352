// SPDX-License-Identifier: Apache-2.0
// Product of 1 .. 16 activation rows and a weight, which is read once, as a stream; contract in
// tiled_linear_args.h. What linear_rows.cu and dense_rows.cu have in common.
//
// A warp multiplies tiles of one strip: the weight is operand a of m16n8k16, 16 outputs, and the rows are
// operand b, 8 at a time. The tensor cores are not busy here, they only spare instructions: at the speed of
// memory a scheduler of an H100 has about 130 cycles for 512 bytes.
//
// The warps of a block share `strips` strips; warps of one strip take its tiles in turns, and blocks of one
// strip (splits) share the inputs. kDepth tiles of each warp are on their way in registers at any time, the
// first before the activations are converted. Sums of warps meet in shared memory; sums of splits in global
// memory, where the last block to arrive adds them in order of splits, so that results do not depend on who
// was last. A norm that follows is made by the last block of all, which sees all results.
#pragma once

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/linear_rows_block.cuh"
#include "kernels/cuda/linear_rows_norm.cuh"
#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/shared_limit.cuh"
#include "kernels/cuda/unpack.cuh"

namespace transom::kernels::cuda::rows {

/// Tiles on their way of each warp: 64 to 128 bytes a lane, so that 16 warps of a multiprocessor have 32 KB
/// and more in flight. An H100 needs about 18 KB: 3.35 TB/s times 700 ns over 132.
template <WeightType kType>
constexpr unsigned kDepth = kType == WeightType::bf16 ? 2
                            : kType == WeightType::i8 ? 4
                                                      : 8;

/// When sums are multiplied by scales: after every 32 inputs, every 64, or, with one group, at the end.
enum class Fold { at_end, every_32, every_64 };
template <Fold kFold>
constexpr unsigned kFoldsOfTile = kFold == Fold::every_32 ? 2 : 1;

/// What a lane needs to multiply tiles of a chunk.
template <WeightType kType, int kRowTiles>
struct Lane {
  const uint16_t* rows[kRowTiles];  // its eight activations of the first 32 inputs of its next tile
  const float2* scales;             // of its outputs in the first fold of that tile
  const uint16_t* zeros;
  Origins<kType> origins;
};

template <int kRowTiles>
__device__ __forceinline__ void clear(float (&sums)[kRowTiles][4]) {
#pragma unroll
  for (int i = 0; i < kRowTiles * 4; ++i) sums[i / 4][i % 4] = 0.0f;
}

/// Brings scales and zero points of the warp's strip to shared memory, all as pairs (g, g + 8): those of each
/// fold of a chunk, so that what a tile needs lies where the tile is.
template <WeightType kType, Fold kFold>
__device__ __forceinline__ void stage_groups(const Arguments& args, unsigned strip, unsigned chunk,
                                             unsigned count, float2* scales, uint16_t* zeros, unsigned thread,
                                             unsigned threads) {
  const TiledWeight& weight = args.linear.weight;
  constexpr unsigned kPairs = kStripOutputs / 2, kBlocks = 2 / kFoldsOfTile<kFold>;  // of 32 inputs in a fold
  for (unsigned i = thread; i < count * kPairs; i += threads) {
    const unsigned group = args.group_of(2 * chunk + i / kPairs * kBlocks);
    const size_t pair = (strip * weight.groups + group) * kPairs + i % kPairs;
    store_shared(scales + i, load_scales(weight, pair));
    constexpr uint16_t kMiddle = kMiddleZeros<kType>;
    store_shared(zeros + i, weight.zero == nullptr ? kMiddle : load_zeros(weight, pair));
  }
}

/// Brings a chunk's scales and activations to shared memory, and tells the lane where its own lie.
template <WeightType kType, Fold kFold, int kRowTiles>
__device__ __forceinline__ void stage_chunk(const Arguments& args, Shared& shared, unsigned chunk,
                                            unsigned chunk_end, Lane<kType, kRowTiles>& lane) {
  const TiledWeight& weight = args.linear.weight;
  const unsigned strips = args.plan.strips, slot = threadIdx.x / kWarpLanes % strips,
                 strip = strip_of(args, slot);
  const unsigned g = threadIdx.x % kWarpLanes / 4, t = threadIdx.x % 4,
                 part = threadIdx.x / kWarpLanes / strips;
  if constexpr (kFold != Fold::at_end) {
    constexpr unsigned kFolds = kFoldsOfTile<kFold>;
    const unsigned folds = (chunk_end - chunk) * kFolds;
    float2* scales = reinterpret_cast<float2*>(shared.groups) + slot * folds * 8;
    uint16_t* zeros =
        reinterpret_cast<uint16_t*>(shared.groups + strips * folds * 8 * sizeof(float2)) + slot * folds * 8;
    if (strip < strip_count(weight.n)) {
      const unsigned thread = part * kWarpLanes + threadIdx.x % kWarpLanes;
      stage_groups<kType, kFold>(args, strip, chunk, folds, scales, zeros, thread, kThreads / strips);
    }
    lane.scales = scales + part * kFolds * 8 + g;
    lane.zeros = zeros + part * kFolds * 8 + g;
  }
  const unsigned stride = args.plan.chunk * kTileInputs + kRowPadding,
                 n_rows = static_cast<unsigned>(args.linear.n_rows);
#pragma unroll
  for (unsigned r = 0; r < kRowTiles; ++r)
    lane.rows[r] = shared.rows + min(r * 8 + g, n_rows - 1) * stride + part * kTileInputs + t * 8;
  constexpr bool kF16 = kType != WeightType::bf16;
  const unsigned first = chunk * kTileInputs, count = (chunk_end - chunk) * kTileInputs;
  const StagedRows to{shared.rows, stride, shared.factors, shared.maxima};
  if (args.linear.input_order == nullptr) {
    stage_rows<kF16, kThreads, false>(args.linear, first, count, to);
  } else {
    stage_rows<kF16, kThreads, true>(args.linear, first, count, to);
  }
}

/// Scales of a fold of the lane's next tile, and its origins into lane.
template <WeightType kType, int kRowTiles>
__device__ __forceinline__ float2 enter_fold(Lane<kType, kRowTiles>& lane, int fold) {
  set_origins<kType>(lane.origins, load_shared(lane.zeros + fold * 8));
  return load_shared(lane.scales + fold * 8);
}

template <WeightType kType, Fold kFold, int kRowTiles>
__device__ __forceinline__ void multiply_tile(const uint32_t (&words)[kTileWords<kType>],
                                              Lane<kType, kRowTiles>& lane, float (&sums)[kRowTiles][4]) {
  float of_group[kRowTiles][4];
  float2 scale;
#pragma unroll
  for (int j = 0; j < 2; ++j) {
    if (kFold == Fold::every_32 || (kFold == Fold::every_64 && j == 0)) {
      scale = enter_fold(lane, j);
      clear(of_group);
    }
    uint32_t a[2][4];
    unpack<kType>(words, j, lane.origins, a[0], a[1]);
#pragma unroll
    for (int r = 0; r < kRowTiles; ++r) {
      const uint4 b = load_shared(reinterpret_cast<const uint4*>(lane.rows[r] + 32 * j));
      if constexpr (kFold == Fold::at_end) {
        multiply<kType>(sums[r], a[0], b.x, b.y);
        multiply<kType>(sums[r], a[1], b.z, b.w);
      } else {
        multiply<kType>(of_group[r], a[0], b.x, b.y);
        multiply<kType>(of_group[r], a[1], b.z, b.w);
      }
    }
    if (kFold == Fold::every_32 || (kFold == Fold::every_64 && j == 1)) {
#pragma unroll
      for (int i = 0; i < kRowTiles * 4; ++i)
        sums[i / 4][i % 4] += (i % 4 < 2 ? scale.x : scale.y) * of_group[i / 4][i % 4];
    }
  }
}

/// To the tile that is `tiles` behind.
template <Fold kFold, WeightType kType, int kRowTiles>
__device__ __forceinline__ void advance(Lane<kType, kRowTiles>& lane, unsigned tiles) {
#pragma unroll
  for (int r = 0; r < kRowTiles; ++r) lane.rows[r] += tiles * kTileInputs;
  if constexpr (kFold != Fold::at_end) {
    lane.scales += tiles * kFoldsOfTile<kFold> * 8;
    lane.zeros += tiles * kFoldsOfTile<kFold> * 8;
  }
}

/// Adds the sums of a chunk, times what its rows were divided by. Rows past the last are those of the last.
template <bool kF16, int kRowTiles>
__device__ __forceinline__ void add_chunk(float (&total)[kRowTiles][4], const float (&sums)[kRowTiles][4],
                                          const float* factors, unsigned n_rows) {
#pragma unroll
  for (int i = 0; i < kRowTiles * 4; ++i) {
    const unsigned row = i / 4 * 8 + threadIdx.x % 4 * 2 + i % 2;
    const float factor = kF16 ? load_shared(factors + min(row, n_rows - 1)) : 1.0f;
    total[i / 4][i % 4] += sums[i / 4][i % 4] * factor;
  }
}

/// Tiles of a strip in tile_layout.h, from tile `first` on, each `step` tiles behind the last.
template <WeightType kWeightType>
class PackedTiles {
 public:
  static constexpr WeightType kType = kWeightType;

  __device__ __forceinline__ PackedTiles(const TiledWeight& weight, unsigned strip, unsigned first,
                                         unsigned step)
      : next_(static_cast<const unsigned char*>(weight.data) +
              (strip * tile_count(weight.k) + first) * tile_bytes(kType)),
        step_(step * static_cast<unsigned>(tile_bytes(kType))) {}
  /// A lane's words of the tile.
  __device__ __forceinline__ void load(uint32_t (&words)[kTileWords<kType>]) const {
    load_tile(words, next_, threadIdx.x % kWarpLanes, FromStreamed());
  }
  __device__ __forceinline__ void advance() { next_ += step_; }

 private:
  const unsigned char* next_;
  unsigned step_;
};

template <class Tiles, Fold kFold, int kRowTiles>
__global__ void __launch_bounds__(kThreads, 2) linear_rows(Arguments args) {
  constexpr WeightType kType = Tiles::kType;
  constexpr bool kF16 = kType != WeightType::bf16;
  constexpr unsigned kTiles = kDepth<kType>;
  Shared& shared = block_shared<Shared>();
  const TiledWeight& weight = args.linear.weight;
  const unsigned warp = shuffle(threadIdx.x / kWarpLanes, 0), lane_index = threadIdx.x % kWarpLanes;
  const unsigned parts = kWarps / args.plan.strips, part = warp / args.plan.strips;
  const unsigned strip = strip_of(args, warp % args.plan.strips),
                 tiles = static_cast<unsigned>(tile_count(weight.k));
  const bool active = strip < strip_count(weight.n), scaled = active && kF16 && kFold == Fold::at_end;
  const unsigned begin = tiles * blockIdx.y / args.plan.splits,
                 end = tiles * (blockIdx.y + 1) / args.plan.splits;

  Tiles next(weight, strip, begin + part, parts);
  uint32_t words[kTiles][kTileWords<kType>];
#pragma unroll
  for (unsigned i = 0; i < kTiles; ++i, next.advance())
    if (active && begin + part + i * parts < end) next.load(words[i]);
  const size_t pair = strip * (kStripOutputs / 2) + lane_index / 4;  // of a single group
  Lane<kType, kRowTiles> lane;
  set_origins<kType>(lane.origins,
                     scaled && weight.zero != nullptr ? load_zeros(weight, pair) : kMiddleZeros<kType>);
  float total[kRowTiles][4];
  clear(total);
  for (unsigned chunk = begin; chunk < end; chunk += args.plan.chunk) {
    const unsigned chunk_end = min(end, chunk + args.plan.chunk);
    if (chunk > begin) block_sync();  // the last chunk is done with
    stage_chunk<kType, kFold>(args, shared, chunk, chunk_end, lane);
    block_sync();
    float sums[kRowTiles][4];
    clear(sums);
    // All but the last chunk have a multiple of kTiles * parts tiles: words[i] goes on where it was.
    for (unsigned first = chunk + part; active && first < chunk_end; first += kTiles * parts) {
#pragma unroll
      for (unsigned i = 0; i < kTiles; ++i, next.advance()) {
        const unsigned tile = first + i * parts;
        if (tile < chunk_end) multiply_tile<kType, kFold, kRowTiles>(words[i], lane, sums);
        advance<kFold>(lane, parts);
        if (tile + kTiles * parts < end) next.load(words[i]);
      }
    }
    add_chunk<kF16>(total, sums, shared.factors, static_cast<unsigned>(args.linear.n_rows));
  }
  store_sums(scaled ? load_scales(weight, pair) : make_float2(1.0f, 1.0f), total, shared.sums[warp]);
  block_sync();
  if (args.plan.splits > 1 && !leave_sums(args, shared)) return;
  store_results(args, shared);
  if (args.linear.norm.weight != nullptr) norm_results(args, shared);
}

template <class Tiles, Fold kFold>
cudaError_t launch_fold(const Arguments& args, cudaStream_t stream) {
  static_assert(sizeof(Shared) <= kLeastSharedBytes);
  if (args.linear.norm.weight != nullptr && !takes_norm(args.linear)) return cudaErrorInvalidValue;
  const dim3 grid(args.plan.blocks, args.plan.splits);
  const auto kernel = args.linear.n_rows <= 8 ? linear_rows<Tiles, kFold, 1> : linear_rows<Tiles, kFold, 2>;
  return launch(kernel, grid, dim3(kThreads), sizeof(Shared), stream, args);
}

}  // namespace transom::kernels::cuda::rows
