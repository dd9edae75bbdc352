// SPDX-License-Identifier: Apache-2.0
// The draw from what top-k and top-p let pass and min-p keeps: blocks add up the weights of their slices, the
// last one finds the slice that the random number points into, and in it the token. Of tokens at the crossing
// key of top-p, only the first ones pass, so they are counted too.
#include "kernels/cuda/choose_rows.cuh"
#include "kernels/cuda/launch.cuh"

namespace transom::kernels::cuda::choose {
namespace {

struct Shared {
  uint64_t scan[kWarps];
  uint64_t rest, ties_before;  // of the slice that was found, at its beginning
  unsigned slice, arrived;
};

/// What decides on a token.
struct Filter {
  float best, temperature, min_p;
  uint32_t least, crossing;  // keys
  uint64_t ties, tie_weight;

  __device__ __forceinline__ Filter(const ChooseRow* row, const State* state)
      : best(key_logit(load_global(&state->best_key))),
        temperature(load_global(&row->temperature)),
        min_p(load_global(&row->min_p)),
        least(load_global(&state->least_key)),
        crossing(load_global(&state->crossing_key)),
        ties(crossing == 0 ? 0 : load_global(&state->ties)),
        tie_weight(crossing == 0 ? 0 : weight(key_logit(crossing))) {
    if (crossing > least) least = crossing;
  }
  /// 0 where min-p drops the token.
  __device__ __forceinline__ uint64_t weight(float logit) const {
    const float p = relative_probability(logit, best, temperature);
    return p >= min_p ? token_weight(p) : 0;
  }
  /// Of ties, so many of which came before.
  __device__ __forceinline__ uint64_t passing_ties(uint64_t before, uint64_t count) const {
    const uint64_t left = before < ties ? ties - before : 0;
    return count < left ? count : left;
  }
};

/// Finds the slice: each thread adds up neighbouring ones. Partials are weights without ties, and ties.
__device__ __forceinline__ void find_slice(const Arguments& args, const Filter& filter, Shared& shared) {
  const uint64_t* const partials = partials_of_row(args);
  const unsigned each = (args.slices + kThreads - 1) / kThreads, first = threadIdx.x * each;
  const unsigned end = min(first + each, args.slices);
  uint64_t ties = 0, sum = 0;
  for (unsigned i = first; i < end; ++i) {
    sum += load_global(partials + i * kDigits);
    ties += load_global(partials + i * kDigits + 1);
  }
  uint64_t ties_before = block_scan(ties, shared.scan).before;
  sum += filter.passing_ties(ties_before, ties) * filter.tie_weight;
  const Scan scan = block_scan(sum, shared.scan);
  uint64_t rest = drawn_weight(load_global(&args.args.rows[blockIdx.y].random), scan.total);
  if (rest >= scan.before && rest - scan.before < sum) {
    rest -= scan.before;
    for (unsigned i = first; i < end; ++i) {
      const uint64_t here = load_global(partials + i * kDigits + 1);
      const uint64_t of_slice =
          load_global(partials + i * kDigits) + filter.passing_ties(ties_before, here) * filter.tie_weight;
      if (rest < of_slice) {
        store_shared(&shared.slice, i);
        store_shared(&shared.rest, rest);
        store_shared(&shared.ties_before, ties_before);
        break;
      }
      rest -= of_slice;
      ties_before += here;
    }
  }
  block_sync();
}

/// Finds the token in the slice and stores its id.
template <int kWidth>
__device__ __forceinline__ void find_token(const Arguments& args, const Filter& filter, Shared& shared) {
  const float* const logits = args.args.logits + blockIdx.y * args.args.stride;
  const size_t usable = load_global(&args.args.rows[blockIdx.y].usable);
  uint64_t rest = load_shared(&shared.rest), ties_before = load_shared(&shared.ties_before);
  const size_t begin = size_t{load_shared(&shared.slice)} * kSlice;
  for (unsigned i = 0; i < kSlice / (kThreads * kWidth); ++i) {
    const size_t at = begin + (i * kThreads + threadIdx.x) * kWidth;
    Floats<kWidth> some{};
    if (at < usable) some = load_floats<kWidth>(logits + at);
    uint32_t keys[kWidth];
    uint64_t ties = 0, sum = 0;
#pragma unroll
    for (int c = 0; c < kWidth; ++c) {
      keys[c] = at + static_cast<size_t>(c) < usable ? logit_key(some.of[c]) : 0;
      if (keys[c] != 0 && keys[c] == filter.crossing) {
        ++ties;
      } else if (keys[c] != 0 && keys[c] >= filter.least) {
        sum += filter.weight(some.of[c]);
      }
    }
    const Scan of_ties = block_scan(ties, shared.scan);
    uint64_t before = ties_before + of_ties.before;
    sum += filter.passing_ties(before, ties) * filter.tie_weight;
    const Scan scan = block_scan(sum, shared.scan);
    if (rest >= scan.before && rest - scan.before < sum) {
      uint64_t mine = rest - scan.before;
#pragma unroll
      for (int c = 0; c < kWidth; ++c) {
        uint64_t weight = 0;
        if (keys[c] != 0 && keys[c] == filter.crossing) {
          weight = filter.passing_ties(before++, 1) * filter.tie_weight;
        } else if (keys[c] != 0 && keys[c] >= filter.least) {
          weight = filter.weight(some.of[c]);
        }
        if (mine < weight) {
          store_global(args.args.ids + blockIdx.y, static_cast<int32_t>(at) + c);
          break;
        }
        mine -= weight;
      }
    }
    if (rest < scan.total) return;  // it was in this stretch
    rest -= scan.total;
    ties_before += of_ties.total;
  }
}

template <int kWidth>
__global__ void __launch_bounds__(kThreads) choose_draw(Arguments args) {
  const ChooseRow* const row = args.args.rows + blockIdx.y;
  const State* const state = args.states + blockIdx.y;
  if (load_global(&row->sample) == 0 || load_global(&state->best_key) == 0) return;
  Shared& shared = block_shared<Shared>();
  const Filter filter(row, state);
  uint64_t sum = 0, ties = 0;
  for_each_token<kWidth>(args, filter.least, [&](size_t, float logit, uint32_t key) {
    if (key == filter.crossing) {
      ++ties;
    } else {
      sum += filter.weight(logit);
    }
  });
  sum = block_scan(sum, shared.scan).total;
  ties = block_scan(ties, shared.scan).total;
  if (threadIdx.x == 0) {
    uint64_t* const partials = partials_of_row(args) + blockIdx.x * kDigits;
    store_global(partials, sum);
    store_global(partials + 1, ties);
  }
  if (!last_of_row(args, &shared.arrived)) return;
  find_slice(args, filter, shared);
  find_token<kWidth>(args, filter, shared);
}

}  // namespace

cudaError_t launch_choose_draw(const Arguments& args, cudaStream_t stream) {
  return launch(in_fours(args.args) ? choose_draw<4> : choose_draw<1>, grid(args), dim3(kThreads),
                sizeof(Shared), stream, args);
}

}  // namespace transom::kernels::cuda::choose
