// SPDX-License-Identifier: Apache-2.0
#include "model/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <string>

#include "core/checks.h"
#include "transom/error.h"

namespace transom::model {

using core::message;

namespace {

constexpr std::int64_t kMaxPositions = std::int64_t{1} << 40;

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
    if (!value->is_number()) fail(name, message("expected a number, found ", value->to_json()));
    const double number = value->as<double>();
    if (!std::isfinite(number)) fail(name, "expected a finite number");
    return number;
  }

  double positive(const char* name, std::optional<double> fallback = std::nullopt) const {
    const auto value = number(name);
    if (!value && !fallback) fail(name, "expected a positive number, found nothing");
    const double result = value.value_or(fallback.value_or(0));
    // Beyond these no frequency is left that f32 could tell from zero or infinity.
    if (!(result >= 1e-6 && result <= 1e12)) {
      fail(name, message("expected a positive number from 1e-6 to 1e12, found ", result));
    }
    return result;
  }

  std::string text(const char* name, const char* fallback) const {
    const Value* value = find(name);
    if (value == nullptr) return fallback;
    if (!value->is_string()) fail(name, message("expected a string, found ", value->to_json()));
    return value->as<std::string>();
  }

  std::vector<double> factors(const char* name, std::int64_t count) const {
    const Value* value = find(name);
    if (value == nullptr || !value->is_list()) fail(name, message("expected a list of ", count, " numbers"));
    std::vector<double> result;
    for (const Value& item : value->as<Value::List>()) {
      if (!item.is_number() || !(item.as<double>() > 0)) fail(name, "expected positive numbers");
      result.push_back(item.as<double>());
    }
    if (static_cast<std::int64_t>(result.size()) != count) {
      fail(name, message("expected ", count, " numbers (half the rotary dimensions), found ", result.size()));
    }
    return result;
  }

  const std::string& key() const { return key_; }

  [[noreturn]] void fail(const char* name, const std::string& problem) const {
    reader_.fail(message(key_, ".", name), problem);
  }

 private:
  const ConfigReader& reader_;
  std::string key_;
  Value::Map values_;
};

/// rope_parameters wins over rope_scaling. Nested per layer type, it holds one dictionary for each.
RopeReader open_rope(const ConfigReader& reader, std::string_view layer_type) {
  for (const char* key : {"rope_parameters", "rope_scaling"}) {
    if (!reader.has(key)) continue;
    const Value value = reader.config().get(key);
    if (!value.is_map()) reader.fail(key, message("expected an object, found ", value.to_json()));
    Value::Map map = value.as<Value::Map>();
    const auto nested = map.find(std::string(layer_type));
    if (nested != map.end()) {
      if (!nested->second.is_map()) reader.fail(message(key, ".", layer_type), "expected an object");
      return {reader, message(key, ".", layer_type), nested->second.as<Value::Map>()};
    }
    return {reader, key, std::move(map)};
  }
  return {reader, "rope_parameters", {}};
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
      "rope_parameters.rope_type",
      message("\"", name, "\" is not supported (default, linear, dynamic, llama3, yarn, longrope are)"));
}

/// Yarn's temperature, Peng et al. 2023, eq. 22.
double yarn_mscale(double factor, double mscale) {
  return factor <= 1 ? 1.0 : 0.1 * mscale * std::log(factor) + 1.0;
}

double yarn_magnitude(const RopeReader& rope, double factor) {
  if (const auto given = rope.number("attention_factor")) return *given;
  const double mscale = rope.number("mscale").value_or(0);
  const double mscale_all_dim = rope.number("mscale_all_dim").value_or(0);
  if (mscale != 0 && mscale_all_dim != 0)
    return yarn_mscale(factor, mscale) / yarn_mscale(factor, mscale_all_dim);
  return yarn_mscale(factor, 1);
}

double longrope_magnitude(const RopeReader& rope, double factor, double original) {
  if (const auto given = rope.number("attention_factor")) return *given;
  return factor <= 1 ? 1.0 : std::sqrt(1 + std::log(factor) / std::log(original));
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
        rope.fail("high_freq_factor", "expected more than low_freq_factor");
      }
      return;
    case RopeType::yarn: {
      spec.factor = rope.positive("factor", stretched);
      spec.beta_fast = rope.positive("beta_fast", 32.0);
      spec.beta_slow = rope.positive("beta_slow", 1.0);
      const Value* truncate = rope.find("truncate");
      spec.truncate = truncate == nullptr || (truncate->is_bool() && truncate->as<bool>());
      spec.magnitude = yarn_magnitude(rope, spec.factor);
      return;
    }
    case RopeType::longrope:
      spec.factor = rope.positive("factor", stretched);
      spec.short_factor = rope.factors("short_factor", spec.rotary_dim / 2);
      spec.long_factor = rope.factors("long_factor", spec.rotary_dim / 2);
      spec.magnitude = longrope_magnitude(rope, spec.factor, static_cast<double>(spec.original_max_position));
      return;
  }
  reader.fail("rope_parameters", "unknown rope type");
}

// The frequencies. `inv` holds theta^(-2j/r) on entry of each stretch.

/// Llama 3.1: long wavelengths are divided, short ones kept, those between blended.
void stretch_llama3(const RopeSpec& spec, std::span<double> inv) {
  const double original = static_cast<double>(spec.original_max_position);
  const double low_wavelength = original / spec.low_freq_factor,
               high_wavelength = original / spec.high_freq_factor;
  for (double& f : inv) {
    const double wavelength = 2 * std::numbers::pi / f;
    if (wavelength > low_wavelength) {
      f /= spec.factor;
    } else if (wavelength >= high_wavelength) {
      const double smooth =
          (original / wavelength - spec.low_freq_factor) / (spec.high_freq_factor - spec.low_freq_factor);
      f = (1 - smooth) * f / spec.factor + smooth * f;
    }
  }
}

/// YaRN, Peng et al. 2023: a ramp over the dimensions between beta_fast and beta_slow rotations.
void stretch_yarn(const RopeSpec& spec, std::span<double> inv) {
  const double r = static_cast<double>(spec.rotary_dim);
  const auto dimension_of = [&](double rotations) {
    return r *
           std::log(static_cast<double>(spec.original_max_position) / (rotations * 2 * std::numbers::pi)) /
           (2 * std::log(spec.theta));
  };
  double low = dimension_of(spec.beta_fast), high = dimension_of(spec.beta_slow);
  if (spec.truncate) {
    low = std::floor(low);
    high = std::ceil(high);
  }
  low = std::max(low, 0.0);
  high = std::min(high, r - 1);
  if (low == high) high += 0.001;
  for (std::size_t j = 0; j < inv.size(); ++j) {
    const double ramp = std::clamp((static_cast<double>(j) - low) / (high - low), 0.0, 1.0);
    inv[j] = inv[j] * (1 - ramp) + inv[j] / spec.factor * ramp;
  }
}

}  // namespace

RopeSpec read_rope(const ConfigReader& reader, std::string_view layer_type, std::int64_t head_dim,
                   std::int64_t max_position, double default_theta) {
  const RopeReader rope = open_rope(reader, layer_type);
  RopeSpec spec;
  spec.type = read_type(reader, rope);
  spec.theta = rope.number("rope_theta").value_or(reader.number("rope_theta", default_theta, 1e-300, 1e300));
  if (!(spec.theta > 1)) reader.fail("rope_theta", message("expected a number above 1, found ", spec.theta));
  const double partial =
      rope.number("partial_rotary_factor").value_or(reader.number("partial_rotary_factor", 1.0, 0.0, 1.0));
  spec.rotary_dim = static_cast<std::int64_t>(static_cast<double>(head_dim) * partial);
  if (spec.rotary_dim < 2 || spec.rotary_dim % 2 != 0 || spec.rotary_dim > head_dim) {
    reader.fail("head_dim", message("expected an even number of rotary dimensions, found ", spec.rotary_dim));
  }
  spec.max_position = max_position;
  spec.original_max_position = reader.integer("original_max_position_embeddings", 0, 1, kMaxPositions);
  if (spec.original_max_position == 0) {
    const double inside =
        rope.number("original_max_position_embeddings").value_or(static_cast<double>(max_position));
    if (!(inside >= 1 && inside <= static_cast<double>(kMaxPositions))) {
      rope.fail("original_max_position_embeddings", "expected a positive integer");
    }
    spec.original_max_position = static_cast<std::int64_t>(inside);
  }
  read_scaling(reader, rope, spec);
  return spec;
}

bool depends_on_length(const RopeSpec& spec) {
  return spec.type == RopeType::dynamic || spec.type == RopeType::longrope;
}

bool same_frequencies(const RopeSpec& spec, std::int64_t shorter, std::int64_t longer) {
  if (shorter == longer) return true;
  if (spec.type == RopeType::dynamic) return longer <= spec.max_position;
  if (spec.type != RopeType::longrope) return true;
  return (shorter > spec.original_max_position) == (longer > spec.original_max_position);
}

bool same_frequencies(std::span<const RopeSpec> specs, std::int64_t shorter, std::int64_t longer) {
  return std::all_of(specs.begin(), specs.end(),
                     [&](const RopeSpec& spec) { return same_frequencies(spec, shorter, longer); });
}

void compute_inv_freq(const RopeSpec& spec, std::int64_t length, std::span<float> inv_freq) {
  const double r = static_cast<double>(spec.rotary_dim);
  double theta = spec.theta;
  if (spec.type == RopeType::dynamic) {
    // Dynamic NTK scaling: the base grows with the text once it is longer than max_position.
    const double m = static_cast<double>(spec.max_position);
    const double s = std::max(static_cast<double>(length), m);
    theta *= std::pow(spec.factor * s / m - (spec.factor - 1), r / (r - 2));
  }
  // A head of the largest size that configurations may name.
  double inv_storage[1024];
  const std::span<double> inv(inv_storage, inv_freq.size());
  for (std::size_t j = 0; j < inv.size(); ++j) inv[j] = std::pow(theta, -2 * static_cast<double>(j) / r);
  switch (spec.type) {
    case RopeType::standard:
    case RopeType::dynamic:
      break;
    case RopeType::linear:
      for (double& f : inv) f /= spec.factor;
      break;
    case RopeType::llama3:
      stretch_llama3(spec, inv);
      break;
    case RopeType::yarn:
      stretch_yarn(spec, inv);
      break;
    case RopeType::longrope: {
      const auto& factors = length > spec.original_max_position ? spec.long_factor : spec.short_factor;
      for (std::size_t j = 0; j < inv.size(); ++j) inv[j] /= factors[j];
      break;
    }
  }
  for (std::size_t j = 0; j < inv.size(); ++j) inv_freq[j] = static_cast<float>(inv[j]);
}

}  // namespace transom::model
