// SPDX-License-Identifier: Apache-2.0
/// The contents of a SentencePiece `tokenizer.model` (sentencepiece_model.proto), as far as encoding needs
/// it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "transom/tokenizer.h"

namespace transom::text {

struct SentencePieceFile {
  enum class Kind { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };
  struct Piece {
    std::string text;  ///< valid UTF-8, not empty
    float score = 0;
    Kind kind = Kind::normal;
  };
  enum class Algorithm { unigram = 1, bpe = 2, word = 3, character = 4 };

  std::vector<Piece> pieces;  ///< the place is the id
  Algorithm algorithm = Algorithm::unigram;
  bool byte_fallback = false;
  bool whitespace_as_suffix = false;
  std::string bos_piece = "<s>";
  std::string eos_piece = "</s>";

  std::string charsmap;  ///< see normalizers/charsmap.h; empty when there is none
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
};

/// @param where Names the file in errors.
/// @throws FormatError when the file is cut short or contradicts itself; UnsupportedError for sizes beyond
/// what a tokenizer has.
SentencePieceFile parse_sentencepiece(std::string_view bytes, const std::string& where);

}  // namespace transom::text
