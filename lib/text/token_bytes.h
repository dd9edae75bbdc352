// SPDX-License-Identifier: Apache-2.0
/// The bytes that each token adds to a text in its middle, where no decoder strips or drops anything.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "text/json_path.h"
#include "transom/tokenizer.h"

namespace transom::text {

class TokenizerImpl;

/// One entry for each id; empty for special tokens and for ids that no token has.
class TokenBytes {
 public:
  /// For the next id.
  void add(std::string_view bytes) {
    bytes_.append(bytes);
    ends_.push_back(bytes_.size());
  }
  std::size_t size() const { return ends_.size(); }
  /// Empty also for ids out of range.
  std::string_view of(TokenId id) const {
    const auto index = static_cast<std::size_t>(id);
    if (id < 0 || index >= ends_.size()) return {};
    const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
    return std::string_view(bytes_).substr(begin, ends_[index] - begin);
  }

 private:
  std::string bytes_;
  std::vector<std::size_t> ends_;
};

/// Turns the spelling of a token into its bytes, in place.
using TokenSpeller = std::function<void(std::string& token)>;

/// Reads the "decoder" member of tokenizer.json: the same stages as load_decoder, for one token in the middle
/// of a text. An unfinished UTF-8 character stays as the bytes it has.
/// @return Null where a token has no bytes of its own: a stage that looks at several tokens at once changes
///   more than the ends of the text.
TokenSpeller load_token_speller(const io::Json& json, const JsonPath& path);

/// @throws UnsupportedError where the tokenizer has no TokenSpeller.
TokenBytes token_bytes(const TokenizerImpl& tokenizer);

}  // namespace transom::text
