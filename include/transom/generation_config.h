// SPDX-License-Identifier: Apache-2.0
/// @file
/// How to generate: every knob of transformers' GenerationConfig that concerns a decoder, the samplers that
/// llama.cpp users expect, and constrained output.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "transom/tokenizer.h"
#include "transom/watermarking_config.h"

namespace transom {

class Model;

/// Changes the logits of the next token in place. Called after the built-in processors and before
/// temperature.
/// @param so_far Prompt and generated ids, valid during the call.
/// @param logits f32 [vocab_size]; -infinity forbids a token. With beams these are log-probabilities.
using LogitsProcessor = std::function<void(std::span<const TokenId> so_far, std::span<float> logits)>;

/// When beam search ends; the values of transformers' `early_stopping`.
enum class EarlyStopping {
  no,     ///< false: when the best open beam, at its present length, can not beat the worst finished one
  yes,    ///< true: as soon as num_beams texts are finished
  never,  ///< "never": as `no`, but at the length that would suit the open beam best
};

/// How to generate. An unset field takes the value of the model's generation_config.json, and where that is
/// silent the default named here (those of Hugging Face transformers). Processors run in the order of
/// transformers.
struct GenerationConfig {
  // Length ----------------------------------------------------------------------------------------------

  /// Tokens to generate at most, EOS included. Default: max_length, over which it wins; else 20.
  std::optional<int> max_new_tokens = {};
  /// Prompt and generated tokens together.
  std::optional<int> max_length = {};
  /// EOS is impossible before this many new tokens. Default 0.
  std::optional<int> min_new_tokens = {};
  /// The same, prompt included. Default 0.
  std::optional<int> min_length = {};
  /// Seconds after which generation ends (FinishReason::length); tested between tokens. Default: none.
  std::optional<float> max_time = {};

  // Choosing a token; all but do_sample are read when sampling only ------------------------------------

  /// False: greedy, the most probable token. True: sample. Default false.
  std::optional<bool> do_sample = {};
  /// > 0; below 1 sharpens the distribution. Default 1.
  std::optional<float> temperature = {};
  /// Drops logits more than n standard deviations below the best (Tang et al. 2024); 0 = none. Default 0.
  std::optional<float> top_n_sigma = {};
  /// Keeps the best tokens while their share of the entropy is at most this, in (0, 1]. Default 1 = off.
  std::optional<float> top_h = {};
  /// Keeps the k most probable tokens, ties included; 0 = all. Default 50, as in transformers.
  std::optional<int> top_k = {};
  /// Keeps the smallest set with at least this probability, in (0, 1]. Default 1 = all.
  std::optional<float> top_p = {};
  /// Drops tokens less probable than this share of the most probable one, in [0, 1]. Default 0 = none.
  std::optional<float> min_p = {};
  /// Keeps the tokens of most typical information, up to this probability (0, 1] (Meister et al. 2022).
  std::optional<float> typical_p = {};
  /// Drops tokens less probable than this, in [0, 1) (Hewitt et al. 2022). Default 0 = none.
  std::optional<float> epsilon_cutoff = {};
  /// The same with a bound that falls with the entropy (eta sampling, Hewitt et al. 2022). Default 0 = none.
  std::optional<float> eta_cutoff = {};
  /// With this probability, in [0, 1], drops every token of at least xtc_threshold but the least probable one
  /// of them (exclude top choices, as in llama.cpp: measured before temperature). Default 0 = never.
  std::optional<float> xtc_probability = {};
  /// In [0, 1]; above 0.5 XTC never acts. Default 0.1.
  std::optional<float> xtc_threshold = {};
  /// 1 or 2: holds the surprise of the text at mirostat_tau bits (Basu et al. 2021); the truncations above,
  /// temperature excepted, are off then, as in llama.cpp. Default 0 = off.
  std::optional<int> mirostat = {};
  std::optional<float> mirostat_tau = {};  ///< target in bits, default 5
  std::optional<float> mirostat_eta = {};  ///< learning rate, default 0.1

  // Penalties -------------------------------------------------------------------------------------------

  /// > 0; divides positive and multiplies negative logits of tokens seen in prompt or text (Keskar et al.
  /// 2019). Default 1 = none.
  std::optional<float> repetition_penalty = {};
  /// Subtracted from a logit for each time that the token was generated, prompt apart, as OpenAI defines it.
  std::optional<float> frequency_penalty = {};
  /// Subtracted once from the logits of all tokens that were generated. Default 0.
  std::optional<float> presence_penalty = {};
  /// "Don't repeat yourself": a token that would prolong a repetition of n tokens loses
  /// dry_multiplier * dry_base ^ (n - dry_allowed_length). Default 0 = off.
  std::optional<float> dry_multiplier = {};
  std::optional<float> dry_base = {};          ///< at least 1, default 1.75
  std::optional<int> dry_allowed_length = {};  ///< repetitions shorter than this are free, default 2
  std::optional<int> dry_penalty_last_n = {};  ///< tokens to look back; -1 = all, 0 = off. Default -1
  /// No repetition reaches across these. Default: newline, colon, double quote, asterisk.
  std::optional<std::vector<std::string>> dry_sequence_breakers = {};

  /// Seed of sampling. Same seed, machine and thread count: same text. Default: a fresh one for every call.
  std::optional<std::uint64_t> seed = {};

  // Stopping --------------------------------------------------------------------------------------------

  /// Generation ends before any of these strings; the text does not contain it.
  std::vector<std::string> stop = {};
  /// Tokens that end generation. Empty: those of the model's files. `ignore_eos` = none.
  std::vector<TokenId> eos_token_ids = {};
  bool ignore_eos = false;

  // Other changes of the logits -------------------------------------------------------------------------

  /// Added to the logits of single tokens.
  std::map<TokenId, float> logit_bias = {};
  /// Added to the logit of the last token of a sequence wherever the text ends with the ones before it.
  std::map<std::vector<TokenId>, float> sequence_bias = {};
  /// No n tokens occur twice, prompt included. Default 0 = off.
  std::optional<int> no_repeat_ngram_size = {};
  /// Token sequences that never appear; one that is just an EOS token is ignored.
  std::vector<std::vector<TokenId>> bad_words = {};
  /// The first new token where the prompt has one token only.
  std::optional<TokenId> forced_bos_token_id = {};
  /// Tokens one of which ends a text that reaches its length limit.
  std::vector<TokenId> forced_eos_token_ids = {};
  /// (start, factor): from `start` new tokens on, EOS gains |logit| * (factor ^ (tokens since) - 1).
  std::optional<std::pair<int, float>> exponential_decay_length_penalty = {};
  /// Tokens that are never generated.
  std::vector<TokenId> suppress_tokens = {};
  /// Tokens that are not generated first.
  std::vector<TokenId> begin_suppress_tokens = {};
  /// Called in order after the built-in processors and before temperature.
  std::vector<LogitsProcessor> processors = {};
  std::optional<WatermarkingConfig> watermarking_config = {};

  // Constraints: at most one. The text is valid, or by length the beginning of a valid one. Where nothing may
  // follow, it ends whatever min_new_tokens says.

  /// A JSON schema: the text is a JSON value that it accepts. "{}" = any JSON.
  std::string json_schema = {};
  /// A regular expression that the whole text matches.
  std::string regex = {};
  /// A grammar in the GBNF notation of llama.cpp; the text is derived from its rule `root`.
  std::string grammar = {};

  // Reporting -------------------------------------------------------------------------------------------

  /// Reports each token's log-probability, before any processor, and of this many alternatives, at most 100.
  int logprobs = 0;
  /// The text begins with the prompt, and `logprobs` covers it too (Generation::prompt_logprobs).
  bool echo = false;
  /// Ends generation from another thread: a normal return with FinishReason::cancelled.
  std::stop_token stop_token = {};

  // Guidance --------------------------------------------------------------------------------------------

  /// Classifier-free guidance (Sanchez et al. 2023): above 1, moves away from what the model says after the
  /// negative prompt alone. Costs a second forward pass a token. Default 1 = off.
  std::optional<float> guidance_scale = {};
  /// As text or as ids. Neither: the last token of the prompt.
  std::string negative_prompt = {};
  std::vector<TokenId> negative_prompt_ids = {};

  // Speculative decoding -----------------------------------------------------------------------------
  // Single texts: several guessed tokens are checked in one step. The text stays the same up to rounding.

  /// Guesses up to this many tokens (more than 64 count as 64): what followed the text's present end when it
  /// last stood there (prompt lookup, Saxena 2023). For texts that quote, and code. Default 0 = off.
  std::optional<int> prompt_lookup_num_tokens = {};
  /// Tokens at the end to look for, at least 1; fewer where they never came. Default 10 (transformers': 2).
  std::optional<int> max_matching_ngram_size = {};
  /// A smaller model with the same tokenizer guesses instead. It reads the whole text in each call.
  std::shared_ptr<const Model> assistant_model = {};
  /// Tokens that it guesses at a time, at most 64. Default 20.
  std::optional<int> num_assistant_tokens = {};

  // Beams: generate_all() returns all texts, generate() the best. Text is not streamed with beams. ----------

  /// Beams; above 1 searches for the most probable text, with do_sample a stochastic one. Default 1.
  std::optional<int> num_beams = {};
  /// Texts that generate_all() returns: at most num_beams; without beams, independent samples. Default 1.
  std::optional<int> num_return_sequences = {};
  /// Groups of beams that avoid each other's tokens (Vijayakumar et al. 2018). Default 1.
  std::optional<int> num_beam_groups = {};
  /// Subtracted from a token's log-probability for each time an earlier group chose it in this step.
  std::optional<float> diversity_penalty = {};
  /// A text's score is its log-probability over length ^ length_penalty. Default 1.
  std::optional<float> length_penalty = {};
  /// Default EarlyStopping::no.
  std::optional<EarlyStopping> early_stopping = {};
  /// Scores beams with log-probabilities that are normalised again after the processors. Default false.
  std::optional<bool> renormalize_logits = {};
};

}  // namespace transom
