// SPDX-License-Identifier: Apache-2.0
#include "bench/model/gpu_estimate.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <vector>

#include "kernels/cuda/attention_cost.h"
#include "kernels/cuda/tiled_linear_args.h"
#include "model/family.h"
#include "model/weights/linear_loader.h"

namespace transom::bench {

namespace {

namespace cuda = kernels::cuda;

/// Peaks of the data sheets, dense.
struct Gpu {
  const char* name;
  double bytes_per_s, bf16_op_per_s;
};
constexpr std::array<Gpu, 4> kGpus = {{{"Orin AGX 64GB", 204.8e9, 42.5e12},
                                       {"A100 80GB SXM", 2039e9, 312e12},
                                       {"H100 SXM", 3350e9, 989e12},
                                       {"H200", 4800e9, 989e12}}};

struct Step {
  std::string name;
  double launches, bytes, operations;  // of all launches of a step
};

std::size_t size(std::int64_t n) { return static_cast<std::size_t>(n); }

Step linear_step(const char* name, const model::ModelSpec& spec, std::int64_t n, std::int64_t k,
                 std::int64_t rows, double launches) {
  kernels::cuda::TiledLinearArgs args;
  args.weight.type =
      spec.quantization.bits > 0 ? kernels::integer_type(spec.quantization.bits) : kernels::WeightType::bf16;
  args.weight.n = size(n);
  args.weight.k = size(k);
  if (kernels::is_integer(args.weight.type)) {
    const backend::IntegerFormat format = model::integers_on_load(spec.quantization);
    args.weight.groups = size(format.groups(k));
    args.weight.scale_type = kernels::ScaleType::f16;
  }
  const cuda::LinearCost cost = cuda::linear_cost(args.weight, size(rows));
  return {name, launches, launches * cost.bytes, launches * cost.operations};
}

/// An op that reads and writes so many floats of each token.
Step simple_step(const char* name, std::int64_t floats, std::int64_t rows, double launches) {
  return {name, launches, launches * static_cast<double>(floats * rows) * sizeof(float), 0};
}

std::vector<Step> steps_of(const model::ModelSpec& spec, kernels::KvType kv, std::int64_t depth,
                           std::int64_t rows) {
  const auto layers = static_cast<double>(spec.n_layers);
  const std::int64_t attended = spec.n_heads * spec.head_dim;
  std::vector<Step> steps = {
      simple_step("embed", 2 * spec.hidden, rows, 1),
      // Of one row, all but the first and the last are made by the products before them.
      simple_step("rms_norm", 2 * spec.hidden, rows, rows == 1 ? 2 : 2 * layers + 1),
      linear_step("qkv", spec, spec.qkv_columns(), spec.hidden, rows, layers),
      simple_step("rope_append", (2 * spec.n_heads + 3 * spec.n_kv_heads) * spec.head_dim, rows, layers),
      {"attention", layers, 0, 0},
      linear_step("output", spec, spec.hidden, attended, rows, layers),
      linear_step("gate_up", spec, 2 * spec.intermediate, spec.hidden, rows, layers),
      linear_step("down", spec, spec.hidden, spec.intermediate, rows, layers),
      linear_step("head", spec, spec.vocab, spec.hidden, 1, 1),
  };
  // Products of integers make it themselves.
  if (spec.quantization.bits == 0)
    steps.push_back(simple_step("gated_mul", 3 * spec.intermediate, rows, layers));
  Step& attention = *std::ranges::find(steps, "attention", &Step::name);
  for (const model::LayerSpec& layer : spec.layers) {
    kernels::AttentionArgs args;
    args.n_tokens = size(rows);
    args.n_heads = size(spec.n_heads);
    args.kv.type = kv;
    args.kv.n_kv_heads = size(spec.n_kv_heads);
    args.kv.head_dim = size(spec.head_dim);
    args.first_pos = depth;
    args.window = layer.window;
    const cuda::AttentionCost cost = cuda::attention_cost(args);
    attention.bytes += cost.bytes;
    attention.operations += cost.operations;
  }
  return steps;
}

void print_steps(const std::string& title, const std::vector<Step>& steps, std::int64_t rows) {
  std::printf("\n%s\n%-11s %9s %10s %10s", title.c_str(), "kernel", "launches", "MB", "GFLOP");
  for (const Gpu& gpu : kGpus) std::printf(" %16s", gpu.name);
  std::printf("\n");
  std::array<double, kGpus.size()> total{};
  for (const Step& step : steps) {
    std::printf("%-11s %9.0f %10.2f %10.2f", step.name.c_str(), step.launches, step.bytes * 1e-6,
                step.operations * 1e-9);
    for (std::size_t i = 0; i < kGpus.size(); ++i) {
      const double seconds =
          std::max(step.bytes / kGpus[i].bytes_per_s, step.operations / kGpus[i].bf16_op_per_s);
      total[i] += seconds;
      std::printf(" %13.1f us", seconds * 1e6);
    }
    std::printf("\n");
  }
  std::printf("%-11s %9s %10s %10s", "at best", "", "", "");
  for (const double seconds : total) std::printf(" %10.1f tok/s", static_cast<double>(rows) / seconds);
  std::printf("\n");
}

}  // namespace

void print_gpu_estimate(const Options& options) {
  const model::ModelSpec spec = model::read_spec(make_config(options));
  const auto kv = spec.kv_dtype == model::KvDType::int8  ? kernels::KvType::i8
                  : spec.kv_dtype == model::KvDType::fp8 ? kernels::KvType::e4m3
                  : spec.kv_dtype == model::KvDType::f32 ? kernels::KvType::f32
                                                         : kernels::KvType::bf16;
  std::printf(
      "Bytes and operations of %s, weights %s, KV %s, and the time they take at the peaks of data sheets\n",
      (options.synthetic.empty() ? options.model : options.synthetic).c_str(),
      spec.quantization.bits > 0 ? options.quantization.c_str() : "bf16", options.kv_cache_dtype.c_str());
  for (const std::int64_t tokens : options.prefill)
    print_steps("prompt of " + std::to_string(tokens) + " tokens", steps_of(spec, kv, 0, tokens), tokens);
  for (const std::int64_t depth : options.depths)
    print_steps("decode at depth " + std::to_string(depth), steps_of(spec, kv, depth, 1), 1);
}

}  // namespace transom::bench
