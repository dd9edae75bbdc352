// SPDX-License-Identifier: Apache-2.0
/// What a generate() call does after all defaults are applied.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "io/json.h"
#include "transom/config.h"
#include "transom/generation_config.h"

namespace transom::generation {

/// The defaults that a model directory gives: generation_config.json, and eos_token_id of config.json.
struct Defaults {
  std::optional<int> max_new_tokens, max_length, min_new_tokens, top_k;
  std::optional<bool> do_sample;
  std::optional<float> temperature, top_p, min_p, repetition_penalty;
  std::vector<TokenId> eos_token_ids;
};

/// @param file generation_config.json, or nullptr when there is none. @param where Its path, for messages.
/// @throws FormatError for values of the wrong kind.
Defaults read_defaults(const io::Json* file, const std::string& where, const Config& config);

/// Every field has its final value.
struct Settings {
  std::int64_t max_new_tokens = 20;
  std::int64_t min_new_tokens = 0;
  bool do_sample = false;
  float temperature = 1;
  std::int64_t top_k = 50;
  float top_p = 1, min_p = 0, repetition_penalty = 1;
  std::uint64_t seed = 0;
  std::vector<std::string> stop;
  std::vector<TokenId> eos_token_ids;
  std::map<TokenId, float> logit_bias;
  std::vector<LogitsProcessor> processors;
  int logprobs = 0;
  std::stop_token stop_token;
};

/// @param prompt_tokens Tokens before the first new one (max_length counts them). @param vocab For checking
/// ids.
/// @throws InvalidArgument for an impossible option, UnsupportedError for one that this version can not
/// serve.
Settings resolve(const GenerationConfig& config, const Defaults& defaults, std::int64_t prompt_tokens,
                 std::int64_t vocab);

}  // namespace transom::generation
