// SPDX-License-Identifier: Apache-2.0
/// The step of a tokenizer that turns a pre-token into ids. The seam for the kinds of model: BPE, Unigram,
/// WordPiece, WordLevel.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "text/json_path.h"
#include "text/models/vocabulary.h"

namespace transom::text {

/// Immutable; safe from any thread.
class Model {
 public:
  virtual ~Model() = default;

  /// Appends the ids of one pre-token, valid UTF-8.
  /// @throws FormatError when only the unknown token could stand for a part of it, and there is none.
  virtual void tokenize(std::string_view piece, std::vector<TokenId>& out) const = 0;
  virtual const Vocabulary& vocabulary() const = 0;
};

/// Reads the "model" member of tokenizer.json.
/// @throws FormatError saying where; UnsupportedError naming an unknown type.
std::unique_ptr<Model> load_model(const io::Json& json, const JsonPath& path);

}  // namespace transom::text
