// SPDX-License-Identifier: Apache-2.0
/// The second step of a tokenizer: cutting the normalised text into pieces that the model sees one by one.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "text/json_path.h"

namespace transom::text {

struct Piece {
  std::size_t begin;  ///< bytes of PieceList::text
  std::size_t end;
  bool at_start;  ///< stands at the very beginning of the user's text
};

/// A text and its pieces, none empty, in order.
struct PieceList {
  std::string text;  ///< valid UTF-8
  std::vector<Piece> pieces;

  std::string_view view(const Piece& piece) const {
    return std::string_view(text).substr(piece.begin, piece.end - piece.begin);
  }
};

/// Immutable; safe from any thread.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;
  /// Cuts (and perhaps rewrites) each piece; what one piece becomes does not depend on the others.
  virtual void apply(PieceList& list) const = 0;
};

/// Reads the "pre_tokenizer" member of tokenizer.json: ByteLevel, Split, Sequence, Digits, Punctuation,
/// Whitespace, WhitespaceSplit, Metaspace, BertPreTokenizer, CharDelimiterSplit, UnicodeScripts, FixedLength.
/// @return nullptr for null.
/// @throws UnsupportedError naming any other type.
std::unique_ptr<PreTokenizer> load_pre_tokenizer(const io::Json& json, const JsonPath& path);

}  // namespace transom::text
