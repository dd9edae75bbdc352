// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "transom/tokenizer.h"

namespace transom {

/// Receives generated text as it appears. @param piece One or more whole UTF-8 characters, valid during the
/// call.
/// @return False to end generation (FinishReason::cancelled).
using TokenCallback = std::function<bool(std::string_view piece)>;

/// The same for several texts at once. @param index Of the prompt. @return False to end that text.
using BatchCallback = std::function<bool(std::size_t index, std::string_view piece)>;

enum class FinishReason {
  eos,        ///< the model ended its text
  stop,       ///< a stop string appeared, or the text is all that its constraint allows
  length,     ///< max_new_tokens, max_length, the context or max_time was reached
  cancelled,  ///< the callback returned false, or the stop token was triggered
};

/// Wall-clock seconds and counts of one call.
struct Timings {
  double load_s = 0;     ///< loading the model
  double prefill_s = 0;  ///< reading the prompt, up to the first token
  double decode_s = 0;   ///< all further tokens
  std::int64_t prompt_tokens = 0;
  std::int64_t new_tokens = 0;
  std::int64_t drafted_tokens = 0;   ///< guessed by speculative decoding
  std::int64_t accepted_tokens = 0;  ///< of these, those that the model wrote itself
  std::int64_t peak_bytes = 0;       ///< peak resident memory of the process, 0 where unknown
};

/// Log-probability (natural logarithm) of one generated token and the most probable alternatives, best first.
struct TokenLogprobs {
  struct Alternative {
    TokenId token = 0;
    float logprob = 0;
  };
  TokenId token = 0;
  float logprob = 0;
  std::vector<Alternative> top;
};

/// The result of generate().
struct Generation {
  /// Generated text without prompt (unless GenerationConfig::echo), stop string or special tokens; valid
  /// UTF-8. It continues the prompt's text: a space between the two belongs to it.
  std::string text;
  std::vector<TokenId> tokens;  ///< generated ids, EOS included
  FinishReason finish_reason = FinishReason::length;
  /// With beams: log-probability over length ^ length_penalty. Else the sum of the log-probabilities of
  /// `tokens` where logprobs were asked for, and 0 where not.
  double score = 0;
  std::vector<TokenLogprobs> logprobs;  ///< one per token when GenerationConfig::logprobs > 0
  /// With GenerationConfig::echo and logprobs > 0: one per prompt token that this call read. The first token
  /// of a text has no probability: it is reported as 0, without alternatives.
  std::vector<TokenLogprobs> prompt_logprobs;
  Timings timings;
};

}  // namespace transom
