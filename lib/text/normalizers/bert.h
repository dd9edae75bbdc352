// SPDX-License-Identifier: Apache-2.0
/// The normalizer of BERT.
#pragma once

#include <memory>

#include "text/normalizers/normalizer.h"

namespace transom::text {

struct BertNormalizerOptions {
  bool clean_text = true;            ///< control characters go, any whitespace becomes a space
  bool handle_chinese_chars = true;  ///< an ideograph gets a space on either side
  bool strip_accents = true;         ///< decomposes (NFD) and removes non-spacing marks
  bool lowercase = true;
};

std::unique_ptr<Normalizer> make_bert_normalizer(const BertNormalizerOptions& options);

/// `strip_accents` follows `lowercase` where it is null or absent.
std::unique_ptr<Normalizer> load_bert_normalizer(const io::Json& json, const JsonPath& path);

}  // namespace transom::text
