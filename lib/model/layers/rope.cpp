// SPDX-License-Identifier: Apache-2.0
#include "model/layers/rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace transom::model {

namespace {

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

std::int64_t longest_text(std::span<const RopeSpec> specs) {
  std::int64_t longest = kMostTokens;
  for (const RopeSpec& spec : specs) {
    double tokens = static_cast<double>(spec.max_position);
    if (spec.type == RopeType::linear || spec.type == RopeType::dynamic) tokens *= std::max(spec.factor, 1.0);
    if (spec.type == RopeType::yarn)
      tokens = std::max(tokens, static_cast<double>(spec.original_max_position) * spec.factor);
    longest = std::min(longest,
                       tokens < static_cast<double>(longest) ? static_cast<std::int64_t>(tokens) : longest);
  }
  return longest;
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
