// SPDX-License-Identifier: Apache-2.0
/// What SentencePiece does to a text before its model sees it.
#pragma once

#include <memory>
#include <optional>

#include "text/metaspace.h"
#include "text/normalizers/charsmap.h"
#include "text/normalizers/normalizer.h"
#include "text/pre_tokenizers/pre_tokenizer.h"

namespace transom::text {

struct SentencePieceSpaces {
  bool remove_extra = true;  ///< spaces at the ends go, a run of them becomes one
  bool escape = true;        ///< a space is spelled as U+2581
};

/// Replaces by the map, always the longest entry, and treats spaces as told.
std::unique_ptr<Normalizer> make_sentencepiece_normalizer(std::optional<Charsmap> map,
                                                          SentencePieceSpaces spaces);

/// Puts a space before the text: before the piece at its start, or before every one. Cuts nothing.
std::unique_ptr<PreTokenizer> make_dummy_prefix(PrependScheme scheme, bool escape);

}  // namespace transom::text
