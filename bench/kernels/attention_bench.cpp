// SPDX-License-Identifier: Apache-2.0
/// Prefill against the peak of the unit that multiplies, and decode against the read bandwidth.
/// usage: attention_bench [threads [prefill|decode]]
#include <memory>
#include <string_view>
#include <vector>

#include "bench/kernels/bench.h"
#include "bench/kernels/kv_table.h"
#include "kernels/cpu/kernel_table.h"

namespace transom::bench {
namespace {

using kernels::AttentionArgs;
using kernels::KvType;

struct Case {
  std::size_t n_heads, n_kv_heads, head_dim, n_tokens;
  std::int64_t first_pos, window;
  bool power_ages = false;
};
constexpr Case kCases[] = {
    {12, 2, 128, 512, 0, 0},           {12, 2, 128, 512, 16384, 0},        {12, 2, 128, 8192, 0, 0},
    {12, 2, 128, 8192, 0, 2048},       {32, 32, 128, 512, 512, 0},         {12, 2, 128, 1, 1024, 0},
    {12, 2, 128, 1, 16384, 0},         {12, 2, 128, 1, 16384, 2048},       {32, 32, 128, 1, 4096, 0},
    {12, 2, 128, 8192, 0, 2048, true}, {12, 2, 128, 1, 16384, 2048, true},
};

/// Pairs of (query, key) that are visible.
double visible_pairs(const Case& c) {
  double pairs = 0;
  for (std::size_t t = 0; t < c.n_tokens; ++t) {
    const std::int64_t seen = c.first_pos + static_cast<std::int64_t>(t) + 1;
    pairs += static_cast<double>(c.window > 0 ? std::min(seen, c.window) : seen);
    for (std::int64_t age = kernels::first_power_age(c.window); c.power_ages && age < seen; age *= 2) ++pairs;
  }
  return pairs;
}

void print_case(const Roofline& roof, const Case& c, KvType type, double seconds) {
  const double pairs = visible_pairs(c);
  const double flops = 4 * pairs * static_cast<double>(c.n_heads * c.head_dim) / seconds;
  const double bytes = 2 * pairs / static_cast<double>(c.n_tokens) *
                       static_cast<double>(c.n_kv_heads * kernels::kv_row_bytes(type, c.head_dim)) / seconds;
  std::printf("%-4s heads %2zu/%2zu dim %zu tokens %4zu from %5lld window %4lld%s %10.1f us",
              type == KvType::f32    ? "f32"
              : type == KvType::bf16 ? "bf16"
              : type == KvType::i8   ? "i8"
                                     : "e4m3",
              c.n_heads, c.n_kv_heads, c.head_dim, c.n_tokens, static_cast<long long>(c.first_pos),
              static_cast<long long>(c.window), c.power_ages ? " and 2^k" : "", seconds * 1e6);
  if (c.n_tokens > 1) {
    // bf16 caches are multiplied by matrix tiles where there are some. vdpbf16ps is slower than f32 FMA on
    // some processors.
    const double bf16 = roof.best_bf16_flop_per_s();
    const double peak = type == KvType::bf16 && bf16 > 0 ? bf16 : roof.f32_flop_per_s;
    std::printf("  %6.1f GFLOP/s %5.1f %%\n", flops * 1e-9, 100 * flops / peak);
  } else {
    std::printf("  %6.1f GB/s %5.1f %%\n", bytes * 1e-9, 100 * bytes / roof.read_bytes_per_s);
  }
}

void bench_case(Threads& threads, const Roofline& roof, kernels::Isa isa, const Case& c, KvType type) {
  const std::size_t capacity = static_cast<std::size_t>(c.first_pos) + c.n_tokens;
  const std::size_t blocks = blocks_of(capacity);
  const std::size_t block_bytes = c.n_kv_heads * kBlockSlots * kernels::kv_row_bytes(type, c.head_dim);
  const std::size_t cache_bytes = blocks * block_bytes;
  // Caches beyond the last level are read in turn, so that decode reads memory.
  const std::size_t copies = c.n_tokens == 1 ? (std::size_t{600} << 20) / (2 * cache_bytes) + 1 : 1;
  PageBuffer keys(cache_bytes * copies), values(cache_bytes * copies);
  PageBuffer q(c.n_tokens * c.n_heads * c.head_dim * sizeof(float)), dst(q.size());
  std::memset(keys.data(), 0x3c, keys.size());
  std::memset(values.data(), 0x3c, values.size());
  std::memset(q.data(), 0x3c, q.size());
  AttentionArgs args;
  args.q = reinterpret_cast<const float*>(q.data());
  args.dst = reinterpret_cast<float*>(dst.data());
  args.q_stride = args.dst_stride = c.n_heads * c.head_dim;
  std::vector<void*> key_blocks(blocks), value_blocks(blocks);
  args.kv = {type, key_blocks.data(), value_blocks.data(), c.n_kv_heads, c.head_dim, capacity, kBlockSlots};
  args.n_tokens = c.n_tokens;
  args.n_heads = c.n_heads;
  args.first_pos = c.first_pos;
  args.window = c.window;
  args.power_ages = c.power_ages;
  args.scale = 0.1f;
  std::vector<std::unique_ptr<PageBuffer>> scratch;
  for (std::size_t i = 0; i < threads.size(); ++i) {
    scratch.push_back(std::make_unique<PageBuffer>(kernels::attention_scratch_bytes(args)));
  }
  args.n_parts = kernels::attention_parts(args);
  PageBuffer partial(sizeof(float) * kernels::attention_partial_floats(c.n_heads, c.head_dim, args.n_parts));
  args.partial = reinterpret_cast<float*>(partial.data());
  const std::size_t calls = kernels::attention_items(args) * args.n_parts;
  std::size_t copy = 0;
  const double seconds = fastest([&] {
    copy = (copy + 1) % copies;
    fill_table(key_blocks, keys, copy, block_bytes);
    fill_table(value_blocks, values, copy, block_bytes);
    std::atomic<std::size_t> next{0};
    const double time = threads.time([&](std::size_t t) {
      AttentionArgs mine = args;
      mine.scratch = scratch[t]->data();
      const auto run = [&](std::size_t call) {
        mine.item_begin = call / args.n_parts;
        mine.item_end = mine.item_begin + 1;
        mine.part = call % args.n_parts;
        kernels::kernel_table(isa).attention.run(mine);
      };
      if (c.n_tokens == 1) {  // parts of equal length, neighbours on one thread, as a backend shares them out
        const std::size_t end = calls * (t + 1) / threads.size();
        for (std::size_t call = calls * t / threads.size(); call < end; ++call) run(call);
      } else {
        for (std::size_t call = next++; call < calls; call = next++) run(calls - 1 - call);  // longest first
      }
    });
    return time + (args.n_parts == 1 ? 0.0 : threads.time([&](std::size_t t) {
             if (t == 0) kernels::kernel_table(isa).attention_merge.run(args);
           }));
  });
  print_case(roof, c, type, seconds);
}

}  // namespace
}  // namespace transom::bench

int main(int argc, char** argv) {
  using namespace transom;
  const kernels::KernelSelection selection = kernels::select_isa_from_environment();
  if (selection.error != nullptr) {
    std::fprintf(stderr, "TRANSOM_CPU_ISA: %s\n", selection.error);
    return 1;
  }
  const std::string_view only = argc > 2 ? argv[2] : "";
  if (!only.empty() && only != "prefill" && only != "decode") {
    std::fprintf(stderr, "expected prefill or decode, found %s\n", argv[2]);
    return 1;
  }
  const std::size_t n_threads = bench::thread_count(argc, argv);
  const bench::Roofline roof = bench::measure_roofline(n_threads);
  bench::print(roof);
  bench::Threads threads(n_threads);
  for (const auto type :
       {kernels::KvType::bf16, kernels::KvType::i8, kernels::KvType::e4m3, kernels::KvType::f32}) {
    for (const bench::Case& c : bench::kCases) {
      if (only.empty() || only == (c.n_tokens > 1 ? "prefill" : "decode"))
        bench::bench_case(threads, roof, selection.isa, c, type);
    }
  }
}
