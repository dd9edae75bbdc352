// SPDX-License-Identifier: Apache-2.0
/// What must hold for any tokenizer and text.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/require.h"
#include "text/decoders/stream_decoder.h"
#include "text/tokenizer_impl.h"
#include "text/utf8.h"

namespace transom::fuzz {

/// Every id has a spelling, and streaming equals decoding. Typed errors pass through.
inline void exercise(const text::TokenizerImpl& tokenizer, std::string_view input) {
  const std::shared_ptr<const text::TokenizerImpl> shared(std::shared_ptr<void>(), &tokenizer);
  for (const bool parse : {true, false}) {
    for (const TokenId id : tokenizer.encode(input, {.parse_special = parse})) {
      require(tokenizer.spelling(id).has_value());
    }
  }
  std::vector<TokenId> ids = tokenizer.encode(input, {});
  for (const char c : input) ids.push_back(static_cast<unsigned char>(c) % 32);
  for (const bool skip : {true, false}) {
    const DecodeOptions options{.skip_special_tokens = skip};
    const std::string whole = tokenizer.decode(ids, options);
    require(text::valid_utf8_prefix(whole) == whole.size());
    text::StreamDecoder stream(shared, options);
    std::string streamed;
    for (const TokenId id : ids) {
      stream.push(id, streamed);
      require(text::valid_utf8_prefix(streamed) == streamed.size());
    }
    stream.finish(streamed);
    require(streamed == whole);
  }
}

}  // namespace transom::fuzz
