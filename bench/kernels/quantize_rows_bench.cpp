// SPDX-License-Identifier: Apache-2.0
/// usage: transom_bench_quantize_rows [threads]; sizes of a 1.5B model.
#include "bench/kernels/elementwise_bench.h"

int main(int argc, char** argv) {
  using namespace transom;
  bench::ElementwiseBench b;
  if (!bench::start(argc, argv, &b)) return 1;
  bench::Threads threads(b.threads);
  const std::size_t tokens = bench::kPrefillTokens;
  const std::size_t k = 1536;
  bench::PageBuffer src(tokens * k * 4), dst(tokens * k), scale(tokens * 4);
  const float* from = bench::numbers(src);
  bench::bench_rows(
      "quantize_rows", threads, b.roof, b.table.quantize_rows.variant, 5 * k,
      [&](std::size_t first, std::size_t n) {
        b.table.quantize_rows.run({from, k, k, first, first + n, reinterpret_cast<std::int8_t*>(dst.data()),
                                   k, reinterpret_cast<float*>(scale.data())});
      });
}
