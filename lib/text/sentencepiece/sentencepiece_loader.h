// SPDX-License-Identifier: Apache-2.0
/// A tokenizer from a SentencePiece model.
#pragma once

#include <string>
#include <string_view>

#include "text/metaspace.h"
#include "text/tokenizer_impl.h"

namespace transom::text {

/// Builds what SentencePiece would do from our own steps. Control and user-defined symbols become added
/// tokens; control symbols and the unknown token are special.
/// @param prefix Where a dummy prefix goes when the model asks for one: `first` is SentencePiece's own way,
/// `always` puts one behind each added token too.
/// @throws FormatError; UnsupportedError for word models and for spaces at the end of words.
TokenizerImpl::Parts parts_from_sentencepiece(std::string_view bytes, const std::string& where,
                                              PrependScheme prefix);

}  // namespace transom::text
