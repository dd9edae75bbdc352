// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "transom/tokenizer.h"

namespace transom {

/// Changes the logits of the next token in place. Called after the built-in penalties and before temperature.
/// @param so_far Prompt and generated ids, valid during the call.
/// @param logits f32 [vocab_size]; -infinity forbids a token.
using LogitsProcessor = std::function<void(std::span<const TokenId> so_far, std::span<float> logits)>;

/// How to generate. An unset field takes the value of the model's generation_config.json, and where that is
/// silent the default named here (those of Hugging Face transformers).
struct GenerationConfig {
  /// Tokens to generate at most, EOS included. Default: max_length, else 20 as in transformers. Wins over
  /// max_length.
  std::optional<int> max_new_tokens = {};
  /// Prompt and generated tokens together.
  std::optional<int> max_length = {};
  /// EOS is impossible before this many new tokens. Default 0.
  std::optional<int> min_new_tokens = {};

  /// False: greedy, the most probable token. True: sample. Default false.
  std::optional<bool> do_sample = {};
  /// > 0; below 1 sharpens the distribution. Default 1.
  std::optional<float> temperature = {};
  /// Keeps the k most probable tokens, ties included; 0 = all. Default 50, as in transformers.
  std::optional<int> top_k = {};
  /// Keeps the smallest set with at least this probability, in (0, 1]. Default 1 = all.
  std::optional<float> top_p = {};
  /// Drops tokens less probable than this share of the most probable one, in [0, 1]. Default 0 = none.
  std::optional<float> min_p = {};
  /// > 0; divides positive and multiplies negative logits of tokens seen in prompt or text (Keskar et al.
  /// 2019). Default 1 = none.
  std::optional<float> repetition_penalty = {};
  /// Seed of sampling. Same seed, machine and thread count: same text. Default: a fresh one for every call.
  std::optional<std::uint64_t> seed = {};

  /// Generation ends before any of these strings; the text does not contain it.
  std::vector<std::string> stop = {};
  /// Tokens that end generation. Empty: those of generation_config.json, else of config.json. `ignore_eos` =
  /// none.
  std::vector<TokenId> eos_token_ids = {};
  bool ignore_eos = false;
  /// Added to the logits of single tokens.
  std::map<TokenId, float> logit_bias = {};
  /// Called in order after the built-in processors and before temperature.
  std::vector<LogitsProcessor> processors = {};

  /// Reports the log-probability of each generated token and of this many alternatives; 0 = no report. The
  /// probabilities are those of the model, before any processor. At most 100.
  int logprobs = 0;

  /// Ends generation from another thread: a normal return with FinishReason::cancelled.
  std::stop_token stop_token = {};

  // Fields that transformers knows and this version serves at their neutral value only; another value throws
  // UnsupportedError.
  std::optional<float> typical_p = {};           ///< neutral: 1
  std::optional<int> num_beams = {};             ///< neutral: 1
  std::optional<int> num_return_sequences = {};  ///< neutral: 1
  std::optional<int> no_repeat_ngram_size = {};  ///< neutral: 0
  std::optional<float> length_penalty = {};      ///< only read with beams
  std::vector<std::vector<TokenId>> bad_words = {};
};

}  // namespace transom
