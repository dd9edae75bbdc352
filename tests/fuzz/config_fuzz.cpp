// SPDX-License-Identifier: Apache-2.0
/// Arbitrary config.json files and updates. The input is a config.json up to the first zero byte, then the
/// JSON of an update. Only typed errors may come out, a refused update changes nothing, and a specification
/// that is accepted makes sense.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "model/family.h"
#include "tests/fuzz/require.h"
#include "transom/config.h"
#include "transom/error.h"

namespace {

using transom::Config;
using transom::fuzz::require;

void check(const transom::model::RopeSpec& rope, std::int64_t head_dim) {
  require(rope.rotary_dim >= 0 && rope.rotary_dim % 2 == 0 && rope.rotary_dim <= head_dim);
  require(std::isfinite(rope.theta) && std::isfinite(rope.factor) && std::isfinite(rope.magnitude));
  if (rope.type == transom::model::RopeType::longrope) {
    require(rope.short_factor.size() == static_cast<std::size_t>(rope.rotary_dim / 2));
    require(rope.long_factor.size() == rope.short_factor.size());
  }
}

void check(const transom::model::ModelSpec& spec) {
  require(spec.vocab > 0 && spec.hidden > 0 && spec.intermediate > 0 && spec.head_dim > 0);
  require(spec.n_heads > 0 && spec.n_kv_heads > 0 && spec.n_heads % spec.n_kv_heads == 0);
  require(spec.layers.size() == static_cast<std::size_t>(spec.n_layers));
  require(spec.max_position > 0 && spec.max_context >= 0);
  require(std::isfinite(spec.norm_epsilon));
  for (const auto& layer : spec.layers) {
    require(layer.window >= 0 && layer.rope < spec.ropes.size());
    require(layer.sinks >= 0 && (layer.sinks == 0 || layer.window > 0));
    require(layer.pattern == transom::model::AttentionPattern::window ||
            (layer.window > 0 && layer.sinks == 0));
  }
  for (const auto& rope : spec.ropes) check(rope, spec.head_dim);
}

void read(const Config& config) {
  try {
    check(transom::model::read_spec(config));
    require(config.attention_window() >= 0);
  } catch (const transom::Error&) {
    // A typed error is a right answer to a wrong file.
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::size_t end = std::min(input.find('\0'), input.size());
  Config config;
  try {
    config = Config::from_json(input.substr(0, end), "fuzz");
  } catch (const transom::FormatError&) {
    return 0;
  }
  const std::string before = config.to_json();
  require(Config::from_json(before).to_json() == before);
  read(config);
  try {
    config.update_from_json(input.substr(std::min(end + 1, input.size())));
  } catch (const transom::Error&) {
    require(config.to_json() == before);
    return 0;
  }
  read(config);
  return 0;
}
