// SPDX-License-Identifier: Apache-2.0
#include "model/config/attention_keys.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/checks.h"

namespace transom::model {

using core::message;

namespace {

constexpr std::int64_t kMaxSinks = 1 << 20;

/// The entries of a key: one for all layers, or a list that is cycled over them.
template <typename T>
struct PerLayer {
  std::string_view key;
  std::vector<T> entries;
  bool listed = false;

  const T& of(std::size_t layer) const { return entries[layer % entries.size()]; }
  /// What a message calls the entry of a layer.
  std::string place(std::size_t layer) const {
    return listed ? message(key, "[", layer % entries.size(), "]") : std::string(key);
  }
};

/// @param read Makes an entry of its place and value.
template <typename T, typename Read>
PerLayer<T> read_per_layer(const ConfigReader& reader, std::string_view key, const T& fallback,
                           std::size_t n_layers, const Read& read) {
  if (!reader.has(key)) return {key, {fallback}};
  const Value value = reader.config().get(key);
  if (!value.is_list()) return {key, {read(std::string(key), value)}};
  const auto list = value.as<Value::List>();
  if (list.empty()) reader.fail(key, "expected a value or a list of them, found an empty list");
  if (n_layers > 0 && list.size() > n_layers) {
    reader.fail(key, message("expected a value or a list of at most ", n_layers,
                             " entries (num_hidden_layers), found ", list.size()));
  }
  PerLayer<T> result{key, {}, true};
  for (std::size_t i = 0; i < list.size(); ++i)
    result.entries.push_back(read(message(key, "[", i, "]"), list[i]));
  return result;
}

PerLayer<std::int64_t> read_integers(const ConfigReader& reader, std::string_view key, std::size_t n_layers,
                                     std::int64_t min, std::int64_t max) {
  return read_per_layer<std::int64_t>(reader, key, 0, n_layers,
                                      [&](const std::string& place, const Value& value) {
                                        return reader.integer_of(place, value, min, max);
                                      });
}

PerLayer<AttentionPattern> read_patterns(const ConfigReader& reader, std::size_t n_layers) {
  const auto read = [&](const std::string& place, const Value& value) {
    const std::string word = value.is_string() ? value.as<std::string>() : shown(value);
    const auto found = std::ranges::find(kAttentionPatternNames, word);
    if (!value.is_string() || found == std::end(kAttentionPatternNames))
      reader.fail(place,
                  message("expected one of ", quoted(kAttentionPatternNames), ", found ", shown(value)));
    return static_cast<AttentionPattern>(found - std::begin(kAttentionPatternNames));
  };
  return read_per_layer(reader, "attention_pattern", AttentionPattern::window, n_layers, read);
}

/// A pattern that is given for all layers goes to those that have a window; a list means the layers it names.
void apply_patterns(const ConfigReader& reader, const PerLayer<AttentionPattern>& patterns, ModelSpec& spec) {
  const auto problem = [&](std::size_t layer, const std::string& text) {
    reader.fail(patterns.place(layer), message(pattern_name(patterns.of(layer)), text));
  };
  bool any = false;
  for (std::size_t i = 0; i < spec.layers.size(); ++i) {
    LayerSpec& layer = spec.layers[i];
    const AttentionPattern pattern = patterns.of(i);
    if (pattern == AttentionPattern::window) {
      any = true;
      continue;
    }
    if (layer.window == 0) {
      if (patterns.listed)
        problem(i, message(" needs a window, layer ", i, " has none: set attention_window"));
      continue;
    }
    if (layer.sinks > 0) {
      problem(i, message(" keeps the first tokens by itself: expected attention_sinks 0 in layer ", i,
                         ", found ", layer.sinks));
    }
    layer.pattern = pattern;
    any = true;
  }
  if (!any && !spec.layers.empty()) problem(0, " needs a window: set attention_window");
}

}  // namespace

void apply_attention_keys(const ConfigReader& reader, ModelSpec& spec) {
  const std::size_t n_layers = spec.layers.size();
  const auto windows = read_integers(reader, "attention_window", n_layers, -1, kMostTokens);
  const auto sinks = read_integers(reader, "attention_sinks", n_layers, 0, kMaxSinks);
  const auto patterns = read_patterns(reader, n_layers);
  for (std::size_t i = 0; i < n_layers; ++i) {
    LayerSpec& layer = spec.layers[i];
    if (windows.of(i) != 0) layer.window = std::max<std::int64_t>(windows.of(i), 0);
    layer.sinks = layer.window > 0 ? sinks.of(i) : 0;
  }
  apply_patterns(reader, patterns, spec);
}

}  // namespace transom::model
