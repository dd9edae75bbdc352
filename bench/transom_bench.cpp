// SPDX-License-Identifier: Apache-2.0
// Whole-model speed, told as shares of what the machine can do.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "bench/model/gpu_estimate.h"
#include "bench/model/headline.h"
#include "bench/model/long_context.h"
#include "bench/model/measure.h"
#include "bench/model/prefix_cache.h"
#include "bench/model/report.h"
#include "bench/model/speculation.h"
#include "bench/model/subprocess.h"
#include "model/cache/kv_layout.h"
#include "model/sequence/sequence.h"
#include "transom/error.h"

namespace {

using namespace transom::bench;

struct Modes {
  bool roofline = false, roofline_raw = false, bandwidth_raw = false, headline = false, long_context = false;
  bool prefix_cache = false, speculation = false, gpu_estimate = false;
  int headline_prompt = 32768;
  LongContext context;
  PrefixCacheBench prefix;
  SpeculationBench guesses;
};

void add_modes(CLI::App& app, Modes& modes) {
  CLI::App* one = app.add_option_group("Instead of the usual measurements, one of");
  one->require_option(0, 1);
  one->add_flag("--roofline", modes.roofline, "Only measure the machine's ceilings");
  one->add_flag(
      "--headline", modes.headline,
      "A 7B model in 3 bits, int8 KV, a window of 2048 and a long prompt: memory and speed (15 minutes)");
  one->add_flag("--long-context", modes.long_context,
                "Time and memory of reading longer and longer prompts: full attention, window, log stride");
  one->add_flag("--prefix-cache", modes.prefix_cache,
                "Time to the first token of a prompt whose beginning was read before");
  one->add_flag(
      "--speculation", modes.speculation,
      "Guesses of prompt lookup that are right, and what they gain, for a text that repeats itself");
  one->add_flag("--gpu-estimate", modes.gpu_estimate,
                "Bytes and operations of each kernel of a step, and their time on some GPUs; needs none");
  one->add_flag("--roofline-raw", modes.roofline_raw, "The same as bare numbers")->group("");
  one->add_flag("--bandwidth-raw", modes.bandwidth_raw, "Only the read bandwidth, as a bare number")
      ->group("");
  app.add_option("--headline-prompt", modes.headline_prompt, "Tokens of the headline's prompt")
      ->check(CLI::Range(2048, 1 << 20));
  app.add_option("--context-tokens", modes.context.most, "The longest of the long prompts, a power of two")
      ->check([](const std::string& text) -> std::string {
        const long long tokens = std::atoll(text.c_str());
        const bool fits = tokens >= 1024 && tokens <= 1 << 24 && (tokens & (tokens - 1)) == 0;
        return fits ? "" : "expected a power of two from 1024 to 16777216";
      });
  app.add_option("--svg", modes.context.svg_file, "With --long-context: write a plot to this file");
  app.add_option("--common-tokens", modes.prefix.common, "Of the beginning that was read before")
      ->check(CLI::Range(16, 1 << 20));
  app.add_option("--own-tokens", modes.prefix.own, "Behind it")->check(CLI::Range(1, 1 << 20));
  app.add_option("--guess", modes.guesses.guess, "Tokens guessed at a time")->check(CLI::Range(1, 64));
  app.add_option("--new-tokens", modes.guesses.new_tokens, "Tokens of the text that repeats itself")
      ->check(CLI::Range(2, 1 << 16));
}

void add_options(CLI::App& app, Options& options) {
  app.add_option("model", options.model, "Model directory, or org/name in the local Hugging Face cache");
  app.add_option("--synthetic", options.synthetic,
                 "Random weights of true shapes: deepseek-llm-7b, r1-distill-qwen-1.5b, r1-distill-llama-8b, "
                 "mistral-7b");
  app.add_option("--layers", options.layers, "Fewer layers than the model has");
  app.add_option("--dtype", options.dtype, "Weights in memory: bf16, f32");
  app.add_option("--quantization", options.quantization, "none, int8, int4, int3, int2");
  app.add_option("--group-size", options.group_size,
                 "Inputs that share a scale; 0 = as suits the bits, -1 = whole rows");
  app.add_option("--kv-cache-dtype", options.kv_cache_dtype, "auto, f32, bf16, int8, fp8");
  app.add_option("--attention-window", options.window, "Tokens that every layer sees; 0 = as the model says");
  app.add_option("--device", options.device, "cpu, cuda or cuda:1");
  app.add_option("--gpu-layers", options.gpu_layers,
                 "Layers on the GPU, the last ones; -1 = all. Shares are of the GPU's ceilings");
  app.add_flag("!--no-cuda-graphs", options.cuda_graphs, "Launch the steps on a GPU op by op");
  app.add_option("--threads", options.threads, "Threads; 0 = every core");
  app.add_flag("!--no-pin", options.pin, "Do not pin threads to cores");
  app.add_option("--prefill", options.prefill, "Prompt lengths")->delimiter(',');
  app.add_option("--depth", options.depths, "Depths at which decode is measured")->delimiter(',');
  app.add_option("--batch", options.batches, "Texts that decode together, at depth 0")
      ->delimiter(',')
      ->check(CLI::Range(2, 512));
  app.add_option("--decode-tokens", options.decode_tokens,
                 "Tokens per decode measurement, in 8 turns with all others")
      ->check(CLI::Range(1, 4096));
  app.add_option("--repeats", options.repeats, "Prefills per measurement, the median counts")
      ->check(CLI::Range(1, 100));
  app.add_option("--json", options.json_file, "Write the report to this file");
}

void show_progress(std::size_t done, std::size_t all, const char* what) {
  if (::isatty(STDERR_FILENO) == 0) return;
  std::fprintf(stderr, "\r[%zu/%zu] %-24s", done, all, what);
  if (done == all) std::fprintf(stderr, "\r%40s\r", "");
}

std::string command_line(int argc, char** argv) {
  std::string text = "transom-bench";
  for (int i = 1; i < argc; ++i) text += std::string(" ") + argv[i];
  return text;
}

/// The largest KV caches that exist at a time, as laid out for their contexts.
double largest_kv_bytes(const transom::model::Transformer& transformer, const Options& options) {
  const auto cache_bytes = [&](std::int64_t context, std::int64_t chunk) {
    double bytes = 0;
    for (const transom::backend::KvCacheView& layer :
         transom::model::kv_layouts(transformer.spec(), transformer.kv_dtype(), context, chunk))
      bytes += 2.0 * static_cast<double>(layer.blocks() * transom::model::kv_block_bytes(layer));
    return bytes;
  };
  double prompt = 0, decoding = 0;
  for (const std::int64_t tokens : options.prefill) prompt = std::max(prompt, cache_bytes(tokens + 1, 512));
  for (const std::int64_t depth : options.depths)
    decoding += cache_bytes(depth + options.decode_tokens + 2, 16);
  for (const std::int64_t texts : options.batches)
    decoding += static_cast<double>(texts) * cache_bytes(options.decode_tokens + 2, 16);
  return std::max(prompt, decoding);
}

Report measure(const Options& options, std::size_t threads) {
  Report report;
  report.options = options;
  const std::size_t steps = options.prefill.size() + 3;
  std::size_t step = 0;
  show_progress(step++, steps, "ceilings");
  report.roofline = measure_roofline_apart(options.device, threads);
  show_progress(step++, steps, "loading");
  const Loaded loaded = load_model(options);
  const transom::model::Transformer& transformer = *loaded.transformer;
  for (const std::int64_t tokens : options.prefill) {
    show_progress(step++, steps, "prefill");
    report.lines.push_back(measure_prefill(transformer, options, tokens, report.roofline));
  }
  std::vector<DecodeCase> cases;
  for (const std::int64_t depth : options.depths) cases.push_back({depth, 1});
  for (const std::int64_t texts : options.batches) cases.push_back({0, texts});
  show_progress(step++, steps, "decode");
  for (const Measurement& line : measure_decode(transformer, options, cases, report.roofline))
    report.lines.push_back(line);
  show_progress(steps, steps, "");
  const auto device = transformer.placement().describe();
  report.isa = device.isa;
  report.threads = device.threads;
  report.kernels = transformer.kernel_choices();
  report.load_s = loaded.load_s;
  report.weight_bytes = static_cast<double>(transformer.weights().bytes);
  report.kv_bytes = largest_kv_bytes(transformer, options);
  report.peak_bytes = peak_resident_bytes();
  return report;
}

}  // namespace

int main(int argc, char** argv) try {
  Options options;
  Modes modes;
  CLI::App app("Measures Transom on whole models, as shares of the machine's ceilings");
  add_options(app, options);
  add_modes(app, modes);
  CLI11_PARSE(app, argc, argv);
  const std::size_t threads = options.threads > 0 ? static_cast<std::size_t>(options.threads)
                                                  : std::max(1u, std::thread::hardware_concurrency());
  if (modes.roofline_raw) {
    print_raw(measure_roofline(threads));
    return 0;
  }
  if (modes.bandwidth_raw) {
    std::printf("%.6g\n", measure_read_bandwidth(threads));
    return 0;
  }
  if (modes.roofline) {
    print_roofline(measure_roofline(threads));
    return 0;
  }
  if (modes.headline) {
    print_headline(modes.headline_prompt, options.threads);
    return 0;
  }
  if (options.model.empty() == options.synthetic.empty()) {
    throw transom::InvalidArgument("expected a model directory or --synthetic NAME");
  }
  if (modes.gpu_estimate) {
    print_gpu_estimate(options);
    return 0;
  }
  if (modes.long_context) {
    if (options.window > 0) modes.context.window = options.window;
    modes.context.json_file = options.json_file;
    print_long_context(options, modes.context, command_line(argc, argv));
    return 0;
  }
  if (modes.prefix_cache) return print_prefix_cache(options, modes.prefix, command_line(argc, argv)) ? 0 : 1;
  if (modes.speculation) return print_speculation(options, modes.guesses, command_line(argc, argv)) ? 0 : 1;
  Report report = measure(options, threads);
  report.command = command_line(argc, argv);
  print_table(report);
  if (!options.json_file.empty()) write_file(options.json_file, to_json(report));
  return 0;
} catch (const transom::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
