// SPDX-License-Identifier: Apache-2.0
#include "generation/settings.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "core/checks.h"
#include "generation/fields.h"
#include "transom/error.h"

namespace transom::generation {

using core::message;

std::string Limits::description() const {
  const bool below = high < kMost;
  if (!below && low <= -kMost) return "a finite number";
  if (!below) return message(low_included ? "a number of at least " : "a number above ", low);
  return message("a number in ", low_included ? "[" : "(", low, ", ", high, high_included ? "]" : ")");
}

namespace {

constexpr int kMaxLogprobs = 100;

/// What the call leaves unset, the file gives.
GenerationConfig merge(GenerationConfig config, const GenerationConfig& file) {
  for_each_field([&](const char*, auto member, const Limits&) {
    if (!(config.*member)) config.*member = file.*member;
  });
  const auto fill = [&](auto member) {
    if ((config.*member).empty()) config.*member = file.*member;
  };
  using G = GenerationConfig;
  fill(&G::eos_token_ids);
  fill(&G::forced_eos_token_ids);
  fill(&G::suppress_tokens);
  fill(&G::begin_suppress_tokens);
  fill(&G::bad_words);
  fill(&G::sequence_bias);
  fill(&G::stop);
  if (!config.forced_bos_token_id) config.forced_bos_token_id = file.forced_bos_token_id;
  if (!config.watermarking_config) config.watermarking_config = file.watermarking_config;
  if (!config.early_stopping) config.early_stopping = file.early_stopping;
  if (!config.exponential_decay_length_penalty)
    config.exponential_decay_length_penalty = file.exponential_decay_length_penalty;
  return config;
}

void check_scalars(const GenerationConfig& config) {
  for_each_field([&](const char* name, auto member, const Limits& limits) {
    if (!(config.*member) || limits.contain(static_cast<double>(*(config.*member)))) return;
    throw InvalidArgument(message(name, ": expected ", limits.description(), ", found ", *(config.*member)));
  });
  if (config.logprobs < 0 || config.logprobs > kMaxLogprobs)
    throw InvalidArgument(message("logprobs: expected 0 to ", kMaxLogprobs, ", found ", config.logprobs));
}

class IdChecker {
 public:
  explicit IdChecker(std::int64_t vocab) : vocab_(vocab) {}

  void operator()(const char* name, TokenId id) const {
    if (id < 0 || id >= vocab_)
      throw InvalidArgument(message(name, ": id ", id, " is outside the vocabulary of ", vocab_));
  }
  void operator()(const char* name, std::span<const TokenId> ids) const {
    for (const TokenId id : ids) (*this)(name, id);
  }
  void sequence(const char* name, std::span<const TokenId> ids) const {
    if (ids.empty())
      throw InvalidArgument(message(name, ": expected sequences of at least one token, found an empty one"));
    (*this)(name, ids);
  }

 private:
  std::int64_t vocab_;
};

void check_watermark(const WatermarkingConfig& watermark) {
  const auto refuse = [](bool wrong, const auto&... parts) {
    if (wrong) throw InvalidArgument(message("watermarking_config: ", parts...));
  };
  refuse(!(watermark.greenlist_ratio > 0 && watermark.greenlist_ratio < 1),
         "greenlist_ratio: expected a number in (0, 1), found ", watermark.greenlist_ratio);
  refuse(!std::isfinite(watermark.bias), "bias: expected a finite number, found ", watermark.bias);
  refuse(watermark.hashing_key < 1, "hashing_key: expected at least 1, found ", watermark.hashing_key);
  refuse(watermark.context_width < 1, "context_width: expected at least 1, found ", watermark.context_width);
  refuse(watermark.seeding_scheme != "lefthash" && watermark.seeding_scheme != "selfhash",
         "seeding_scheme: expected lefthash or selfhash, found ", watermark.seeding_scheme);
}

/// Ids from files may lie outside the vocabulary (of a cut model): they are harmless as EOS, and refused
/// where they would be written to.
void check_lists(const GenerationConfig& config, std::int64_t vocab) {
  const IdChecker check(vocab);
  for (const auto& [id, bias] : config.logit_bias) {
    check("logit_bias", id);
    if (std::isnan(bias))
      throw InvalidArgument(message("logit_bias: the bias of id ", id, " is not a number"));
  }
  for (const auto& [ids, bias] : config.sequence_bias) {
    check.sequence("sequence_bias", ids);
    if (std::isnan(bias)) throw InvalidArgument("sequence_bias: a bias is not a number");
  }
  for (const std::vector<TokenId>& word : config.bad_words) check.sequence("bad_words", word);
  check("forced_eos_token_ids", config.forced_eos_token_ids);
  check("suppress_tokens", config.suppress_tokens);
  check("begin_suppress_tokens", config.begin_suppress_tokens);
  check("negative_prompt_ids", config.negative_prompt_ids);
  if (config.forced_bos_token_id) check("forced_bos_token_id", *config.forced_bos_token_id);
  const auto& decay = config.exponential_decay_length_penalty;
  if (decay && (decay->first < 0 || !std::isfinite(decay->second) || decay->second <= 0)) {
    throw InvalidArgument(message("exponential_decay_length_penalty: expected a start of at least 0 and a ",
                                  "factor above 0, found ", decay->first, " and ", decay->second));
  }
  if (config.watermarking_config) check_watermark(*config.watermarking_config);
  const auto no_empty = [](const char* name, const std::vector<std::string>& strings) {
    if (std::find(strings.begin(), strings.end(), "") != strings.end())
      throw InvalidArgument(
          message(name, ": expected strings of at least one character, found an empty one"));
  };
  no_empty("stop", config.stop);
  if (config.dry_sequence_breakers) no_empty("dry_sequence_breakers", *config.dry_sequence_breakers);
  for (const LogitsProcessor& processor : config.processors) {
    if (!processor) throw InvalidArgument("processors: found an empty function");
  }
}

std::int64_t new_token_limit(const GenerationConfig& config, const GenerationConfig& defaults,
                             std::int64_t prompt_tokens) {
  const auto from_length = [&](int max_length) {
    if (max_length <= prompt_tokens) {
      throw InvalidArgument(message("max_length: expected more than the prompt's ", prompt_tokens,
                                    " tokens, found ", max_length));
    }
    return max_length - prompt_tokens;
  };
  if (config.max_new_tokens) return *config.max_new_tokens;
  if (config.max_length) return from_length(*config.max_length);
  if (defaults.max_new_tokens) return *defaults.max_new_tokens;
  if (defaults.max_length) return from_length(*defaults.max_length);
  return Settings{}.max_new_tokens;
}

void check_combinations(const Settings& settings) {
  const BeamSettings& beam = settings.beam;
  const auto refuse = [](bool wrong, const auto&... parts) {
    if (wrong) throw InvalidArgument(message(parts...));
  };
  const int sequences = settings.num_return_sequences;
  refuse(beam.beams > 1 && sequences > beam.beams, "num_return_sequences: expected at most the ", beam.beams,
         " of num_beams, found ", sequences);
  refuse(beam.beams == 1 && !settings.do_sample && sequences > 1,
         "num_return_sequences: greedy texts are all ", "the same; ", sequences,
         " of them need do_sample or num_beams");
  refuse(beam.beams % beam.groups != 0, "num_beam_groups: expected a divisor of the ", beam.beams,
         " of num_beams, found ", beam.groups);
  refuse(beam.groups > 1 && settings.do_sample, "num_beam_groups: expected do_sample = false");
  refuse(beam.groups == 1 && beam.diversity_penalty != 0,
         "diversity_penalty: expected num_beam_groups above 1");
  refuse(beam.beams > 1 && settings.truncation.mirostat != 0, "mirostat: expected num_beams = 1, found ",
         beam.beams);
  refuse(settings.watermark && settings.truncation.mirostat != 0,
         "mirostat: expected no watermarking_config");
  if (beam.beams > 1 && settings.guidance_scale != 1)
    throw UnsupportedError("guidance_scale: not supported together with num_beams");
}

Truncation truncation(const GenerationConfig& config) {
  Truncation t;
  t.temperature = config.temperature.value_or(t.temperature);
  t.top_n_sigma = config.top_n_sigma.value_or(t.top_n_sigma);
  t.top_h = config.top_h.value_or(t.top_h);
  if (config.top_k) t.top_k = *config.top_k;
  t.top_p = config.top_p.value_or(t.top_p);
  t.min_p = config.min_p.value_or(t.min_p);
  t.typical_p = config.typical_p.value_or(t.typical_p);
  t.epsilon_cutoff = config.epsilon_cutoff.value_or(t.epsilon_cutoff);
  t.eta_cutoff = config.eta_cutoff.value_or(t.eta_cutoff);
  t.xtc_probability = config.xtc_probability.value_or(t.xtc_probability);
  t.xtc_threshold = config.xtc_threshold.value_or(t.xtc_threshold);
  t.mirostat = config.mirostat.value_or(t.mirostat);
  t.mirostat_tau = config.mirostat_tau.value_or(t.mirostat_tau);
  t.mirostat_eta = config.mirostat_eta.value_or(t.mirostat_eta);
  return t;
}

DrySettings dry(const GenerationConfig& config) {
  DrySettings d;
  d.multiplier = config.dry_multiplier.value_or(d.multiplier);
  d.base = config.dry_base.value_or(d.base);
  if (config.dry_allowed_length) d.allowed_length = *config.dry_allowed_length;
  if (config.dry_penalty_last_n) d.last_n = *config.dry_penalty_last_n;
  if (config.dry_sequence_breakers) d.breakers = *config.dry_sequence_breakers;
  return d;
}

SpeculationSettings speculation(const GenerationConfig& config) {
  constexpr int kMost = 64, kLongestNgram = 64;  // each guessed token takes a row of logits
  const int most = config.assistant_model != nullptr ? config.num_assistant_tokens.value_or(20)
                                                     : config.prompt_lookup_num_tokens.value_or(0);
  SpeculationSettings s;
  s.most = std::min(most, kMost);
  if (config.max_matching_ngram_size)
    s.ngram = static_cast<std::size_t>(std::min(*config.max_matching_ngram_size, kLongestNgram));
  return s;
}

BeamSettings beam(const GenerationConfig& config) {
  BeamSettings b;
  b.beams = config.num_beams.value_or(b.beams);
  b.groups = config.num_beam_groups.value_or(b.groups);
  b.diversity_penalty = config.diversity_penalty.value_or(b.diversity_penalty);
  b.length_penalty = config.length_penalty.value_or(b.length_penalty);
  b.early_stopping = config.early_stopping.value_or(b.early_stopping);
  b.renormalize = config.renormalize_logits.value_or(b.renormalize);
  return b;
}

}  // namespace

Settings resolve(const GenerationConfig& own, const GenerationConfig& defaults, std::int64_t prompt_tokens,
                 std::int64_t vocab) {
  const GenerationConfig config = merge(own, defaults);
  check_scalars(config);
  check_lists(config, vocab);
  if (config.json_schema.empty() + config.regex.empty() + config.grammar.empty() < 2)
    throw InvalidArgument("constraints: expected one of json_schema, regex and grammar, found several");
  Settings settings;
  settings.prompt_tokens = prompt_tokens;
  settings.max_new_tokens = new_token_limit(own, defaults, prompt_tokens);
  settings.min_new_tokens = std::max(std::int64_t{config.min_new_tokens.value_or(0)},
                                     config.min_length.value_or(0) - prompt_tokens);
  settings.max_time = config.max_time.value_or(0.0f);
  settings.do_sample = config.do_sample.value_or(false);
  settings.seed =
      config.seed ? *config.seed : (std::uint64_t{std::random_device{}()} << 32) ^ std::random_device{}();
  settings.truncation = truncation(config);
  settings.logit_bias = config.logit_bias;
  settings.sequence_bias = config.sequence_bias;
  settings.repetition_penalty = config.repetition_penalty.value_or(1.0f);
  settings.frequency_penalty = config.frequency_penalty.value_or(0.0f);
  settings.presence_penalty = config.presence_penalty.value_or(0.0f);
  settings.dry = dry(config);
  settings.no_repeat_ngram_size = config.no_repeat_ngram_size.value_or(0);
  settings.forced_bos_token_id = config.forced_bos_token_id;
  settings.forced_eos_token_ids = config.forced_eos_token_ids;
  settings.exponential_decay = config.exponential_decay_length_penalty;
  settings.suppress_tokens = config.suppress_tokens;
  settings.begin_suppress_tokens = config.begin_suppress_tokens;
  settings.processors = config.processors;
  settings.watermark = config.watermarking_config;
  settings.guidance_scale = config.guidance_scale.value_or(1.0f);
  settings.negative_prompt = config.negative_prompt_ids;
  settings.speculation = speculation(config);
  settings.beam = beam(config);
  settings.num_return_sequences = config.num_return_sequences.value_or(1);
  settings.stop = config.stop;
  if (!config.ignore_eos) settings.eos_token_ids = config.eos_token_ids;
  for (const std::vector<TokenId>& word : config.bad_words) {
    const bool is_eos = word.size() == 1 &&
                        std::find(settings.eos_token_ids.begin(), settings.eos_token_ids.end(), word[0]) !=
                            settings.eos_token_ids.end();
    if (!is_eos) settings.bad_words.push_back(word);
  }
  if (settings.beam.beams > 1)
    settings.truncation.min_tokens_to_keep = std::max<std::size_t>(settings.eos_token_ids.size(), 1) + 1;
  settings.logprobs = config.logprobs;
  settings.echo = config.echo;
  settings.stop_token = config.stop_token;
  check_combinations(settings);
  return settings;
}

}  // namespace transom::generation
