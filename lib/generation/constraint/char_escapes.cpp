// SPDX-License-Identifier: Apache-2.0
#include "generation/constraint/char_escapes.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "generation/constraint/regex.h"
#include "text/unicode.h"

namespace transom::generation {

namespace {

CharSet digits() { return CharSet({{'0', '9'}}); }
CharSet word_characters() { return CharSet({{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}); }
/// White space and line ends of ECMA-262.
CharSet spaces() {
  return CharSet({{'\t', '\r'},
                  {' ', ' '},
                  {0xA0, 0xA0},
                  {0x1680, 0x1680},
                  {0x2000, 0x200A},
                  {0x2028, 0x2029},
                  {0x202F, 0x202F},
                  {0x205F, 0x205F},
                  {0x3000, 0x3000},
                  {0xFEFF, 0xFEFF}});
}

CharSet take_property(SourceReader& reader, bool negated) {
  std::string name;
  if (reader.take("{")) {
    while (!reader.done() && reader.peek() != '}' && name.size() < 64) {
      name.push_back(reader.peek());
      reader.take_character();
    }
    reader.expect("}");
  } else {
    name.push_back(reader.peek());
    reader.take_character();
  }
  const CharSet set = property_set(name);
  if (set.empty()) reader.unsupported(core::message("the property \"", name, "\" is"));
  return negated ? set.complement() : set;
}

/// Behind "\u". A pair of surrogates is one character.
char32_t take_unicode(SourceReader& reader) {
  if (reader.take("{")) {
    char32_t value = 0;
    do {
      value = reader.check_scalar(16 * value + reader.take_hex_digit());
    } while (reader.at_hex_digit());
    reader.expect("}");
    return value;
  }
  const char32_t first = reader.take_hex(4);
  if (first < 0xD800 || first > 0xDFFF) return first;
  if (first <= 0xDBFF && reader.take("\\u")) {
    const char32_t second = reader.take_hex(4);
    if (second >= 0xDC00 && second <= 0xDFFF) return 0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00);
  }
  reader.fail("expected a pair of surrogates, found half of one");
}

/// Escapes that stand for one control character.
std::optional<char32_t> control_of(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    case 'f':
      return '\f';
    case 'v':
      return '\v';
    case 'a':
      return '\a';
    case 'e':
      return 0x1B;
    default:
      return std::nullopt;
  }
}

char32_t take_control_letter(SourceReader& reader) {
  const char letter = reader.peek();
  if (!(letter >= 'a' && letter <= 'z') && !(letter >= 'A' && letter <= 'Z'))
    reader.fail("expected a letter");
  return reader.take_character() % 32;
}

}  // namespace

CharSet property_set(std::string_view name) {
  for (const std::string_view prefix : {"Script=", "sc=", "General_Category=", "gc="}) {
    if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
  }
  for (const char c : name) {
    const bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (!fits) return {};
  }
  const auto found = text::property_ranges(name);
  if (!found) return {};
  std::vector<CodeRange> ranges;
  for (const auto& [first, last] : *found) ranges.push_back({first, last});
  return CharSet(std::move(ranges));
}

CharSet take_regex_escape(SourceReader& reader) {
  const char kind = reader.peek();
  if (kind == 'b' || kind == 'B') reader.unsupported("a word boundary is");
  if ((kind >= '1' && kind <= '9') || kind == 'k') reader.unsupported("a backreference is");
  if (kind == 'A' || kind == 'G') reader.unsupported("an anchor behind the beginning is");
  const char32_t c = reader.take_character();
  switch (c) {
    case 'd':
      return digits();
    case 'D':
      return digits().complement();
    case 'w':
      return word_characters();
    case 'W':
      return word_characters().complement();
    case 's':
      return spaces();
    case 'S':
      return spaces().complement();
    case 'p':
      return take_property(reader, false);
    case 'P':
      return take_property(reader, true);
    case 'x':
      return CharSet::of(reader.take_hex(2));
    case 'u':
      return CharSet::of(take_unicode(reader));
    case 'c':
      return CharSet::of(take_control_letter(reader));
    case '0':
      if (reader.at_digit()) reader.unsupported("an octal escape is");
      return CharSet::of(0);
    default:
      break;
  }
  if (const std::optional<char32_t> control = control_of(kind)) return CharSet::of(*control);
  const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  if (is_letter) reader.fail(core::message("unknown escape \"\\", kind, "\""));
  return CharSet::of(c);
}

}  // namespace transom::generation
