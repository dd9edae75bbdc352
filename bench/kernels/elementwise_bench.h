// SPDX-License-Identifier: Apache-2.0
/// One op over many tokens (a prefill, threads share rows) and over one token (a decode step, one thread), in
/// bytes read and written per second.
#pragma once

#include <cstdio>
#include <functional>

#include "bench/kernels/bench.h"
#include "kernels/cpu/kernel_table.h"

namespace transom::bench {

inline constexpr std::size_t kPrefillTokens = 2048;

/// run(first, count): the op on tokens [first, first + count). bytes: touched per token.
inline void bench_rows(const char* op, Threads& threads, const Roofline& roof, kernels::Isa variant,
                       std::size_t bytes, const std::function<void(std::size_t, std::size_t)>& run) {
  const double many = fastest([&] {
    return threads.time([&](std::size_t t) {
      const std::size_t begin = kPrefillTokens * t / threads.size(),
                        end = kPrefillTokens * (t + 1) / threads.size();
      run(begin, end - begin);
    });
  });
  constexpr std::size_t kCalls = 1000;
  const double one = fastest([&] {
                       return threads.time([&](std::size_t t) {
                         for (std::size_t i = 0; t == 0 && i < kCalls; ++i) run(0, 1);
                       });
                     }) /
                     static_cast<double>(kCalls);
  const double rate = static_cast<double>(bytes * kPrefillTokens) / many;
  std::printf("%-14s %-11s %zu tokens %9.1f us %6.1f GB/s %5.1f %% of reading   1 token %7.2f us\n", op,
              kernels::isa_name(variant), kPrefillTokens, many * 1e6, rate * 1e-9,
              100 * rate / roof.read_bytes_per_s, one * 1e6);
}

struct ElementwiseBench {
  kernels::KernelTable table;
  Roofline roof;
  std::size_t threads = 1;
};

/// Reads the command line and TRANSOM_CPU_ISA, measures the machine. False: bad environment, already
/// reported.
inline bool start(int argc, char** argv, ElementwiseBench* bench) {
  const kernels::KernelSelection selection = kernels::select_isa_from_environment();
  if (selection.error != nullptr) {
    std::fprintf(stderr, "TRANSOM_CPU_ISA: %s\n", selection.error);
    return false;
  }
  bench->table = kernels::kernel_table(selection.isa);
  bench->threads = thread_count(argc, argv);
  bench->roof = measure_roofline(bench->threads);
  print(bench->roof);
  return true;
}

inline float* numbers(PageBuffer& buffer) {
  float* data = reinterpret_cast<float*>(buffer.data());
  for (std::size_t i = 0; i < buffer.size() / sizeof(float); ++i)
    data[i] = static_cast<float>(i % 31) * 0.1f - 1.5f;
  return data;
}

}  // namespace transom::bench
