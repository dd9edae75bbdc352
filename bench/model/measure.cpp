// SPDX-License-Identifier: Apache-2.0
#include "bench/model/measure.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <random>

#include "backend/ops.h"
#include "backend/registry.h"
#include "bench/model/subprocess.h"
#include "bench/model/synthetic.h"
#include "io/model_directory.h"
#include "model/family.h"
#include "model/sequence/sequence.h"
#include "model/weights/weight_loader.h"
#include "transom/auto_config.h"

namespace transom::bench {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

Config make_config(const Options& options) {
  Config config = options.synthetic.empty() ? AutoConfig::from_pretrained(options.model)
                                            : Config::from_json(synthetic_config(options.synthetic));
  if (options.layers > 0) config.update({{"num_hidden_layers", options.layers}});
  config.update({{"quantization", options.quantization},
                 {"quantization_group_size", options.group_size},
                 {"kv_cache_dtype", options.kv_cache_dtype},
                 {"attention_window", options.window},
                 {"attention_pattern", options.attention_pattern},
                 {"dtype", options.dtype}});
  return config;
}

namespace {

/// Multiplications and additions of all linear layers of one block stack, per token, without the head.
double block_ops(const model::ModelSpec& spec) {
  const double per_layer =
      static_cast<double>(spec.hidden) * static_cast<double>(spec.qkv_columns()) +
      static_cast<double>(spec.n_heads * spec.head_dim) * static_cast<double>(spec.hidden) +
      3 * static_cast<double>(spec.hidden) * static_cast<double>(spec.intermediate);
  return 2 * per_layer * static_cast<double>(spec.n_layers);
}

double head_ops(const model::ModelSpec& spec) {
  return 2 * static_cast<double>(spec.hidden) * static_cast<double>(spec.vocab);
}

/// Tokens that each layer's query at `depth` sees, summed over the layers.
double visible_tokens(const model::ModelSpec& spec, std::int64_t depth) {
  double sum = 0;
  for (const model::LayerSpec& layer : spec.layers) {
    sum += static_cast<double>(layer.window > 0 ? std::min(layer.window, depth + 1) : depth + 1);
  }
  return sum;
}

/// Scores and weighted values: 4 operations for each visible key, head and dimension.
double attention_ops(const model::ModelSpec& spec, double visible) {
  return 4 * visible * static_cast<double>(spec.n_heads * spec.head_dim);
}

void fill_cache(const model::Sequence& sequence, std::int64_t depth) {
  // Ordinary small numbers, so that softmax and sums take their usual paths; written, so that reads reach
  // real memory.
  const model::KvCache& cache = sequence.cache();
  for (std::size_t layer = 0; layer < cache.layers(); ++layer) {
    const backend::KvCacheView& view = cache.layer(layer);
    for (const model::KvCache::Slots& slots : cache.used_slots(layer, depth, depth)) {
      const std::vector<std::byte> bytes(
          static_cast<std::size_t>(slots.count * backend::ops::kv_slot_bytes(view)), std::byte{0x3c});
      backend::ops::kv_write(cache.device_of(layer), bytes, slots.first, slots.count, view);
    }
  }
}

}  // namespace

std::vector<std::int32_t> random_ids(std::int64_t count, std::int64_t vocab) {
  std::mt19937 random(7);
  std::vector<std::int32_t> ids(static_cast<std::size_t>(count));
  for (std::int32_t& id : ids) id = static_cast<std::int32_t>(random() % static_cast<std::uint32_t>(vocab));
  return ids;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

double peak_resident_bytes() {
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024;
}

Loaded load_model(const Options& options) {
  const auto start = Clock::now();
  const Config config = make_config(options);
  model::ModelSpec spec = model::read_spec(config);
  std::shared_ptr<model::WeightSource> source;
  if (options.synthetic.empty()) {
    source = std::make_shared<model::CheckpointSource>(
        std::make_shared<const io::Checkpoint>(io::find_model_directory(options.model)));
  } else {
    source = std::make_shared<SyntheticSource>(options.dtype == "f32" ? DType::f32 : DType::bf16);
  }
  model::Placement placement = model::open_placement(
      options.device, {options.threads, options.pin, options.cuda_graphs}, spec.n_layers, options.gpu_layers);
  const bool terminal = ::isatty(STDERR_FILENO) != 0;
  int done = 0;
  const auto progress = [&](std::string_view, std::int64_t) {
    if (++done % 16 == 0 && terminal) std::fprintf(stderr, "\rloading: %d tensors", done);
    return true;
  };
  auto weights =
      model::load_weights(spec, model::find_family(spec.family)->names(), *source, placement, progress);
  if (terminal) std::fprintf(stderr, "\r%40s\r", "");
  Loaded loaded;
  loaded.transformer =
      std::make_unique<model::Transformer>(std::move(spec), std::move(weights), source, std::move(placement));
  loaded.load_s = seconds_since(start);
  return loaded;
}

double arithmetic_peak(const Roofline& roofline, const Options& options) {
  const double int8 = roofline.best_int8_op_per_s(), bf16 = roofline.best_bf16_flop_per_s();
  if (options.quantization != "none" && int8 > 0) return int8;
  if (options.dtype == "bf16" && bf16 > 0) return bf16;
  return roofline.f32_flop_per_s;
}

Measurement measure_prefill(const model::Transformer& transformer, const Options& options,
                            std::int64_t tokens, const Roofline& roofline) {
  const model::ModelSpec& spec = transformer.spec();
  model::Sequence sequence(transformer, {tokens + 1, 512});
  const std::vector<std::int32_t> ids = random_ids(tokens, spec.vocab);
  std::vector<float> logits(static_cast<std::size_t>(spec.vocab));
  std::vector<double> seconds;
  for (int i = 0; i <= options.repeats; ++i) {
    sequence.truncate(0);
    const auto start = Clock::now();
    sequence.forward(ids, false, logits);
    if (i > 0) seconds.push_back(seconds_since(start));  // the first one warms up
  }
  const double time = median(seconds);
  Measurement line;
  line.phase = "prefill";
  line.tokens = tokens;
  line.tokens_per_s = static_cast<double>(tokens) / time;
  double visible = 0;
  for (std::int64_t t = 0; t < tokens; ++t) visible += visible_tokens(spec, t);
  const double ops =
      block_ops(spec) * static_cast<double>(tokens) + head_ops(spec) + attention_ops(spec, visible);
  line.ops_per_token = ops / static_cast<double>(tokens);
  line.arithmetic_share = ops / time / arithmetic_peak(roofline, options);
  return line;
}

namespace {

/// One or several texts at a depth, which take their steps together.
class DecodeRun {
 public:
  DecodeRun(const model::Transformer& transformer, const DecodeCase& what, std::int64_t tokens)
      : what_(what),
        first_(transformer, {what.depth + tokens + 2, std::max(std::int64_t{16}, what.texts)}),
        logits_(static_cast<std::size_t>(transformer.spec().vocab * what.texts)),
        ids_(random_ids((tokens + 2) * what.texts, transformer.spec().vocab)) {
    sequences_.push_back(&first_);
    while (static_cast<std::int64_t>(sequences_.size()) < what.texts)
      sequences_.push_back(siblings_.emplace_back(first_.sibling()).get());
    for (model::Sequence* sequence : sequences_) {
      sequence->resume(what.depth, what.depth);
      fill_cache(*sequence, what.depth);
    }
    for (int i = 0; i < 2; ++i) step();
    seconds_.clear();  // those warmed up
  }

  void step() {
    const auto count = static_cast<std::size_t>(what_.texts);
    const auto start = Clock::now();
    model::Sequence::step(sequences_, std::span(ids_).subspan(next_ * count, count), logits_);
    seconds_.push_back(seconds_since(start));
    ++next_;
  }

  Measurement result(const Options& options, const Roofline& roofline, double read_bytes_per_s) const {
    const model::Transformer& transformer = first_.transformer();
    const model::ModelSpec& spec = transformer.spec();
    const double time = median(seconds_) / static_cast<double>(what_.texts);
    const double visible = visible_tokens(spec, what_.depth);
    const double kv_row =
        2.0 *
        static_cast<double>(spec.n_kv_heads * backend::kv_row_bytes(transformer.kv_dtype(), spec.head_dim));
    Measurement line;
    line.phase = what_.texts == 1 ? "decode" : "batch";
    line.tokens = what_.texts == 1 ? what_.depth : what_.texts;
    line.tokens_per_s = 1 / time;
    line.bytes_per_token =
        static_cast<double>(transformer.weights().decode_bytes) / static_cast<double>(what_.texts) +
        kv_row * visible;
    line.ops_per_token = block_ops(spec) + head_ops(spec) + attention_ops(spec, visible);
    line.read_bytes_per_s = read_bytes_per_s;
    line.bandwidth_share = line.bytes_per_token / time / read_bytes_per_s;
    line.arithmetic_share = line.ops_per_token / time / arithmetic_peak(roofline, options);
    return line;
  }

 private:
  DecodeCase what_;
  model::Sequence first_;
  std::vector<std::unique_ptr<model::Sequence>> siblings_;
  std::vector<model::Sequence*> sequences_;
  std::vector<float> logits_;
  std::vector<std::int32_t> ids_;
  std::size_t next_ = 0;
  std::vector<double> seconds_;
};

}  // namespace

double measure_in_turns(const std::string& device, std::size_t threads, std::int64_t steps,
                        const std::function<void(std::int64_t steps)>& run) {
  constexpr std::int64_t kTurns = 8;
  std::vector<double> bandwidths;
  for (std::int64_t turn = 0; turn < kTurns; ++turn) {
    bandwidths.push_back(measure_bandwidth_apart(device, threads));
    run(steps * (turn + 1) / kTurns - steps * turn / kTurns);
  }
  return median(bandwidths);
}

std::vector<Measurement> measure_decode(const model::Transformer& transformer, const Options& options,
                                        const std::vector<DecodeCase>& cases, const Roofline& roofline) {
  std::vector<std::unique_ptr<DecodeRun>> runs;
  for (const DecodeCase& what : cases)
    runs.push_back(std::make_unique<DecodeRun>(transformer, what, options.decode_tokens));
  const auto threads = static_cast<std::size_t>(transformer.placement().describe().threads);
  const auto turn = [&](std::int64_t steps) {
    for (const std::unique_ptr<DecodeRun>& run : runs) {
      for (std::int64_t i = 0; i < steps; ++i) run->step();
    }
  };
  const double bandwidth = measure_in_turns(options.device, threads, options.decode_tokens, turn);
  std::vector<Measurement> lines;
  for (const std::unique_ptr<DecodeRun>& run : runs)
    lines.push_back(run->result(options, roofline, bandwidth));
  return lines;
}

}  // namespace transom::bench
