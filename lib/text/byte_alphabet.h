// SPDX-License-Identifier: Apache-2.0
/// The alphabet of byte-level tokenizers: every byte has a printable character (GPT-2, bytes_to_unicode).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace transom::text {

/// Appends the characters of the bytes: 0x21 to 0x7E, 0xA1 to 0xAC and 0xAE to 0xFF stand for themselves, the
/// other 68 in ascending order are U+0100, U+0101, ...
void append_byte_characters(std::string_view bytes, std::string& out);

/// @return The byte of a character, or nothing when it is not in the alphabet.
std::optional<unsigned char> byte_of_character(char32_t character);

}  // namespace transom::text
