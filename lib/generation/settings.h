// SPDX-License-Identifier: Apache-2.0
/// What a generate() call does after all defaults are applied; see GenerationConfig for the meaning of each
/// field.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "transom/generation_config.h"

namespace transom::model {
class Transformer;
}

namespace transom::generation {

/// How the sampler narrows the choice.
struct Truncation {
  float temperature = 1, top_n_sigma = 0, top_h = 1;
  std::int64_t top_k = 50;
  float top_p = 1, min_p = 0, typical_p = 1, epsilon_cutoff = 0, eta_cutoff = 0;
  float xtc_probability = 0, xtc_threshold = 0.1f;
  int mirostat = 0;
  float mirostat_tau = 5, mirostat_eta = 0.1f;
  /// Beams keep more than one token, so that something else than EOS is left.
  std::size_t min_tokens_to_keep = 1;
};

struct DrySettings {
  float multiplier = 0, base = 1.75f;
  std::int64_t allowed_length = 2;
  std::int64_t last_n = -1;  // tokens to look back, -1 = all
  std::vector<std::string> breakers = {"\n", ":", "\"", "*"};
};

struct BeamSettings {
  int beams = 1, groups = 1;
  float diversity_penalty = 0, length_penalty = 1;
  EarlyStopping early_stopping = EarlyStopping::no;
  bool renormalize = false;
};

/// Guesses that speed generation up, see speculation/speculation.h.
struct SpeculationSettings {
  std::int64_t most = 0;  // tokens of a guess; 0 = no guesses
  // Of prompt lookup. Texts that alternate (The cat sat. The dog sat.) need more than the 2 of transformers.
  std::size_t ngram = 10;
  const model::Transformer* draft_model = nullptr;
};

class Constraint;

/// Every field has its final value, except those that need the model's tokenizer: `negative_prompt` where it
/// is text, and `constraint`; and the draft model.
struct Settings {
  std::int64_t prompt_tokens = 0;
  std::int64_t max_new_tokens = 20;
  std::int64_t min_new_tokens = 0;  // min_length included
  float max_time = 0;               // seconds; 0 = none

  bool do_sample = false;
  std::uint64_t seed = 0;
  Truncation truncation;

  std::map<TokenId, float> logit_bias;
  std::map<std::vector<TokenId>, float> sequence_bias;
  float repetition_penalty = 1, frequency_penalty = 0, presence_penalty = 0;
  DrySettings dry;
  std::int64_t no_repeat_ngram_size = 0;
  std::vector<std::vector<TokenId>> bad_words;  // without those that are one EOS token
  std::optional<TokenId> forced_bos_token_id;
  std::vector<TokenId> forced_eos_token_ids;
  std::optional<std::pair<int, float>> exponential_decay;
  std::vector<TokenId> suppress_tokens, begin_suppress_tokens;
  std::vector<LogitsProcessor> processors;
  std::optional<WatermarkingConfig> watermark;
  std::shared_ptr<const Constraint> constraint;  // null = none
  float guidance_scale = 1;
  std::vector<TokenId> negative_prompt;  // empty = the last token of the prompt

  SpeculationSettings speculation;
  BeamSettings beam;
  int num_return_sequences = 1;

  std::vector<std::string> stop;
  std::vector<TokenId> eos_token_ids;
  int logprobs = 0;
  bool echo = false;
  std::stop_token stop_token;
};

/// @param defaults Of the model directory, see read_generation_config. @param prompt_tokens Tokens before the
/// first new one (max_length counts them). @param vocab For checking ids.
/// @throws InvalidArgument for an impossible option, UnsupportedError for a combination that this version can
/// not serve.
Settings resolve(const GenerationConfig& config, const GenerationConfig& defaults, std::int64_t prompt_tokens,
                 std::int64_t vocab);

}  // namespace transom::generation
