// SPDX-License-Identifier: Apache-2.0
// Perplexity of a text in strided windows, as Hugging Face documents it: every window scores its last
// `stride` tokens (the first window all of its), so that each token is scored once with as much context as
// possible.
#pragma once

#include <transom/transom.h>

#include <cstdint>
#include <string>
#include <vector>

namespace text_perplexity {

using Ids = std::span<const transom::TokenId>;

struct Windows {
  std::int64_t context = 1024, stride = 512;
};

struct Totals {
  double nll = 0, kl = 0;  // nats
  std::int64_t tokens = 0, agreements = 0;

  double perplexity() const;
};

/// Scores the ids by `model`; with `reference`, also how far it is from that one. Shows a bar where somebody
/// looks at standard error.
Totals evaluate(const transom::Model& model, const transom::Model* reference, Ids ids,
                const Windows& windows);

/// The first `max_tokens` (0 = all) token ids of a text file. @throws InvalidArgument for fewer than two.
std::vector<transom::TokenId> read_ids(const std::string& path, const transom::Tokenizer& tokenizer,
                                       std::int64_t max_tokens);

}  // namespace text_perplexity
