// SPDX-License-Identifier: Apache-2.0
/// usage: transom_bench_kv_append [threads]; sizes of a 1.5B model.
#include <vector>

#include "bench/kernels/elementwise_bench.h"
#include "bench/kernels/kv_table.h"

int main(int argc, char** argv) {
  using namespace transom;
  bench::ElementwiseBench b;
  if (!bench::start(argc, argv, &b)) return 1;
  bench::Threads threads(b.threads);
  const std::size_t tokens = bench::kPrefillTokens;
  const std::size_t heads = 2, dim = 128, width = heads * dim;
  bench::PageBuffer k(tokens * width * 4), v(tokens * width * 4), keys(tokens * width * 2),
      values(tokens * width * 2);
  const float* from_k = bench::numbers(k);
  const float* from_v = bench::numbers(v);
  std::vector<void*> key_blocks(bench::blocks_of(tokens)), value_blocks(key_blocks.size());
  bench::fill_table(key_blocks, keys, 0, bench::kBlockSlots * width * 2);
  bench::fill_table(value_blocks, values, 0, bench::kBlockSlots * width * 2);
  kernels::KvAppendArgs args;
  args.kv = {kernels::KvType::bf16, key_blocks.data(), value_blocks.data(), heads, dim, tokens,
             bench::kBlockSlots};
  args.row_stride = width;
  bench::bench_rows("kv_append bf16", threads, b.roof, b.table.kv_append.variant, 12 * width,
                    [&](std::size_t first, std::size_t n) {
                      kernels::KvAppendArgs mine = args;
                      mine.k = from_k + first * width;
                      mine.v = from_v + first * width;
                      mine.n_tokens = n;
                      mine.first_pos = static_cast<std::int64_t>(first);
                      b.table.kv_append.run(mine);
                    });
}
