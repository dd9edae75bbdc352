// SPDX-License-Identifier: Apache-2.0
// The largest key such that the measure of all tokens of this key or a larger one reaches what is wanted:
// with a measure of 1 the k-th largest logit, with the weights of tokens the one where top-p crosses. A digit
// of the key a launch, the highest first: blocks add up the measure by digits, and the last one takes the
// digit where the sum crosses. Nothing is sorted, and the sums, being of integers, are the same in every
// order.
#include "kernels/cuda/choose_rows.cuh"
#include "kernels/cuda/launch.cuh"

namespace transom::kernels::cuda::choose {
namespace {

struct Shared {
  uint64_t of_threads[kDigits * kThreads];  // by digits, then threads
  uint64_t sums[kDigits];
  unsigned arrived;
};

/// A thread for each digit and sixteenth of the block.
constexpr unsigned kParts = kThreads / kDigits;
static_assert(kParts == 16 && kDigits == 16);

/// The block's sums, to global memory.
__device__ __forceinline__ void store_sums(const uint64_t (&sums)[kDigits], Shared& shared, uint64_t* to) {
#pragma unroll
  for (unsigned digit = 0; digit < kDigits; ++digit)
    store_shared(shared.of_threads + digit * kThreads + threadIdx.x, sums[digit]);
  block_sync();
  const unsigned digit = threadIdx.x / kParts, part = threadIdx.x % kParts;
  uint64_t sum = 0;
#pragma unroll
  for (unsigned i = 0; i < kThreads / kParts; ++i)
    sum += load_shared(shared.of_threads + digit * kThreads + i * kParts + part);
#pragma unroll
  for (int mask = kParts / 2; mask > 0; mask /= 2)
    sum += shuffle_wide(sum, static_cast<int>(threadIdx.x % kWarpLanes) ^ mask);
  if (part == 0) store_global(to + digit, sum);
}

/// The sums of all blocks of the row, to shared.sums.
__device__ __forceinline__ void add_slices(const Arguments& args, Shared& shared) {
  const uint64_t* const partials = partials_of_row(args);
  uint64_t sum = 0;
  for (unsigned i = threadIdx.x; i < args.slices * kDigits; i += kThreads) sum += load_global(partials + i);
  store_shared(shared.of_threads + threadIdx.x, sum);
  block_sync();
  if (threadIdx.x < kDigits) {
    sum = 0;
    for (unsigned part = 0; part < kParts; ++part)
      sum += load_shared(shared.of_threads + part * kDigits + threadIdx.x);
    store_shared(shared.sums + threadIdx.x, sum);
  }
  block_sync();
}

/// What all digits together have to reach.
template <bool kWeights>
__device__ __forceinline__ uint64_t wanted_of_row(const ChooseRow* row, const Shared& shared) {
  if constexpr (kWeights) {
    uint64_t total = 0;
    for (unsigned digit = 0; digit < kDigits; ++digit) total += load_shared(shared.sums + digit);
    const uint64_t wanted = weight_of_share(load_global(&row->top_p), total);
    return wanted == 0 ? 1 : wanted;
  } else {
    return load_global(&row->top_k);
  }
}

/// By one thread: the next digit, and after the last one what the threshold is.
template <bool kWeights>
__device__ __forceinline__ void take_digit(const ChooseRow* row, State* state, const Shared& shared,
                                           unsigned shift) {
  uint64_t wanted =
      shift + kDigitBits == 32 ? wanted_of_row<kWeights>(row, shared) : load_global(&state->wanted);
  // Where less is there than wanted, this ends at the lowest key: all tokens pass.
  unsigned digit = kDigits - 1;
  for (; digit > 0 && load_shared(shared.sums + digit) < wanted; --digit)
    wanted -= load_shared(shared.sums + digit);
  const uint32_t prefix = load_global(&state->prefix) | digit << shift;
  store_global(&state->prefix, shift == 0 ? 0u : prefix);
  store_global(&state->wanted, wanted);
  if (shift != 0) return;
  if constexpr (kWeights) {
    const float best = key_logit(load_global(&state->best_key));
    const uint64_t weight =
        token_weight(relative_probability(key_logit(prefix), best, load_global(&row->temperature)));
    store_global(&state->crossing_key, prefix);
    store_global(&state->ties, weight == 0 ? ~uint64_t{0} : (wanted + weight - 1) / weight);
  } else {
    store_global(&state->least_key, prefix);
  }
}

template <int kWidth, bool kWeights>
__global__ void __launch_bounds__(kThreads) choose_threshold(Arguments args, unsigned shift) {
  const ChooseRow* const row = args.args.rows + blockIdx.y;
  State* const state = args.states + blockIdx.y;
  const bool asked = kWeights ? load_global(&row->top_p) != 0 : load_global(&row->top_k) != 0;
  if (!asked || load_global(&row->sample) == 0) return;
  Shared& shared = block_shared<Shared>();
  const uint32_t prefix = load_global(&state->prefix);
  const float best = key_logit(load_global(&state->best_key)), temperature = load_global(&row->temperature);
  uint64_t sums[kDigits] = {};
  for_each_token<kWidth>(args, load_global(&state->least_key), [&](size_t, float logit, uint32_t key) {
    if (((key ^ prefix) >> shift >> kDigitBits) != 0) return;
    const uint64_t measure = kWeights ? token_weight(relative_probability(logit, best, temperature)) : 1;
    const unsigned of_key = key >> shift & (kDigits - 1);
#pragma unroll
    for (unsigned digit = 0; digit < kDigits; ++digit) sums[digit] += digit == of_key ? measure : 0;
  });
  store_sums(sums, shared, partials_of_row(args) + blockIdx.x * kDigits);
  if (!last_of_row(args, &shared.arrived)) return;
  add_slices(args, shared);
  if (threadIdx.x == 0) take_digit<kWeights>(row, state, shared, shift);
}

template <bool kWeights>
cudaError_t launch_digits(const Arguments& args, cudaStream_t stream) {
  cudaError_t status = cudaSuccess;
  for (unsigned shift = 32; shift > 0 && status == cudaSuccess;) {
    shift -= kDigitBits;
    status = launch(in_fours(args.args) ? choose_threshold<4, kWeights> : choose_threshold<1, kWeights>,
                    grid(args), dim3(kThreads), sizeof(Shared), stream, args, shift);
  }
  return status;
}

}  // namespace

cudaError_t launch_choose_threshold(const Arguments& args, bool weights, cudaStream_t stream) {
  return weights ? launch_digits<true>(args, stream) : launch_digits<false>(args, stream);
}

}  // namespace transom::kernels::cuda::choose
