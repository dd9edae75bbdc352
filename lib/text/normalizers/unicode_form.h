// SPDX-License-Identifier: Apache-2.0
/// The four Unicode normalisation forms (Unicode Standard Annex 15), and lower case.
#pragma once

#include <string>
#include <string_view>

namespace transom::text {

enum class UnicodeForm { nfc, nfd, nfkc, nfkd };

/// Linear in the length of the text but for the sorting of runs of combining marks, which is O(n log n).
/// @param text valid UTF-8.
std::string to_form(std::string_view text, UnicodeForm form);

/// Lower case of each character by itself (no final sigma rule).
std::string to_lower(std::string_view text);

}  // namespace transom::text
