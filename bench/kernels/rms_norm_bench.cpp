// SPDX-License-Identifier: Apache-2.0
/// usage: transom_bench_rms_norm [threads]; sizes of a 1.5B model.
#include "bench/kernels/elementwise_bench.h"

int main(int argc, char** argv) {
  using namespace transom;
  bench::ElementwiseBench b;
  if (!bench::start(argc, argv, &b)) return 1;
  bench::Threads threads(b.threads);
  const std::size_t tokens = bench::kPrefillTokens;
  const std::size_t hidden = 1536;
  bench::PageBuffer src(tokens * hidden * 4), dst(tokens * hidden * 4), weight(hidden * 4);
  const float* from = bench::numbers(src);
  float* to = bench::numbers(dst);
  const float* scale = bench::numbers(weight);
  bench::bench_rows("rms_norm", threads, b.roof, b.table.rms_norm.variant, 8 * hidden,
                    [&](std::size_t first, std::size_t n) {
                      b.table.rms_norm.run({from + first * hidden, hidden, scale, to + first * hidden, hidden,
                                            n, hidden, 1e-6f, 0});
                    });
}
