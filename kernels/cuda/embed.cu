// SPDX-License-Identifier: Apache-2.0
// Rows of an embedding table as f32; contract in elementwise_args.h. A thread takes four elements, whatever
// their type: so a warp writes 512 bytes at once, which eight elements of 16 bits a thread would write in
// halves of sectors.
#include "kernels/cuda/embed.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/rows.cuh"

namespace transom::kernels::cuda {
namespace {

/// The 16-bit number in the low half of a word.
template <TableType kType>
__device__ __forceinline__ float low_half(uint32_t word) {
  return kType == TableType::bf16 ? bf16_low(word) : f16_low(word);
}

template <TableType kType, int kWidth>
__device__ __forceinline__ Floats<kWidth> load_elements(const void* table, size_t at) {
  if constexpr (kType == TableType::f32) {
    return load_floats<kWidth>(static_cast<const float*>(table) + at);
  } else if constexpr (kWidth == 4) {
    const uint2 words = load_global(reinterpret_cast<const uint2*>(static_cast<const uint16_t*>(table) + at));
    return {{low_half<kType>(words.x), low_half<kType>(words.x >> 16), low_half<kType>(words.y),
             low_half<kType>(words.y >> 16)}};
  } else {
    return {{low_half<kType>(load_global(static_cast<const uint16_t*>(table) + at))}};
  }
}

template <TableType kType, int kWidth>
__global__ void __launch_bounds__(kItemThreads) embed(EmbedArgs args) {
  const size_t at = item_of_row() * kWidth;
  if (at >= args.hidden) return;
  const size_t row = static_cast<size_t>(load_global(args.ids + blockIdx.x));
  Floats<kWidth> elements = load_elements<kType, kWidth>(args.table, row * args.hidden + at);
#pragma unroll
  for (int i = 0; i < kWidth; ++i) elements.of[i] *= args.scale;
  store_floats(args.dst + blockIdx.x * args.dst_stride + at, elements);
}

template <TableType kType>
cudaError_t launch_type(const EmbedArgs& args, cudaStream_t stream) {
  constexpr size_t kElementBytes = kType == TableType::f32 ? 4 : 2;
  const bool fours = args.hidden % 4 == 0 &&
                     rows_begin_at(4 * kElementBytes, args.table, args.hidden * kElementBytes) &&
                     rows_in_fours(args.dst, args.dst_stride);
  return launch(fours ? embed<kType, 4> : embed<kType, 1>,
                item_grid(args.n_tokens, fours ? args.hidden / 4 : args.hidden), dim3(kItemThreads), 0,
                stream, args);
}

}  // namespace

cudaError_t launch_embed(const EmbedArgs& args, cudaStream_t stream) {
  if (args.n_tokens == 0 || args.hidden == 0) return cudaSuccess;
  switch (args.type) {
    case TableType::f32:
      return launch_type<TableType::f32>(args, stream);
    case TableType::bf16:
      return launch_type<TableType::bf16>(args, stream);
    case TableType::f16:
      return launch_type<TableType::f16>(args, stream);
  }
  return cudaErrorInvalidValue;
}

}  // namespace transom::kernels::cuda
