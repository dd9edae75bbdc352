// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "transom/tokenizer.h"

namespace transom {

/// Loads the tokenizer of a model directory.
struct TRANSOM_API AutoTokenizer {
  /// @param path_or_id A directory with tokenizer.json (and tokenizer_config.json), or `org/name` in the
  ///   local Hugging Face cache; see AutoModel::from_pretrained for where that is looked for. Without
  ///   tokenizer.json, a SentencePiece model (tokenizer.model, spiece.model), vocab.json with merges.txt, or
  ///   vocab.txt is read, with the steps of the class that tokenizer_config.json names.
  /// @throws NotFound naming every place that was looked at; FormatError when a file is corrupt;
  ///   UnsupportedError when a file asks for something this version does not know.
  static Tokenizer from_pretrained(std::string_view path_or_id);
};

}  // namespace transom
