// SPDX-License-Identifier: Apache-2.0
/// usage: transom_bench_embed [threads]; sizes of a 1.5B model.
#include <vector>

#include "bench/kernels/elementwise_bench.h"

int main(int argc, char** argv) {
  using namespace transom;
  bench::ElementwiseBench b;
  if (!bench::start(argc, argv, &b)) return 1;
  bench::Threads threads(b.threads);
  const std::size_t tokens = bench::kPrefillTokens;
  const std::size_t hidden = 1536, vocab = 151936;
  bench::PageBuffer table(vocab * hidden * 2), dst(tokens * hidden * 4);
  std::vector<std::int32_t> ids(tokens);
  for (std::size_t i = 0; i < tokens; ++i) ids[i] = static_cast<std::int32_t>(i * 7919 % vocab);
  kernels::EmbedArgs args;
  args.table = table.data();
  args.type = kernels::TableType::bf16;
  args.dst_stride = args.hidden = hidden;
  bench::bench_rows("embed bf16", threads, b.roof, b.table.embed.variant, 6 * hidden,
                    [&](std::size_t first, std::size_t n) {
                      kernels::EmbedArgs mine = args;
                      mine.ids = ids.data() + first;
                      mine.dst = reinterpret_cast<float*>(dst.data()) + first * hidden;
                      mine.n_tokens = n;
                      b.table.embed.run(mine);
                    });
}
