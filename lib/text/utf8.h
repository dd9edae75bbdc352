// SPDX-License-Identifier: Apache-2.0
/// UTF-8: checking, decoding, writing, and mending of invalid bytes.
///
/// Invalid bytes become U+FFFD by the "maximal subpart" practice (Unicode 15, section 3.9; the same as
/// Python's errors="replace"): a sequence that begins well and breaks off is one U+FFFD, any other bad byte
/// is one each.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace transom::text {

inline constexpr char32_t kReplacementCharacter = 0xFFFD;
inline constexpr std::string_view kReplacementUtf8 = "\xEF\xBF\xBD";

/// What stands at the beginning of a byte string.
struct Utf8Step {
  enum class Kind { valid, invalid, incomplete };
  Kind kind;
  std::size_t length;  ///< bytes of the character, of the maximal subpart, or of the unfinished tail
  char32_t code_point;
};

/// Examines the first character of a non-empty string. `incomplete` means that the whole rest of the string
/// is a proper beginning of a character.
Utf8Step examine_utf8(std::string_view bytes);

/// @return The length of the longest valid beginning of the string.
std::size_t valid_utf8_prefix(std::string_view bytes);

/// @return The text with every maximal invalid part replaced by U+FFFD.
std::string replace_invalid_utf8(std::string_view bytes);

/// Appends one code point. Surrogates and values beyond U+10FFFF are written as U+FFFD.
void append_utf8(std::string& out, char32_t code_point);

/// Reads the character at `p` and moves `p` behind it. The text must be valid.
inline char32_t next_code_point(const char*& p) {
  const auto byte = [](char c) { return static_cast<char32_t>(static_cast<unsigned char>(c)); };
  const char32_t lead = byte(*p);
  if (lead < 0x80) {
    ++p;
    return lead;
  }
  if (lead < 0xE0) {
    const char32_t value = ((lead & 0x1F) << 6) | (byte(p[1]) & 0x3F);
    p += 2;
    return value;
  }
  if (lead < 0xF0) {
    const char32_t value = ((lead & 0x0F) << 12) | ((byte(p[1]) & 0x3F) << 6) | (byte(p[2]) & 0x3F);
    p += 3;
    return value;
  }
  const char32_t value =
      ((lead & 0x07) << 18) | ((byte(p[1]) & 0x3F) << 12) | ((byte(p[2]) & 0x3F) << 6) | (byte(p[3]) & 0x3F);
  p += 4;
  return value;
}

/// Calls use(code point, its bytes) for each character of a valid text.
template <typename Use>
void for_each_character(std::string_view text, const Use& use) {
  const char* p = text.data();
  const char* const end = p + text.size();
  while (p != end) {
    const char* const start = p;
    const char32_t c = next_code_point(p);
    use(c, std::string_view(start, static_cast<std::size_t>(p - start)));
  }
}

/// @return Bytes of the character that begins with this byte of a valid text.
inline std::size_t utf8_length(char lead_byte) {
  const auto lead = static_cast<unsigned char>(lead_byte);
  return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

/// Turns a stream of bytes into whole characters, holding back at most 3 bytes.
class Utf8Assembler {
 public:
  /// How an invalid part is written: one U+FFFD for a maximal subpart, or one for each of its bytes.
  enum class Policy { per_subpart, per_byte };
  explicit Utf8Assembler(Policy policy) : policy_(policy) {}

  /// Appends to `out` every character that is complete.
  void push(std::string_view bytes, std::string& out);
  /// Appends what an unfinished character is worth and forgets it.
  void finish(std::string& out);

 private:
  void append_invalid(std::size_t n_bytes, std::string& out) const;

  Policy policy_;
  std::string pending_;
};

}  // namespace transom::text
