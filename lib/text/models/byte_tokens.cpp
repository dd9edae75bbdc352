// SPDX-License-Identifier: Apache-2.0
#include "text/models/byte_tokens.h"

#include <cstdio>

namespace transom::text {

ByteTokens::ByteTokens(const Vocabulary& vocabulary) {
  for (unsigned byte = 0; byte < ids_.size(); ++byte) {
    char name[8];
    std::snprintf(name, sizeof name, "<0x%02X>", byte);
    ids_[byte] = vocabulary.find(name).value_or(-1);
  }
}

bool ByteTokens::append(std::string_view bytes, std::vector<TokenId>& out) const {
  for (const char byte : bytes) {
    if (ids_[static_cast<unsigned char>(byte)] < 0) return false;
  }
  for (const char byte : bytes) out.push_back(ids_[static_cast<unsigned char>(byte)]);
  return true;
}

}  // namespace transom::text
