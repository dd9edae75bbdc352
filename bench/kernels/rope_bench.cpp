// SPDX-License-Identifier: Apache-2.0
/// usage: transom_bench_rope [threads]; sizes of a 1.5B model.
#include <vector>

#include "bench/kernels/elementwise_bench.h"
using transom::bench::PageBuffer;

int main(int argc, char** argv) {
  using namespace transom;
  bench::ElementwiseBench b;
  if (!bench::start(argc, argv, &b)) return 1;
  bench::Threads threads(b.threads);
  const std::size_t tokens = bench::kPrefillTokens;
  const std::size_t heads = 14, dim = 128, width = heads * dim;
  bench::PageBuffer x(tokens * width * 4), cos(tokens * dim * 2), sin(tokens * dim * 2);
  float* data = bench::numbers(x);
  for (PageBuffer* table : {&cos, &sin}) std::memset(table->data(), 0x3c, table->size());
  const float* c = reinterpret_cast<const float*>(cos.data());
  const float* s = reinterpret_cast<const float*>(sin.data());
  bench::bench_rows(
      "rope", threads, b.roof, b.table.rope.variant, 8 * width, [&](std::size_t first, std::size_t n) {
        b.table.rope.run(
            {data + first * width, width, n, heads, dim, dim, c + first * dim / 2, s + first * dim / 2});
      });
  std::vector<std::int64_t> positions(tokens, 1000);
  std::vector<float> inv_freq(dim / 2, 0.01f);
  float* made_cos = reinterpret_cast<float*>(cos.data());
  float* made_sin = reinterpret_cast<float*>(sin.data());
  bench::bench_rows("rope_table", threads, b.roof, b.table.rope_table.variant, 4 * dim,
                    [&](std::size_t first, std::size_t n) {
                      b.table.rope_table.run({positions.data() + first, inv_freq.data(), n, dim / 2, 1.0f,
                                              made_cos + first * dim / 2, made_sin + first * dim / 2});
                    });
}
