// SPDX-License-Identifier: Apache-2.0
#include "model/families/common.h"

#include <algorithm>

#include "core/checks.h"
#include "model/config/rope_reader.h"

namespace transom::model {

using core::message;

namespace {

// Bounds of sane configurations. They keep every product of two of them far inside 63 bits, so that a hostile
// file can not overflow a size.
constexpr std::int64_t kMaxVocab = 1 << 24, kMaxWidth = 1 << 22, kMaxLayers = 4096, kMaxHeads = 4096,
                       kMaxHeadDim = 1024;

std::int64_t read_size(const ConfigReader& reader, const char* key, std::int64_t fallback, std::int64_t max) {
  return fallback < 0 ? reader.required_integer(key, 1, max) : reader.integer(key, fallback, 1, max);
}

void check_activation(const ConfigReader& reader) {
  const std::string name = reader.text("hidden_act", "silu");
  if (name != "silu" && name != "swish") {
    reader.unsupported("hidden_act", message("\"", name, "\" is not supported (silu is)"));
  }
}

}  // namespace

ModelSpec read_common(const ConfigReader& reader, const FamilyDefaults& defaults) {
  ModelSpec spec;
  spec.family = reader.text("model_type", "");
  spec.vocab = read_size(reader, "vocab_size", defaults.vocab, kMaxVocab);
  spec.hidden = read_size(reader, "hidden_size", defaults.hidden, kMaxWidth);
  spec.intermediate = read_size(reader, "intermediate_size", defaults.intermediate, kMaxWidth);
  spec.n_layers = read_size(reader, "num_hidden_layers", defaults.layers, kMaxLayers);
  spec.n_heads = read_size(reader, "num_attention_heads", defaults.heads, kMaxHeads);
  // An explicit null means one KV head a query head in every family; only an absent key takes the class
  // default.
  const bool kv_absent = reader.absent("num_key_value_heads");
  spec.n_kv_heads =
      reader.integer("num_key_value_heads",
                     kv_absent && defaults.kv_heads > 0 ? defaults.kv_heads : spec.n_heads, 1, kMaxHeads);
  if (spec.n_heads % spec.n_kv_heads != 0) {
    reader.fail("num_key_value_heads", message("expected a divisor of num_attention_heads (", spec.n_heads,
                                               "), found ", spec.n_kv_heads));
  }
  if (reader.has("head_dim") || (reader.absent("head_dim") && defaults.head_dim > 0)) {
    spec.head_dim = reader.integer("head_dim", defaults.head_dim, 2, kMaxHeadDim);
  } else {
    if (spec.hidden % spec.n_heads != 0 || spec.hidden / spec.n_heads > kMaxHeadDim) {
      reader.fail("hidden_size", message("expected a multiple of num_attention_heads (", spec.n_heads,
                                         ") with heads of at most ", kMaxHeadDim, ", found ", spec.hidden));
    }
    spec.head_dim = spec.hidden / spec.n_heads;
  }
  spec.max_position = reader.integer("max_position_embeddings", defaults.max_position, 1, kMostTokens);
  spec.norm_epsilon = reader.number("rms_norm_eps", defaults.norm_epsilon, 0.0, 1.0);
  spec.tie_embeddings = reader.boolean("tie_word_embeddings", false);
  check_activation(reader);
  return spec;
}

std::int64_t read_sliding_window(const ConfigReader& reader, std::int64_t absent_default) {
  if (reader.absent("sliding_window")) return absent_default;
  return reader.integer("sliding_window", 0, 1, kMostTokens);
}

std::vector<bool> read_layer_types(const ConfigReader& reader, std::int64_t n_layers) {
  if (!reader.has("layer_types")) return {};
  const Value value = reader.config().get("layer_types");
  if (!value.is_list()) reader.fail("layer_types", message("expected a list, found ", shown(value)));
  std::vector<bool> slides;
  for (const Value& item : value.as<Value::List>()) {
    const std::string name = item.is_string() ? item.as<std::string>() : shown(item);
    if (name != "full_attention" && name != "sliding_attention") {
      reader.unsupported("layer_types", message("layers of type ", name, " are not supported"));
    }
    slides.push_back(name == "sliding_attention");
  }
  if (static_cast<std::int64_t>(slides.size()) != n_layers) {
    reader.fail("layer_types",
                message("expected ", n_layers, " entries (num_hidden_layers), found ", slides.size()));
  }
  return slides;
}

std::size_t add_rope(const ConfigReader& reader, const FamilyDefaults& defaults, ModelSpec& spec,
                     bool slides) {
  RopeSpec rope = read_rope(reader, slides ? "sliding_attention" : "full_attention", spec.head_dim,
                            spec.max_position, defaults.rope_theta);
  const auto found = std::find(spec.ropes.begin(), spec.ropes.end(), rope);
  if (found != spec.ropes.end()) return static_cast<std::size_t>(found - spec.ropes.begin());
  spec.ropes.push_back(std::move(rope));
  return spec.ropes.size() - 1;
}

void check_rope_kinds(const ConfigReader& reader, const ModelSpec& spec) {
  const auto slides = [](const LayerSpec& layer) { return layer.window > 0; };
  check_rope_kinds(reader, !std::ranges::all_of(spec.layers, slides),
                   std::ranges::any_of(spec.layers, slides));
}

void read_upper_window_layers(const ConfigReader& reader, const FamilyDefaults& defaults, ModelSpec& spec) {
  const bool use = reader.boolean("use_sliding_window", false);
  const std::int64_t window = use ? read_sliding_window(reader, 4096) : 0;
  const std::int64_t first = reader.integer("max_window_layers", 28, 0, kMaxLayers);
  read_layers(reader, defaults, spec, window,
              [&](std::int64_t layer) { return window > 0 && layer >= first; });
}

}  // namespace transom::model
