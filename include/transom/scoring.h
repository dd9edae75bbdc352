// SPDX-License-Identifier: Apache-2.0
/// @file
/// What a model thinks of text that is already there: scores of continuations, embeddings.
#pragma once

#include <vector>

#include "transom/tokenizer.h"

namespace transom {

/// How one continuation follows its prompt; see Model::score.
struct Score {
  double logprob = 0;           ///< natural logarithm of the probability of the whole: the sum of `logprobs`
  bool greedy = true;           ///< every token is the most probable one: greedy decoding would write it
  std::vector<TokenId> tokens;  ///< the tokens that were scored
  std::vector<float> logprobs;  ///< one for each of them, given everything before it
};

/// How the states of the tokens of a text become one vector; see Session::embed.
enum class Pooling {
  mean,   ///< their mean
  last,   ///< the state of the last token, which has seen all others
  first,  ///< the state of the first token
};

}  // namespace transom
