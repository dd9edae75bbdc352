// SPDX-License-Identifier: Apache-2.0
#include "generation/text_output.h"

#include <algorithm>

namespace transom::generation {

TextOutput::TextOutput(const Settings& settings, const Tokenizer* tokenizer, std::span<const TokenId> before,
                       const TokenCallback& on_text, std::string& text)
    : stops_(settings.stop), on_text_(on_text), text_(text) {
  piece_.reserve(256);
  if (tokenizer == nullptr) return;
  stream_.emplace(tokenizer->stream());
  // The last few tokens are enough: no decoder looks back further than an unfinished character.
  constexpr std::size_t kContext = 8;
  for (const TokenId id : before.last(std::min(before.size(), kContext))) stream_->push(id, piece_);
}

void TextOutput::push(TokenId id) {
  piece_.clear();
  if (stream_) stream_->push(id, piece_);
  give(stops_.push(piece_), !stream_);
}

void TextOutput::finish() {
  if (stream_) give(stops_.push(stream_->finish()), false);
  give(stops_.finish(), false);
}

void TextOutput::give(std::string_view piece, bool even_if_empty) {
  text_ += piece;
  if (cancelled_ || !on_text_ || (piece.empty() && !even_if_empty)) return;
  cancelled_ = !on_text_(piece);
}

}  // namespace transom::generation
