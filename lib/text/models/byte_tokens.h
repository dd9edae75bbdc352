// SPDX-License-Identifier: Apache-2.0
/// The tokens `<0x00>` to `<0xFF>`, in which a model with byte_fallback spells what it does not know.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "text/models/vocabulary.h"

namespace transom::text {

class ByteTokens {
 public:
  explicit ByteTokens(const Vocabulary& vocabulary);

  /// Appends the tokens of all bytes; nothing when one of them is missing.
  /// @return Whether all are there.
  bool append(std::string_view bytes, std::vector<TokenId>& out) const;

 private:
  std::array<TokenId, 256> ids_;  // -1 when there is none
};

}  // namespace transom::text
