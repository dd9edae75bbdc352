// SPDX-License-Identifier: Apache-2.0
/// Rows of a bf16 checkpoint into panels of each type, in bytes read per second.
/// usage: transom_bench_pack [threads]
#include <vector>

#include "bench/kernels/bench.h"
#include "kernels/cpu/kernel_table.h"

int main(int argc, char** argv) {
  using namespace transom;
  const std::size_t n = 17920, k = 1536, n_threads = bench::thread_count(argc, argv);
  bench::Threads threads(n_threads);
  bench::PageBuffer src(n * k * 2), dst(kernels::packed_bytes(kernels::WeightType::f32, n, k));
  std::memset(src.data(), 0x3c, src.size());
  std::vector<const void*> rows(n);
  for (std::size_t o = 0; o < n; ++o) rows[o] = src.data() + o * k * 2;
  const kernels::KernelTable& table = kernels::kernel_table(kernels::Isa::scalar);
  const std::size_t panels = kernels::panel_count(n);
  const char* names[] = {"f32", "bf16"};
  for (const auto type : {kernels::WeightType::f32, kernels::WeightType::bf16}) {
    kernels::PackArgs args;
    args.rows = rows.data();
    args.source = kernels::SourceType::bf16;
    args.type = type;
    args.n = n;
    args.k = k;
    args.data = dst.data();
    const double seconds = bench::fastest([&] {
      return threads.time([&](std::size_t t) {
        kernels::PackArgs mine = args;
        mine.panel_begin = panels * t / n_threads;
        mine.panel_end = panels * (t + 1) / n_threads;
        table.pack.run(mine);
      });
    });
    std::printf("pack bf16 to %-4s %8.1f ms %6.2f GB/s of the checkpoint\n", names[static_cast<int>(type)],
                seconds * 1e3, static_cast<double>(n * k * 2) / seconds * 1e-9);
  }
}
