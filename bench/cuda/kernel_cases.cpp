// SPDX-License-Identifier: Apache-2.0
#include "bench/cuda/kernel_cases.h"

#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "bench/cuda/device_memory.h"
#include "bench/cuda/device_timer.h"
#include "bench/cuda/random_memory.h"
#include "kernels/common/token_weight.h"
#include "kernels/cuda/attention.h"
#include "kernels/cuda/attention_cost.h"
#include "kernels/cuda/choose.h"
#include "kernels/cuda/linear_rows.h"
#include "kernels/cuda/linear_tiles.h"

namespace transom::bench {

namespace {

using core::Buffer;
using kernels::KvType;
using kernels::WeightType;
namespace cuda = kernels::cuda;

// Weights and caches take turns until they are far beyond the L2 cache of any GPU.
constexpr std::size_t kBeyondCache = std::size_t{512} << 20;

/// Each half is a small number as bf16 and as f16, and each byte something as an integer.
Buffer random_numbers(std::size_t bytes) { return random_memory(bytes, 0x83ff, 0x3c00); }

Buffer random_floats(std::size_t count) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) value = normal(random);
  Buffer buffer = device_memory(count * sizeof(float));
  backend::check_cuda(cudaMemcpy(buffer.data(), values.data(), buffer.size(), cudaMemcpyHostToDevice),
                      "cudaMemcpy");
  return buffer;
}

struct Share {
  double seconds, bytes, operations;
};

void print_line(const std::string& name, const Share& share, const Roofline& roofline) {
  std::printf("%-56s %9.1f us %8.0f GB/s %5.1f %%  %8.1f TFLOP/s %5.1f %%\n", name.c_str(),
              share.seconds * 1e6, share.bytes / share.seconds * 1e-9,
              100 * share.bytes / share.seconds / roofline.read_bytes_per_s,
              share.operations / share.seconds * 1e-12,
              100 * share.operations / share.seconds / roofline.bf16_flop_per_s);
}

struct LinearCase {
  WeightType type;
  std::size_t n, k, group, rows;
};
constexpr LinearCase kLinearCases[] = {
    {WeightType::i8, 4096, 4096, 128, 1},     {WeightType::i8, 12288, 4096, 128, 1},
    {WeightType::i8, 22016, 4096, 128, 1},    {WeightType::i8, 4096, 11008, 128, 1},
    {WeightType::i8, 102400, 4096, 128, 1},   {WeightType::i8, 22016, 4096, 128, 8},
    {WeightType::i8, 22016, 4096, 128, 16},   {WeightType::i4, 22016, 4096, 128, 1},
    {WeightType::i3, 22016, 4096, 128, 1},    {WeightType::i2, 22016, 4096, 32, 1},
    {WeightType::i8, 22016, 4096, 128, 512},  {WeightType::i8, 22016, 4096, 128, 4096},
    {WeightType::i4, 22016, 4096, 128, 4096}, {WeightType::i8, 4096, 11008, 128, 4096},
};

void bench_linear(DeviceTimer& timer, const LinearCase& c, const Roofline& roofline,
                  unsigned multiprocessors) {
  const std::size_t packed = kernels::tiled_bytes(c.type, c.n, c.k),
                    groups = kernels::group_count(c.k, c.group);
  const std::size_t copies = c.rows <= cuda::kMostLinearRows ? kBeyondCache / packed + 1 : 1;
  const Buffer data = random_numbers(packed * copies),
               scales = random_numbers(kernels::tiled_scale_count(c.n, groups) * 2);
  Buffer src = random_floats(c.rows * c.k), dst = random_floats(c.rows * c.n);
  cuda::TiledLinearArgs args;
  args.src = src.as<float>();
  args.src_stride = c.k;
  args.weight = {c.type,        c.n,    c.k, data.data(), nullptr, c.group, groups, kernels::ScaleType::f16,
                 scales.data(), nullptr};
  args.dst = dst.as<float>();
  args.dst_stride = c.n;
  args.n_rows = c.rows;
  const bool few = c.rows <= cuda::kMostLinearRows;
  const auto type = cuda::ActivationType::half;
  const std::size_t sums = few ? cuda::linear_rows_sums(args, multiprocessors)
                               : cuda::linear_tiles_sums(args, type, multiprocessors);
  Buffer sum_memory = device_memory(sums * sizeof(float));
  Buffer arrivals = device_memory(kernels::strip_count(c.n) * sizeof(unsigned));
  const cuda::SplitScratch split{sum_memory.as<float>(), arrivals.as<unsigned>()};
  Buffer converted = device_memory(cuda::activations_bytes(args, type));
  const cuda::Activations activations = cuda::place_activations(args, type, converted.data());
  const auto launch = [&](int i, cudaStream_t stream) {
    cuda::TiledLinearArgs mine = args;
    mine.weight.data = data.data() + packed * (static_cast<std::size_t>(i) % copies);
    if (few) return cuda::launch_linear_rows(mine, split, multiprocessors, stream);
    const cudaError_t status = cuda::launch_convert_activations(mine, activations, stream);
    return status != cudaSuccess
               ? status
               : cuda::launch_linear_tiles(mine, activations, split, multiprocessors, stream);
  };
  const cuda::LinearCost cost = cuda::linear_cost(args.weight, c.rows);
  print_line(core::message("int", kernels::weight_bits(c.type), " [", c.n, ", ", c.k, "] groups of ", c.group,
                           ", rows ", c.rows),
             {timer.seconds(launch), cost.bytes, cost.operations}, roofline);
}

struct AttentionCase {
  KvType type;
  std::size_t n_heads, n_kv_heads, n_tokens;
  std::int64_t first, window;
};
constexpr AttentionCase kAttentionCases[] = {
    {KvType::bf16, 32, 32, 512, 0, 0},        {KvType::bf16, 32, 32, 8192, 0, 0},
    {KvType::bf16, 32, 32, 512, 32256, 4096}, {KvType::bf16, 32, 32, 32768, 0, 4096},
    {KvType::i8, 32, 32, 32768, 0, 4096},     {KvType::bf16, 32, 8, 32768, 0, 4096},
    {KvType::bf16, 32, 32, 1, 4096, 0},       {KvType::bf16, 32, 8, 1, 32768, 0},
    {KvType::i8, 32, 32, 1, 4096, 0},         {KvType::i8, 32, 8, 1, 32768, 0},
    {KvType::e4m3, 32, 8, 32768, 0, 4096},    {KvType::e4m3, 32, 8, 1, 32768, 0},
};

const char* kv_name(KvType type) {
  return type == KvType::i8 ? "int8" : type == KvType::e4m3 ? "fp8" : "bf16";
}

void bench_attention(DeviceTimer& timer, const AttentionCase& c, const Roofline& roofline) {
  constexpr std::size_t kDim = 128, kSlots = 256;
  const std::size_t capacity = static_cast<std::size_t>(c.first) + c.n_tokens,
                    blocks = (capacity + kSlots - 1) / kSlots;
  const std::size_t block_bytes = c.n_kv_heads * kSlots * kernels::kv_row_bytes(c.type, kDim);
  const std::size_t copies = c.n_tokens == 1 ? kBeyondCache / (2 * blocks * block_bytes) + 1 : 1;
  const Buffer cache = random_numbers(2 * blocks * block_bytes * copies);
  std::vector<const void*> tables;
  for (std::size_t i = 0; i < 2 * blocks * copies; ++i) tables.push_back(cache.data() + i * block_bytes);
  Buffer table = device_memory(tables.size() * sizeof(void*));
  backend::check_cuda(cudaMemcpy(table.data(), tables.data(), table.size(), cudaMemcpyHostToDevice),
                      "cudaMemcpy");
  Buffer first = device_memory(sizeof c.first);
  backend::check_cuda(cudaMemcpy(first.data(), &c.first, sizeof c.first, cudaMemcpyHostToDevice),
                      "cudaMemcpy");
  Buffer q = random_floats(c.n_tokens * c.n_heads * kDim), dst = random_floats(c.n_tokens * c.n_heads * kDim);
  kernels::AttentionArgs args;
  args.q = q.as<float>();
  args.dst = dst.as<float>();
  args.q_stride = args.dst_stride = c.n_heads * kDim;
  args.kv.type = c.type;
  args.kv.n_kv_heads = c.n_kv_heads;
  args.kv.head_dim = kDim;
  args.kv.capacity = capacity;
  args.kv.block_slots = kSlots;
  args.kv.scales_apart = kernels::kv_has_scales(c.type);
  args.n_tokens = c.n_tokens;
  args.n_heads = c.n_heads;
  args.first_pos = c.first;
  args.window = c.window;
  args.scale = 0.09f;
  Buffer scratch = device_memory(cuda::attention_scratch_bytes(args));
  args.scratch = scratch.data();
  const auto launch = [&](int i, cudaStream_t stream) {
    kernels::AttentionArgs mine = args;
    void* const* const mine_table = table.as<void*>() + 2 * blocks * (static_cast<std::size_t>(i) % copies);
    mine.kv.keys = mine_table;
    mine.kv.values = mine_table + blocks;
    return cuda::launch_attention(mine, first.as<std::int64_t>(), stream);
  };
  const cuda::AttentionCost cost = cuda::attention_cost(args);
  print_line(
      core::message("attention ", kv_name(c.type), " heads ", c.n_heads, "/", c.n_kv_heads, ", ", c.n_tokens,
                    " tokens from ", c.first, c.window > 0 ? core::message(", window ", c.window) : ""),
      {timer.seconds(launch, c.n_tokens > 8192 ? 3 : 20), cost.bytes, cost.operations}, roofline);
}

struct ChooseCase {
  const char* name;
  std::uint32_t sample, top_k;
  float top_p;
};
constexpr ChooseCase kChooseCases[] = {{"greedy", 0, 0, 1},
                                       {"top-k 50", 1, 50, 1},
                                       {"top-p 0.9", 1, 0, 0.9f},
                                       {"top-k 50, top-p 0.9", 1, 50, 0.9f}};

/// Bytes: the logits once, although each stage reads them, from the cache.
void bench_choose(DeviceTimer& timer, const ChooseCase& c, const Roofline& roofline) {
  constexpr std::size_t kVocab = 151936;
  Buffer logits = random_floats(kVocab), ids = device_memory(sizeof(std::int32_t));
  kernels::ChooseRow row;
  row.random = 0x9e3779b97f4a7c15u;
  row.usable = kVocab;
  row.sample = c.sample;
  row.top_k = c.top_k;
  row.top_p = c.top_p < 1 ? kernels::share_in_units(c.top_p) : 0;
  Buffer rows = device_memory(sizeof row);
  backend::check_cuda(cudaMemcpy(rows.data(), &row, sizeof row, cudaMemcpyHostToDevice), "cudaMemcpy");
  const kernels::ChooseArgs args{logits.as<float>(),    kVocab, 1, kVocab, rows.as<kernels::ChooseRow>(),
                                 ids.as<std::int32_t>()};
  Buffer arrivals = device_memory(sizeof(unsigned)), memory = device_memory(cuda::choose_scratch_bytes(args));
  const auto launch = [&](int, cudaStream_t stream) {
    return cuda::launch_choose(args, {c.top_k != 0, c.top_p < 1, c.sample != 0},
                               {arrivals.as<unsigned>(), memory.data()}, stream);
  };
  const double bytes = kVocab * sizeof(float);
  print_line(core::message("choose of ", kVocab, " tokens, ", c.name), {timer.seconds(launch), bytes, 0},
             roofline);
}

}  // namespace

void print_gpu_kernels(const Roofline& roofline, unsigned multiprocessors) {
  DeviceTimer timer;
  for (const LinearCase& c : kLinearCases) bench_linear(timer, c, roofline, multiprocessors);
  for (const AttentionCase& c : kAttentionCases) bench_attention(timer, c, roofline);
  for (const ChooseCase& c : kChooseCases) bench_choose(timer, c, roofline);
}

}  // namespace transom::bench
