// SPDX-License-Identifier: Apache-2.0
/// The seam of speculative decoding: something cheap that guesses what a text goes on with.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "transom/tokenizer.h"

namespace transom::generation {

class Drafter {
 public:
  Drafter() = default;
  Drafter(const Drafter&) = delete;
  Drafter& operator=(const Drafter&) = delete;
  virtual ~Drafter() = default;

  /// Replaces `draft` by at most `most` tokens that may follow the text; by none where it has no idea.
  virtual void draft(std::span<const TokenId> text, std::size_t most, std::vector<TokenId>& draft) = 0;
};

}  // namespace transom::generation
