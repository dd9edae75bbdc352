// SPDX-License-Identifier: Apache-2.0
/// usage: transom_bench_gated_mul [threads]; sizes of a 1.5B model.
#include "bench/kernels/elementwise_bench.h"

int main(int argc, char** argv) {
  using namespace transom;
  bench::ElementwiseBench b;
  if (!bench::start(argc, argv, &b)) return 1;
  bench::Threads threads(b.threads);
  const std::size_t tokens = bench::kPrefillTokens;
  const std::size_t n = 8960;
  bench::PageBuffer src(tokens * n * 8), dst(tokens * n * 4);
  const float* from = bench::numbers(src);
  float* to = bench::numbers(dst);
  bench::bench_rows("gated_mul", threads, b.roof, b.table.gated_mul.variant, 12 * n,
                    [&](std::size_t first, std::size_t count) {
                      b.table.gated_mul.run({from + first * 2 * n, 2 * n, to + first * n, n, count, n});
                    });
}
