// SPDX-License-Identifier: Apache-2.0
#include "text/byte_alphabet.h"

#include <array>
#include <cstdint>

namespace transom::text {

namespace {

constexpr bool stands_for_itself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

constexpr unsigned kLargest = 0x100 + 68;  // one more than the largest character

struct Tables {
  std::array<std::uint16_t, 256> character{};
  std::array<std::int16_t, kLargest> byte{};
};

constexpr Tables make_tables() {
  Tables tables;
  for (std::int16_t& byte : tables.byte) byte = -1;
  unsigned next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const unsigned character = stands_for_itself(byte) ? byte : next++;
    tables.character[byte] = static_cast<std::uint16_t>(character);
    tables.byte[character] = static_cast<std::int16_t>(byte);
  }
  return tables;
}

constexpr Tables kTables = make_tables();

}  // namespace

void append_byte_characters(std::string_view bytes, std::string& out) {
  for (const char signed_byte : bytes) {
    const unsigned character = kTables.character[static_cast<unsigned char>(signed_byte)];
    if (character < 0x80) {
      out.push_back(static_cast<char>(character));
    } else {
      out.push_back(static_cast<char>(0xC0 | (character >> 6)));
      out.push_back(static_cast<char>(0x80 | (character & 0x3F)));
    }
  }
}

std::optional<unsigned char> byte_of_character(char32_t character) {
  if (character >= kLargest || kTables.byte[character] < 0) return std::nullopt;
  return static_cast<unsigned char>(kTables.byte[character]);
}

}  // namespace transom::text
