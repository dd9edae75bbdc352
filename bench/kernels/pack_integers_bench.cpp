// SPDX-License-Identifier: Apache-2.0
/// Integers, a byte each, into panels of each width, in bytes read per second.
/// usage: transom_bench_pack_integers [threads]
#include "bench/kernels/bench.h"
#include "kernels/cpu/kernel_table.h"

int main(int argc, char** argv) {
  using namespace transom;
  const std::size_t n = 17920, k = 1536, n_threads = bench::thread_count(argc, argv);
  bench::Threads threads(n_threads);
  bench::PageBuffer src(n * k), dst(n * k);
  std::memset(src.data(), 1, src.size());
  const std::size_t panels = kernels::panel_count(n);
  for (const auto type :
       {kernels::WeightType::i8, kernels::WeightType::i4, kernels::WeightType::i3, kernels::WeightType::i2}) {
    const std::size_t panel_bytes = kernels::panel_bytes(type, k);
    const double seconds = bench::fastest([&] {
      return threads.time([&](std::size_t t) {
        for (std::size_t panel = panels * t / n_threads; panel < panels * (t + 1) / n_threads; ++panel) {
          const auto* values = reinterpret_cast<const std::uint8_t*>(src.data()) + panel * 64 * k;
          kernels::kernel_table(kernels::Isa::scalar)
              .pack_integers.run({values, 64, k, type, dst.data() + panel * panel_bytes});
        }
      });
    });
    std::printf("pack bytes to %zu bits %7.1f ms %6.2f GB/s\n", kernels::weight_bits(type), seconds * 1e3,
                static_cast<double>(n * k) / seconds * 1e-9);
  }
}
