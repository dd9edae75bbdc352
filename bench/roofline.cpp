// SPDX-License-Identifier: Apache-2.0
#include "bench/roofline.h"

#include <immintrin.h>
#include <string.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <vector>

#include "bench/threads.h"
#include "kernels/cpu/kernel_table.h"
#include "kernels/cpu/simd/target.h"

TRANSOM_ISA_BEGIN(avx2)
namespace transom::bench::avx2 {
namespace {

constexpr long kFlopPerStep = 12 * 8 * 2;

void fma_steps(long steps, float* out) {
  __m256 sum[12];
  TRANSOM_UNROLL
  for (int i = 0; i < 12; ++i) {
    sum[i] = _mm256_setzero_ps();
    asm volatile("" : "+x"(sum[i]));
  }
  const __m256 x = _mm256_loadu_ps(out), y = _mm256_loadu_ps(out + 8);
  for (long s = 0; s < steps; ++s) {
    TRANSOM_UNROLL
    for (int i = 0; i < 12; ++i) sum[i] = _mm256_fmadd_ps(sum[i], x, y);
  }
  for (int i = 1; i < 12; ++i) sum[0] = _mm256_add_ps(sum[0], sum[i]);
  _mm256_storeu_ps(out, sum[0]);
}

std::uint64_t read(const char* data, std::size_t bytes) {
  __m256i a = _mm256_setzero_si256(), b = a;
  for (std::size_t i = 0; i + 128 <= bytes; i += 128) {
    const __m256i* line = reinterpret_cast<const __m256i*>(data + i);
    _mm_prefetch(data + i + 4096, _MM_HINT_T0);
    _mm_prefetch(data + i + 4096 + 64, _MM_HINT_T0);
    a = _mm256_xor_si256(a, _mm256_xor_si256(_mm256_load_si256(line), _mm256_load_si256(line + 1)));
    b = _mm256_xor_si256(b, _mm256_xor_si256(_mm256_load_si256(line + 2), _mm256_load_si256(line + 3)));
  }
  return static_cast<std::uint64_t>(_mm256_extract_epi64(_mm256_xor_si256(a, b), 0));
}

}  // namespace
}  // namespace transom::bench::avx2
TRANSOM_ISA_END

TRANSOM_ISA_BEGIN(avx512_bf16)
namespace transom::bench::avx512 {
namespace {

constexpr long kSums = 24;  // two per cycle at a latency of up to 12
constexpr long kFmaFlopPerStep = kSums * 16 * 2, kBf16FlopPerStep = kSums * 32 * 2,
               kInt8OpPerStep = kSums * 64 * 2;

/// Keeps kSums chains of one instruction in flight. The empty asm makes their starts look different, or the
/// compiler would compute equal chains once.
template <typename Sum, Sum (*step)(Sum, __m512), void (*store)(float*, Sum)>
void run_chains(long steps, float* out) {
  Sum sum[kSums] = {};
  TRANSOM_UNROLL
  for (long i = 0; i < kSums; ++i) asm volatile("" : "+v"(sum[i]));
  const __m512 x = _mm512_loadu_ps(out);
  for (long s = 0; s < steps; ++s) {
    TRANSOM_UNROLL
    for (long i = 0; i < kSums; ++i) sum[i] = step(sum[i], x);
  }
  TRANSOM_UNROLL
  for (long i = 0; i < kSums; ++i) store(out, sum[i]);
}

inline __m512 fma_step(__m512 sum, __m512 x) { return _mm512_fmadd_ps(x, x, sum); }
inline __m512 bf16_step(__m512 sum, __m512 x) {
  __m512bh pairs;
  memcpy(&pairs, &x, sizeof pairs);
  return _mm512_dpbf16_ps(sum, pairs, pairs);
}
inline __m512i int8_step(__m512i sum, __m512 x) {
  return _mm512_dpbusd_epi32(sum, _mm512_castps_si512(x), _mm512_castps_si512(x));
}
inline void store_f32(float* out, __m512 sum) {
  _mm512_storeu_ps(out, _mm512_add_ps(_mm512_loadu_ps(out), sum));
}
inline void store_i32(float* out, __m512i sum) {
  _mm512_storeu_si512(out, _mm512_xor_si512(_mm512_loadu_si512(out), sum));
}

constexpr auto fma_steps = run_chains<__m512, fma_step, store_f32>;
constexpr auto bf16_steps = run_chains<__m512, bf16_step, store_f32>;
constexpr auto int8_steps = run_chains<__m512i, int8_step, store_i32>;

std::uint64_t read(const char* data, std::size_t bytes) {
  __m512i bits[4] = {};
  for (std::size_t i = 0; i + 256 <= bytes; i += 256) {
    TRANSOM_UNROLL
    for (std::size_t line = 0; line < 4; ++line) {
      _mm_prefetch(data + i + 4096 + line * 64, _MM_HINT_T0);
      bits[line] = _mm512_xor_si512(bits[line], _mm512_load_si512(data + i + line * 64));
    }
  }
  bits[0] = _mm512_xor_si512(_mm512_xor_si512(bits[0], bits[1]), _mm512_xor_si512(bits[2], bits[3]));
  return static_cast<std::uint64_t>(_mm_cvtsi128_si64(_mm512_castsi512_si128(bits[0])));
}

}  // namespace
}  // namespace transom::bench::avx512
TRANSOM_ISA_END

TRANSOM_ISA_BEGIN(amx)
namespace transom::bench::amx {
namespace {

constexpr long kInt8OpPerStep = 4 * 16 * 16 * 64 * 2, kBf16FlopPerStep = kInt8OpPerStep / 2;

/// Four products in flight, as many as kernels keep with two tiles of each factor.
template <bool kBf16>
void tile_steps(long steps, float* out) {
  alignas(64) struct {
    std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
    std::uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    std::uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
  } shapes;
  asm volatile("" : : "r"(&shapes) : "memory");
  _tile_loadconfig(&shapes);
  _tile_loadd(4, out, 0);
  _tile_loadd(5, out, 0);
  _tile_loadd(6, out, 0);
  _tile_loadd(7, out, 0);
  for (long s = 0; s < steps; ++s) {
    if constexpr (kBf16) {
      _tile_dpbf16ps(0, 4, 6);
      _tile_dpbf16ps(1, 4, 7);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    } else {
      _tile_dpbsud(0, 4, 6);
      _tile_dpbsud(1, 4, 7);
      _tile_dpbsud(2, 5, 6);
      _tile_dpbsud(3, 5, 7);
    }
  }
  _tile_release();
}

}  // namespace
}  // namespace transom::bench::amx
TRANSOM_ISA_END

namespace transom::bench {
namespace {

constexpr int kRuns = 5;
constexpr long kSteps = 2000000;

using Probe = void (*)(long, float*);

double rate(Threads& threads, Probe probe, long work_per_step, long steps = kSteps) {
  double best = 0;
  for (int run = 0; run < kRuns; ++run) {
    const double seconds = threads.time([&](std::size_t) {
      alignas(64) float out[16] = {};
      probe(steps, out);
      keep(out);
    });
    best = std::max(best, static_cast<double>(work_per_step) * static_cast<double>(steps) / seconds);
  }
  return best * static_cast<double>(threads.size());
}

/// Of kRuns passes, in ascending order.
std::vector<double> read_rates(Threads& threads, kernels::Isa isa) {
  const auto read = isa >= kernels::Isa::avx512 ? avx512::read : avx2::read;
  constexpr std::size_t kBytes = std::size_t{1} << 30;
  PageBuffer buffer(kBytes);
  const std::size_t share = kBytes / threads.size() / 4096 * 4096;
  std::vector<double> rates;
  for (int run = 0; run < kRuns; ++run) {
    const double seconds = threads.time([&](std::size_t thread) {
      const std::uint64_t bits = read(buffer.data() + thread * share, share);
      keep(&bits);
    });
    rates.push_back(static_cast<double>(share * threads.size()) / seconds);
  }
  std::sort(rates.begin(), rates.end());
  return rates;
}

}  // namespace

double measure_read_bandwidth(std::size_t n_threads) {
  const kernels::Isa isa = kernels::select_isa_from_environment().isa;
  Threads threads(n_threads);
  return isa < kernels::Isa::avx2 ? 0 : read_rates(threads, isa)[kRuns / 2];
}

Roofline measure_roofline(std::size_t n_threads) {
  using kernels::Isa;
  const Isa isa = kernels::select_isa_from_environment().isa;
  Threads threads(n_threads);
  Roofline result;
  result.threads = n_threads;
  if (isa < Isa::avx2) return result;
  result.read_bytes_per_s = read_rates(threads, isa).back();
  result.f32_flop_per_s = isa >= Isa::avx512 ? rate(threads, avx512::fma_steps, avx512::kFmaFlopPerStep)
                                             : rate(threads, avx2::fma_steps, avx2::kFlopPerStep);
  if (isa >= Isa::avx512_vnni)
    result.int8_op_per_s = rate(threads, avx512::int8_steps, avx512::kInt8OpPerStep);
  if (isa >= Isa::avx512_bf16)
    result.bf16_flop_per_s = rate(threads, avx512::bf16_steps, avx512::kBf16FlopPerStep);
  if (isa >= Isa::amx) {
    constexpr long kTileSteps = kSteps / 4;  // a step takes four times as long
    result.tile_bf16_flop_per_s = rate(threads, amx::tile_steps<true>, amx::kBf16FlopPerStep, kTileSteps);
    result.tile_int8_op_per_s = rate(threads, amx::tile_steps<false>, amx::kInt8OpPerStep, kTileSteps);
  }
  return result;
}

}  // namespace transom::bench
