// SPDX-License-Identifier: Apache-2.0
/// The last step of encoding: the special tokens around the text.
#pragma once

#include <vector>

#include "text/json_path.h"
#include "transom/tokenizer.h"

namespace transom::text {

/// What add_special_tokens puts before and behind the ids of one text.
struct SpecialFrame {
  std::vector<TokenId> prefix;
  std::vector<TokenId> suffix;
};

/// Reads the "post_processor" member of tokenizer.json: TemplateProcessing (its "single" template),
/// BertProcessing, RobertaProcessing, ByteLevel (which only concerns offsets), Sequence; null adds nothing.
/// @throws UnsupportedError naming any other type.
SpecialFrame load_post_processor(const io::Json& json, const JsonPath& path);

}  // namespace transom::text
