// SPDX-License-Identifier: Apache-2.0
/// What the families share when they read a configuration.
#pragma once

#include <vector>

#include "model/config/config_reader.h"
#include "model/spec.h"

namespace transom::model {

/// The values that a family's configuration class gives to absent keys. Negative: the key is required, or
/// follows from others as the comment says.
struct FamilyDefaults {
  std::int64_t vocab = -1, hidden = -1, intermediate = -1, layers = -1, heads = -1;
  std::int64_t kv_heads = -1;  // negative: as many as heads
  std::int64_t head_dim = -1;  // negative: hidden / heads
  std::int64_t max_position = 2048;
  double norm_epsilon = 1e-6;
  double rope_theta = 10000;
};

/// Reads sizes, norms, activation and tying. Layers and ropes are left to read_layers.
ModelSpec read_common(const ConfigReader& reader, const FamilyDefaults& defaults);

/// `sliding_window`: absent takes the default, null is none (0).
std::int64_t read_sliding_window(const ConfigReader& reader, std::int64_t absent_default);

/// The entries of layer_types as "slides" flags; empty when the key is absent or null.
std::vector<bool> read_layer_types(const ConfigReader& reader, std::int64_t n_layers);

/// Index of the rope of a kind of layer, added to the spec when it is a new one.
std::size_t add_rope(const ConfigReader& reader, const FamilyDefaults& defaults, ModelSpec& spec,
                     bool slides);

/// Refuses ropes that are of no layer of the spec.
void check_rope_kinds(const ConfigReader& reader, const ModelSpec& spec);

/// Fills layers and ropes. slides(i) tells whether layer i slides where `layer_types` does not say;
/// `window` is the window of a sliding layer, 0 when the configuration has none. (sliding_window_pattern is a
/// key of other families, such as Gemma 3; in a file of one of ours transformers ignores it, and so do we.)
template <typename Slides>
void read_layers(const ConfigReader& reader, const FamilyDefaults& defaults, ModelSpec& spec,
                 std::int64_t window, Slides&& slides) {
  const std::vector<bool> types = read_layer_types(reader, spec.n_layers);
  for (std::int64_t i = 0; i < spec.n_layers; ++i) {
    const bool sliding = types.empty() ? slides(i) : types[static_cast<std::size_t>(i)];
    if (sliding && window == 0) {
      reader.fail("sliding_window", "expected a window, because layer_types names sliding layers");
    }
    spec.layers.push_back({sliding ? window : 0, add_rope(reader, defaults, spec, sliding)});
  }
  check_rope_kinds(reader, spec);
}

/// The window rule of Qwen2 and Qwen3: with use_sliding_window, the layers from max_window_layers on slide.
void read_upper_window_layers(const ConfigReader& reader, const FamilyDefaults& defaults, ModelSpec& spec);

}  // namespace transom::model
