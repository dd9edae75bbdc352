// SPDX-License-Identifier: Apache-2.0
// Activations to the types of tensor cores; contract in convert_activations.h. Each kernel reads its values
// twice, the second time from a cache: for the largest, then to convert them. Sources at any alignment, so
// loads are of single floats.
#include "kernels/cuda/convert_activations.h"
#include "kernels/cuda/f16_range.cuh"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx.cuh"
#include "kernels/cuda/row_source.cuh"

namespace transom::kernels::cuda {
namespace {

constexpr unsigned kThreads = 256;
constexpr unsigned kWarps = kThreads / kWarpLanes;
/// Loads of a thread that are under way at a time.
constexpr unsigned kLoads = 8;
/// Bytes of a row come in whole stages of linear_tiles.
constexpr size_t kPitch = 128;

struct Shared {
  unsigned maxima[kWarps];
};

/// The largest magnitude of inputs [0, count) of a row, over the lanes of a warp, or, kThreadsOfRow being
/// those of a block, over the block. thread: of those.
template <unsigned kThreadsOfRow, bool kOrdered>
__device__ __forceinline__ unsigned largest(const RowSource<kOrdered>& source, size_t row, unsigned count,
                                            unsigned thread, Shared& shared) {
  unsigned most = 0;
  for (unsigned i = thread; i < count; i += kLoads * kThreadsOfRow) {
    float values[kLoads];
#pragma unroll
    for (unsigned u = 0; u < kLoads; ++u) values[u] = source.at(row, i + u * kThreadsOfRow);
#pragma unroll
    for (unsigned u = 0; u < kLoads; ++u) most = max(most, magnitude_bits(values[u]));
  }
  most = warp_max(most);
  if constexpr (kThreadsOfRow == kThreads) {
    if (threadIdx.x % kWarpLanes == 0) store_shared(shared.maxima + threadIdx.x / kWarpLanes, most);
    block_sync();
#pragma unroll
    for (unsigned i = 0; i < kWarps; ++i) most = max(most, load_shared(shared.maxima + i));
  }
  return most;
}

/// A sum over the lanes of each part of a warp: `lanes` neighbours, a power of two.
__device__ __forceinline__ int32_t sum_of_lanes(int32_t sum, unsigned lanes) {
#pragma unroll
  for (int mask = 1; mask < kWarpLanes; mask *= 2) {
    const int32_t other = shuffle_xor(sum, mask);
    if (static_cast<unsigned>(mask) < lanes) sum += other;
  }
  return sum;
}

/// A block a row.
template <bool kF16, bool kOrdered>
__global__ void __launch_bounds__(kThreads) convert_to_half(TiledLinearArgs args, Activations to) {
  Shared& shared = block_shared<Shared>();
  const unsigned k = static_cast<unsigned>(args.weight.k), count = static_cast<unsigned>(to.pitch / 2);
  const size_t row = blockIdx.x;
  const RowSource<kOrdered> source{args, 0, k};
  float multiplier = 1.0f;
  if constexpr (kF16) {
    const unsigned most = largest<kThreads>(source, row, k, threadIdx.x, shared);
    multiplier = f16_multiplier(most);
    if (threadIdx.x == 0) store_global(to.scales + row, f16_factor(most));
  }
  uint32_t* dst = reinterpret_cast<uint32_t*>(to.values + row * to.pitch);
  for (unsigned i = threadIdx.x; i < count / 2; i += kLoads / 2 * kThreads) {
    float values[kLoads];
#pragma unroll
    for (unsigned u = 0; u < kLoads; ++u)
      values[u] = source.at(row, 2 * (i + u / 2 * kThreads) + u % 2) * multiplier;
#pragma unroll
    for (unsigned u = 0; u < kLoads; u += 2) {
      const unsigned at = i + u / 2 * kThreads;
      const uint32_t pair =
          kF16 ? pack_f16x2(values[u], values[u + 1]) : pack_bf16x2(values[u], values[u + 1]);
      if (at < count / 2) store_global(dst + at, pair);
    }
  }
}

/// Four integers as a word.
__device__ __forceinline__ uint32_t quantize_four(const float (&values)[4], float multiplier) {
  uint32_t word = 0;
#pragma unroll
  for (unsigned u = 0; u < 4; ++u)
    word |= (static_cast<uint32_t>(round_to_int(values[u] * multiplier)) & 0xffu) << (8 * u);
  return word;
}

/// A warp a group of a row, or, of a weight of one group, a block a row.
template <unsigned kThreadsOfRow, bool kOrdered>
__global__ void __launch_bounds__(kThreads)
    convert_to_int8(TiledLinearArgs args, Activations to, unsigned part) {
  Shared& shared = block_shared<Shared>();
  const unsigned groups = static_cast<unsigned>(args.weight.groups), thread = threadIdx.x % kThreadsOfRow;
  const unsigned group = kThreadsOfRow == kThreads ? 0 : blockIdx.y * kWarps + threadIdx.x / kWarpLanes;
  if (group >= groups) return;  // whole warps
  const unsigned k = static_cast<unsigned>(args.weight.k),
                 begin = group * static_cast<unsigned>(args.weight.group);
  const bool last = group + 1 == groups;
  const unsigned end = last ? k : begin + static_cast<unsigned>(args.weight.group);
  const size_t row = blockIdx.x;
  const RowSource<kOrdered> source{args, begin, end};
  const unsigned most = largest<kThreadsOfRow>(source, row, end - begin, thread, shared);
  const bool finite = most < 0x7f800000u, usable = finite && bits_as_float(most) >= kSmallestRowMaximum;
  const float multiplier = usable ? 127.0f / bits_as_float(most) : 0.0f;
  unsigned char* dst = to.values + row * to.pitch;
  const unsigned stop = last ? static_cast<unsigned>(to.pitch) : end, lane = threadIdx.x % kWarpLanes;
  for (unsigned first = begin + 4 * (thread - lane); first < stop;
       first += 4 * kThreadsOfRow) {  // whole warps
    const unsigned input = first + 4 * lane;
    float values[4];
#pragma unroll
    for (unsigned u = 0; u < 4; ++u) values[u] = finite ? source.at(row, input - begin + u) : 0.0f;
    const uint32_t word = quantize_four(values, multiplier);
    if (input < stop) store_global(reinterpret_cast<uint32_t*>(dst + input), word);
    if (to.sums == nullptr) continue;
    const int32_t sum = sum_of_lanes(dot4_s8(word, 0x01010101u, 0), part / 4);
    if (input < stop && input % part == 0) store_global(to.sums + input / part * to.padded_rows + row, sum);
  }
  if (thread == 0) {
    const float scale = usable ? bits_as_float(most) / 127.0f : finite ? 0.0f : bits_as_float(0x7fffffffu);
    store_global(to.scales + group * to.padded_rows + row, scale);
  }
}

template <bool kOrdered>
cudaError_t launch_ordered(const TiledLinearArgs& args, const Activations& to, cudaStream_t stream) {
  const unsigned rows = static_cast<unsigned>(args.n_rows),
                 groups = static_cast<unsigned>(args.weight.groups);
  const dim3 block(kThreads);
  if (to.type == ActivationType::half) {
    const auto kernel = args.weight.type == WeightType::bf16 ? convert_to_half<false, kOrdered>
                                                             : convert_to_half<true, kOrdered>;
    return launch(kernel, dim3(rows), block, sizeof(Shared), stream, args, to);
  }
  if (groups == 1)
    return launch(convert_to_int8<kThreads, kOrdered>, dim3(rows), block, sizeof(Shared), stream, args, to,
                  int8_part(args.weight));
  const dim3 grid(rows, (groups + kWarps - 1) / kWarps);
  return launch(convert_to_int8<kWarpLanes, kOrdered>, grid, block, sizeof(Shared), stream, args, to,
                int8_part(args.weight));
}

constexpr size_t padded(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

}  // namespace

Activations place_activations(const TiledLinearArgs& args, ActivationType type, void* memory) {
  const bool int8 = type == ActivationType::int8;
  Activations to;
  to.type = type;
  to.values = static_cast<unsigned char*>(memory);
  to.pitch = padded(args.weight.k * (int8 ? 1 : 2), kPitch);
  to.padded_rows = padded(args.n_rows, 8);
  const size_t scales = (int8 ? args.weight.groups : 1) * to.padded_rows;
  to.scales = reinterpret_cast<float*>(to.values + args.n_rows * to.pitch);
  if (int8 && args.weight.zero != nullptr) to.sums = reinterpret_cast<int32_t*>(to.scales + scales);
  return to;
}

size_t activations_bytes(const TiledLinearArgs& args, ActivationType type) {
  const Activations to = place_activations(args, type, nullptr);
  size_t words = (type == ActivationType::int8 ? args.weight.groups : 1) * to.padded_rows;
  if (type == ActivationType::int8 && args.weight.zero != nullptr)
    words += to.pitch / int8_part(args.weight) * to.padded_rows;
  return args.n_rows * to.pitch + words * sizeof(float);
}

cudaError_t launch_convert_activations(const TiledLinearArgs& args, const Activations& to,
                                       cudaStream_t stream) {
  if (args.n_rows == 0) return cudaSuccess;
  return args.input_order == nullptr ? launch_ordered<false>(args, to, stream)
                                     : launch_ordered<true>(args, to, stream);
}

}  // namespace transom::kernels::cuda
