// SPDX-License-Identifier: Apache-2.0
/// The scalar fields of GenerationConfig as one table: name, member, allowed values. Reading
/// generation_config.json, merging and checking all walk over it.
#pragma once

#include <limits>
#include <string>

#include "transom/generation_config.h"

namespace transom::generation {

/// Allowed numbers of a field.
struct Limits {
  static constexpr double kMost = std::numeric_limits<float>::max();

  double low = 0;
  double high = kMost;
  bool low_included = true, high_included = true;
  /// Only read when sampling: files of models that do not sample may hold anything there.
  bool sampling = false;

  bool contain(double value) const {
    return (low_included ? value >= low : value > low) && (high_included ? value <= high : value < high);
  }
  /// "a number in (0, 1]"
  std::string description() const;
};

/// Calls visit(name, member, limits) for every std::optional<int>, <float> and <bool> of GenerationConfig.
/// The names are the keys of generation_config.json.
template <typename Visit>
void for_each_field(Visit&& visit) {
  using G = GenerationConfig;
  constexpr Limits kCount{}, kPositiveCount{.low = 1}, kFlag{.high = 1}, kAnyNumber{.low = -Limits::kMost};
  constexpr Limits kPositive{.low_included = false};
  constexpr Limits kTexts{.low = 1, .high = 256};  // each takes a cache and a row of logits
  constexpr Limits kSampled{.sampling = true};
  constexpr Limits kPositiveSampled{.low_included = false, .sampling = true};
  constexpr Limits kShare{.high = 1, .sampling = true};
  constexpr Limits kPositiveShare{.high = 1, .low_included = false, .sampling = true};
  constexpr Limits kCutoff{.high = 1, .high_included = false, .sampling = true};

  visit("max_new_tokens", &G::max_new_tokens, kCount);
  visit("max_length", &G::max_length, kCount);
  visit("min_new_tokens", &G::min_new_tokens, kCount);
  visit("min_length", &G::min_length, kCount);
  visit("max_time", &G::max_time, kPositive);
  visit("do_sample", &G::do_sample, kFlag);
  visit("temperature", &G::temperature, kPositiveSampled);
  visit("top_n_sigma", &G::top_n_sigma, Limits{.low = -Limits::kMost, .sampling = true});
  visit("top_h", &G::top_h, kPositiveShare);
  visit("top_k", &G::top_k, kCount);
  visit("top_p", &G::top_p, kPositiveShare);
  visit("min_p", &G::min_p, kShare);
  visit("typical_p", &G::typical_p, kPositiveShare);
  visit("epsilon_cutoff", &G::epsilon_cutoff, kCutoff);
  visit("eta_cutoff", &G::eta_cutoff, kCutoff);
  visit("xtc_probability", &G::xtc_probability, kShare);
  visit("xtc_threshold", &G::xtc_threshold, kShare);
  visit("mirostat", &G::mirostat, Limits{.high = 2});
  visit("mirostat_tau", &G::mirostat_tau, kSampled);
  visit("mirostat_eta", &G::mirostat_eta, kSampled);
  visit("repetition_penalty", &G::repetition_penalty, kPositiveSampled);
  visit("frequency_penalty", &G::frequency_penalty, kAnyNumber);
  visit("presence_penalty", &G::presence_penalty, kAnyNumber);
  visit("dry_multiplier", &G::dry_multiplier, kSampled);
  visit("dry_base", &G::dry_base, Limits{.low = 1, .sampling = true});
  visit("dry_allowed_length", &G::dry_allowed_length, kPositiveCount);
  visit("dry_penalty_last_n", &G::dry_penalty_last_n, Limits{.low = -1});
  visit("no_repeat_ngram_size", &G::no_repeat_ngram_size, kCount);
  visit("guidance_scale", &G::guidance_scale, kAnyNumber);
  visit("prompt_lookup_num_tokens", &G::prompt_lookup_num_tokens, kCount);
  visit("max_matching_ngram_size", &G::max_matching_ngram_size, kPositiveCount);
  visit("num_assistant_tokens", &G::num_assistant_tokens, kCount);
  visit("num_beams", &G::num_beams, kTexts);
  visit("num_beam_groups", &G::num_beam_groups, kPositiveCount);
  visit("diversity_penalty", &G::diversity_penalty, kCount);
  visit("length_penalty", &G::length_penalty, kAnyNumber);
  visit("renormalize_logits", &G::renormalize_logits, kFlag);
  visit("num_return_sequences", &G::num_return_sequences, kTexts);
}

}  // namespace transom::generation
