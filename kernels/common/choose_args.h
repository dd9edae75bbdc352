// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace transom::kernels {

/// How the next token is chosen from a row of logits, NaN and -infinity and ids from `usable` on being
/// impossible.
///
/// Greedy (sample = 0): the largest logit, the smaller id among equals. Else a draw from what is left, in
/// this order, by
/// - top_k, if not 0: the k largest logits, and all that equal the smallest of them;
/// - top_p, if not 0: of these the best ones, the smaller id first among equals, until their weights
/// (token_weight.h) are at
///   least this share, in units of 2^-64, of all weights; one at least;
/// - min_p: of these the ones at least so probable, relative to the best.
/// The draw walks what is left by ids, see drawn_weight().
struct ChooseRow {
  uint64_t random = 0;
  uint64_t top_p = 0;
  float temperature = 1;  ///< > 0
  float min_p = 0;        ///< [0, 1]
  uint32_t top_k = 0;
  uint32_t usable = 0;  ///< at most the row's tokens
  uint32_t sample = 0;
};

/// Tokens of rows of logits [n_rows, vocab], the stride in elements. ids [n_rows]: -1 where none is possible.
struct ChooseArgs {
  const float* logits = nullptr;
  size_t stride = 0;
  size_t n_rows = 0;
  size_t vocab = 0;  ///< at most 2^23
  const ChooseRow* rows = nullptr;
  int32_t* ids = nullptr;
};

}  // namespace transom::kernels
