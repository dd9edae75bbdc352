// SPDX-License-Identifier: Apache-2.0
#include "model/config/rope_reader.h"

#include <cmath>
#include <optional>
#include <string>

#include "core/checks.h"

namespace transom::model {

using core::message;

namespace {

// Beyond these no frequency is left that f32 could tell from zero or infinity.
constexpr double kLeast = 1e-6, kMost = 1e12;
constexpr const char* kOriginal = "original_max_position_embeddings";

/// The members of one rope dictionary, with the key path for messages.
class RopeReader {
 public:
  RopeReader(const ConfigReader& reader, std::string key, Value::Map values)
      : reader_(reader), key_(std::move(key)), values_(std::move(values)) {}

  const Value* find(const char* name) const {
    const auto found = values_.find(name);
    return found == values_.end() || found->second.is_null() ? nullptr : &found->second;
  }

  std::optional<double> number(const char* name) const {
    const Value* value = find(name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_number()) fail(name, message("expected a number, found ", shown(*value)));
    const double number = value->as<double>();
    if (!std::isfinite(number)) fail(name, message("expected a finite number, found ", shown(*value)));
    return number;
  }

  double number_in(const char* name, double fallback, double least, double most) const {
    const double result = number(name).value_or(fallback);
    if (!(result >= least && result <= most))
      fail(name, message("expected a number from ", least, " to ", most, ", found ", result));
    return result;
  }

  double positive(const char* name, std::optional<double> fallback = std::nullopt) const {
    const auto value = number(name);
    if (!value && !fallback) fail(name, "expected a positive number, found nothing");
    const double result = value.value_or(fallback.value_or(0));
    if (!(result >= kLeast && result <= kMost)) {
      fail(name, message("expected a positive number from 1e-6 to 1e12, found ", result));
    }
    return result;
  }

  std::string text(const char* name, const char* fallback) const {
    const Value* value = find(name);
    if (value == nullptr) return fallback;
    if (!value->is_string()) fail(name, message("expected a string, found ", shown(*value)));
    return value->as<std::string>();
  }

  std::vector<double> factors(const char* name, std::int64_t count) const {
    const Value* value = find(name);
    if (value == nullptr || !value->is_list()) {
      fail(name, message("expected a list of ", count, " numbers, found ",
                         value == nullptr ? "nothing" : shown(*value)));
    }
    std::vector<double> result;
    for (const Value& item : value->as<Value::List>()) {
      const double factor = item.is_number() ? item.as<double>() : 0;
      if (!(factor >= kLeast && factor <= kMost)) {
        reader_.fail(message(place(name), "[", result.size(), "]"),
                     message("expected a positive number from 1e-6 to 1e12, found ", shown(item)));
      }
      result.push_back(factor);
    }
    if (static_cast<std::int64_t>(result.size()) != count) {
      fail(name, message("expected ", count, " numbers (half the rotary dimensions), found ", result.size()));
    }
    return result;
  }

  bool boolean(const char* name, bool fallback) const {
    const Value* value = find(name);
    if (value == nullptr) return fallback;
    if (!value->is_bool()) fail(name, message("expected true or false, found ", shown(*value)));
    return value->as<bool>();
  }

  bool empty() const { return values_.empty(); }
  /// Whether the member is there, null or not.
  bool contains(const char* name) const { return values_.contains(name); }
  std::string place(const char* name) const { return message(key_, ".", name); }

  [[noreturn]] void fail(const char* name, const std::string& problem) const {
    reader_.fail(place(name), problem);
  }

 private:
  const ConfigReader& reader_;
  std::string key_;
  Value::Map values_;
};

/// rope_scaling or rope_parameters; nested per layer type, it holds one dictionary for each.
RopeReader open_key(const ConfigReader& reader, const char* key, std::string_view layer_type) {
  if (!reader.has(key)) return {reader, key, {}};
  const Value value = reader.config().get(key);
  if (!value.is_map()) reader.fail(key, message("expected an object, found ", shown(value)));
  Value::Map map = value.as<Value::Map>();
  const auto nested = map.find(std::string(layer_type));
  if (nested == map.end()) return {reader, key, std::move(map)};
  const std::string path = message(key, ".", layer_type);
  if (!nested->second.is_map())
    reader.fail(path, message("expected an object, found ", shown(nested->second)));
  return {reader, path, nested->second.as<Value::Map>()};
}

RopeType read_type(const ConfigReader& reader, const RopeReader& rope) {
  const std::string name = rope.text("rope_type", rope.text("type", "default").c_str());
  if (name == "default" || name == "mrope") return RopeType::standard;
  if (name == "linear") return RopeType::linear;
  if (name == "dynamic") return RopeType::dynamic;
  if (name == "llama3") return RopeType::llama3;
  if (name == "yarn") return RopeType::yarn;
  if (name == "longrope" || name == "su") return RopeType::longrope;
  reader.unsupported(
      rope.place("rope_type"),
      message("\"", name, "\" is not supported (default, linear, dynamic, llama3, yarn, longrope are)"));
}

/// Yarn's temperature, Peng et al. 2023, eq. 22.
double yarn_mscale(double factor, double mscale) {
  return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

/// Scores grow with its square: these are far beyond use, and far from where f32 scores overflow.
std::optional<double> attention_factor(const RopeReader& rope) {
  if (rope.find("attention_factor") == nullptr) return std::nullopt;
  return rope.number_in("attention_factor", 1, 1e-3, 1e3);
}

double yarn_magnitude(const RopeReader& rope, double factor) {
  if (const auto given = attention_factor(rope)) return *given;
  // With factors of at most kMost these keep the quotient from 1e-3 to 1e3, too.
  const double mscale = rope.number_in("mscale", 0, 0, 300),
               mscale_all_dim = rope.number_in("mscale_all_dim", 0, 0, 300);
  if (mscale != 0 && mscale_all_dim != 0)
    return yarn_mscale(factor, mscale) / yarn_mscale(factor, mscale_all_dim);
  return yarn_mscale(factor, 1);
}

double longrope_magnitude(const RopeReader& rope, double factor, double original) {
  if (const auto given = attention_factor(rope)) return *given;
  return factor <= 1 ? 1.0 : std::sqrt(1 + std::log(factor) / std::log(original));
}

std::int64_t read_original(const ConfigReader& reader, const RopeReader& rope, RopeType type,
                           std::int64_t max_position) {
  // longrope divides by its logarithm.
  const std::int64_t least = type == RopeType::longrope ? 2 : 1;
  if (reader.has(kOriginal)) return reader.required_integer(kOriginal, least, kMostTokens);
  if (const Value* inside = rope.find(kOriginal))
    return reader.integer_of(rope.place(kOriginal), *inside, least, kMostTokens);
  if (max_position < least) {
    rope.fail(kOriginal, message("expected an integer of at least ", least, ", found none, and ",
                                 max_position, " in max_position_embeddings"));
  }
  return max_position;
}

void read_scaling(const ConfigReader& reader, const RopeReader& rope, RopeSpec& spec) {
  const double stretched =
      static_cast<double>(spec.max_position) / static_cast<double>(spec.original_max_position);
  switch (spec.type) {
    case RopeType::standard:
      return;
    case RopeType::linear:
    case RopeType::dynamic:
      spec.factor = rope.positive("factor");
      return;
    case RopeType::llama3:
      spec.factor = rope.positive("factor");
      spec.low_freq_factor = rope.positive("low_freq_factor");
      spec.high_freq_factor = rope.positive("high_freq_factor");
      if (spec.high_freq_factor <= spec.low_freq_factor) {
        rope.fail("high_freq_factor", message("expected more than low_freq_factor (", spec.low_freq_factor,
                                              "), found ", spec.high_freq_factor));
      }
      return;
    case RopeType::yarn:
      // Null means the ratio of the lengths; no factor at all is a mistake in transformers too.
      if (!rope.contains("factor")) rope.fail("factor", "expected a positive number or null, found nothing");
      spec.factor = rope.positive("factor", stretched);
      spec.beta_fast = rope.positive("beta_fast", 32.0);
      spec.beta_slow = rope.positive("beta_slow", 1.0);
      spec.truncate = rope.boolean("truncate", true);
      spec.magnitude = yarn_magnitude(rope, spec.factor);
      return;
    case RopeType::longrope:
      spec.factor = rope.positive("factor", stretched);
      spec.short_factor = rope.factors("short_factor", spec.rotary_dim / 2);
      spec.long_factor = rope.factors("long_factor", spec.rotary_dim / 2);
      spec.magnitude = longrope_magnitude(rope, spec.factor, static_cast<double>(spec.original_max_position));
      return;
  }
  reader.fail("rope_parameters", "unknown rope type");
}

}  // namespace

RopeSpec read_rope(const ConfigReader& reader, std::string_view layer_type, std::int64_t head_dim,
                   std::int64_t max_position, double default_theta) {
  const RopeReader scaling = open_key(reader, "rope_scaling", layer_type),
                   parameters = open_key(reader, "rope_parameters", layer_type);
  const RopeReader& rope = scaling.empty() ? parameters : scaling;
  // Inside the dictionary, beside it, or inside the one that lost.
  const auto number = [&](const char* name, double fallback, double min, double max) {
    if (rope.find(name) != nullptr) return rope.number_in(name, fallback, min, max);
    if (reader.has(name)) return reader.number(name, fallback, min, max);
    return parameters.number_in(name, fallback, min, max);
  };
  RopeSpec spec;
  spec.type = read_type(reader, rope);
  spec.theta = number("rope_theta", default_theta, 1e-300, 1e300);
  if (!(spec.theta > 1)) reader.fail("rope_theta", message("expected a number above 1, found ", spec.theta));
  const double partial = number("partial_rotary_factor", 1.0, 0.0, 1.0);
  spec.rotary_dim = static_cast<std::int64_t>(static_cast<double>(head_dim) * partial);
  if (spec.rotary_dim < 2 || spec.rotary_dim % 2 != 0 || spec.rotary_dim > head_dim) {
    reader.fail("head_dim", message("expected an even number of rotary dimensions, found ", spec.rotary_dim));
  }
  spec.max_position = max_position;
  spec.original_max_position = read_original(reader, rope, spec.type, max_position);
  read_scaling(reader, rope, spec);
  return spec;
}

void check_rope_kinds(const ConfigReader& reader, bool full, bool sliding) {
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    const Value::Map map = reader.has(key) ? reader.config().get(key).as<Value::Map>() : Value::Map();
    if (map.empty()) continue;
    const bool of_full = map.contains("full_attention"), of_sliding = map.contains("sliding_attention");
    if ((of_full || of_sliding) && !(of_full && full) && !(of_sliding && sliding)) {
      reader.fail(key, message("expected parameters of ", full ? "full_attention" : "sliding_attention",
                               ", as all layers are, found those of ",
                               of_full ? "full_attention" : "sliding_attention"));
    }
    return;  // the other is not in force
  }
}

}  // namespace transom::model
