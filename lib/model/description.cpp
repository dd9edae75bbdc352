// SPDX-License-Identifier: Apache-2.0
#include "model/description.h"

#include <array>
#include <charconv>
#include <concepts>
#include <string_view>

namespace transom::model {

namespace {

// In the order of the enumerations.
constexpr const char* kRopeTypes[] = {"default", "linear", "dynamic", "llama3", "yarn", "longrope"};
constexpr const char* kQuantizationMethods[] = {"rtn", "gptq"};
constexpr const char* kWeightDTypes[] = {"auto", "f32", "bf16"};

/// Numbers in their shortest exact form.
template <typename Number>
std::string written(Number value, int base = 10) {
  std::array<char, 64> digits{};
  char* end = nullptr;
  if constexpr (std::integral<Number>) {
    end = std::to_chars(digits.data(), digits.data() + digits.size(), value, base).ptr;
  } else {
    end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  }
  return {digits.data(), end};
}

class Lines {
 public:
  void add(std::string_view name, const char* value) { add(name, std::string_view(value)); }
  void add(std::string_view name, std::string_view value) {
    text_.append(name).append("=").append(value).append("\n");
  }
  void add(std::string_view name, std::int64_t value) { add(name, written(value)); }
  void add(std::string_view name, double value) { add(name, written(value)); }
  void add(std::string_view name, const std::vector<double>& values) {
    std::string list;
    for (const double value : values) list += (list.empty() ? "" : ",") + written(value);
    add(name, list);
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

void add_rope(const RopeSpec& rope, Lines& lines) {
  lines.add("rope_type", kRopeTypes[static_cast<std::size_t>(rope.type)]);
  lines.add("rope_dim", rope.rotary_dim);
  lines.add("rope_theta", rope.theta);
  lines.add("rope_factor", rope.factor);
  lines.add("rope_max_position", rope.max_position);
  lines.add("rope_original_max_position", rope.original_max_position);
  lines.add("rope_low_freq_factor", rope.low_freq_factor);
  lines.add("rope_high_freq_factor", rope.high_freq_factor);
  lines.add("rope_beta_fast", rope.beta_fast);
  lines.add("rope_beta_slow", rope.beta_slow);
  lines.add("rope_truncate", std::int64_t{rope.truncate});
  lines.add("rope_magnitude", rope.magnitude);
  lines.add("rope_short_factor", rope.short_factor);
  lines.add("rope_long_factor", rope.long_factor);
}

}  // namespace

std::string describe(const Transformer& transformer, std::uint64_t weights) {
  const ModelSpec& spec = transformer.spec();
  Lines lines;
  lines.add("model_type", spec.family);
  lines.add("vocab_size", spec.vocab);
  lines.add("hidden_size", spec.hidden);
  lines.add("intermediate_size", spec.intermediate);
  lines.add("num_hidden_layers", spec.n_layers);
  lines.add("num_attention_heads", spec.n_heads);
  lines.add("num_key_value_heads", spec.n_kv_heads);
  lines.add("head_dim", spec.head_dim);
  lines.add("rms_norm_eps", spec.norm_epsilon);
  lines.add("tie_word_embeddings", std::int64_t{spec.tie_embeddings});
  lines.add("kv_cache_dtype", dtype_name(transformer.kv_dtype()));
  std::int64_t sinks = -1;
  for (const LayerSpec& layer : spec.layers) {
    if (layer.sinks != sinks) lines.add("attention_sinks", layer.sinks);  // where they change
    sinks = layer.sinks;
    lines.add("attention_window", layer.window);
    if (layer.pattern != AttentionPattern::window)
      lines.add("attention_pattern", pattern_name(layer.pattern));
    lines.add("layer_rope", static_cast<std::int64_t>(layer.rope));
  }
  for (const RopeSpec& rope : spec.ropes) add_rope(rope, lines);
  lines.add("quantization_bits", std::int64_t{spec.quantization.bits});
  if (spec.quantization.bits > 0) {
    lines.add("quantization_group_size", spec.quantization.group_size);
    lines.add("quantization_method",
              kQuantizationMethods[static_cast<std::size_t>(spec.quantization.method)]);
  }
  lines.add("activation_dtype", spec.activations == backend::ActivationFormat::f32 ? "f32" : "auto");
  lines.add("dtype", kWeightDTypes[static_cast<std::size_t>(spec.dtype)]);
  lines.add("weights", written(weights, 16));
  return lines.take();
}

}  // namespace transom::model
