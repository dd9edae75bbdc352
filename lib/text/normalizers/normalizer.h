// SPDX-License-Identifier: Apache-2.0
/// The first step of a tokenizer: rewriting the text.
#pragma once

#include <memory>
#include <string>

#include "text/json_path.h"

namespace transom::text {

/// Immutable; safe from any thread.
class Normalizer {
 public:
  virtual ~Normalizer() = default;
  /// @param text valid UTF-8. @return valid UTF-8.
  virtual std::string normalize(std::string text) const = 0;
};

/// Reads the "normalizer" member of tokenizer.json: NFC, NFD, NFKC, NFKD, Lowercase, Strip, StripAccents,
/// Prepend, Replace, Nmt, Precompiled, BertNormalizer, ByteLevel, Sequence.
/// @return nullptr for null.
/// @throws UnsupportedError naming any other type.
std::unique_ptr<Normalizer> load_normalizer(const io::Json& json, const JsonPath& path);

}  // namespace transom::text
