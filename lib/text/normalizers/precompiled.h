// SPDX-License-Identifier: Apache-2.0
/// The Precompiled normalizer: a SentencePiece character map inside tokenizer.json, as base64.
#pragma once

#include <memory>

#include "text/normalizers/normalizer.h"

namespace transom::text {

/// Replaces as the reference implementation does, which is not quite SentencePiece's way: a grapheme of fewer
/// than 6 bytes that begins with an entry of the map becomes that entry's replacement as a whole, the
/// shortest entry's; otherwise each of its characters is looked up by itself.
/// @throws FormatError for wrong base64 or a wrong map.
std::unique_ptr<Normalizer> load_precompiled(const io::Json& json, const JsonPath& path);

}  // namespace transom::text
