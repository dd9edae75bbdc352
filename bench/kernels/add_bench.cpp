// SPDX-License-Identifier: Apache-2.0
/// usage: transom_bench_add [threads]; sizes of a 1.5B model.
#include "bench/kernels/elementwise_bench.h"

int main(int argc, char** argv) {
  using namespace transom;
  bench::ElementwiseBench b;
  if (!bench::start(argc, argv, &b)) return 1;
  bench::Threads threads(b.threads);
  const std::size_t tokens = bench::kPrefillTokens;
  const std::size_t n = 1536;
  bench::PageBuffer src(tokens * n * 4), dst(tokens * n * 4);
  const float* from = bench::numbers(src);
  float* to = reinterpret_cast<float*>(dst.data());
  std::memset(to, 0, dst.size());
  bench::bench_rows("add", threads, b.roof, b.table.add.variant, 12 * n,
                    [&](std::size_t first, std::size_t count) {
                      b.table.add.run({from + first * n, n, to + first * n, n, count, n});
                    });
}
