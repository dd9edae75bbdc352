// SPDX-License-Identifier: Apache-2.0
#include "generation/constraint/json_text.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "generation/constraint/json_formats.h"
#include "generation/constraint/regex.h"
#include "text/utf8.h"

namespace transom::generation {

namespace {

constexpr std::uint32_t kDigits = 16;
constexpr std::uint32_t kAnyDepth = 16;
/// Names are told apart up to here; a further property then differs from a longer name before that.
constexpr std::uint32_t kNameDepth = 100;

/// What may stand in a string only as an escape.
const CharSet& escaped() {
  static const CharSet set({{0, 0x1F}, {'"', '"'}, {'\\', '\\'}});
  return set;
}

std::string escape_of(char32_t c) {
  switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\b':
      return "\\b";
    case '\f':
      return "\\f";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    default:
      break;
  }
  constexpr char kHex[] = "0123456789abcdef";
  return {'\\', 'u', '0', '0', kHex[(c >> 4) & 15], kHex[c & 15]};
}

std::string number_text(double value) {
  char buffer[64];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr};
}

std::u32string code_points(std::string_view text) {
  std::u32string out;
  for (const char* p = text.data(); p != text.data() + text.size();) out.push_back(text::next_code_point(p));
  return out;
}

}  // namespace

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (escaped().contains(byte)) {
      out += escape_of(byte);
    } else {
      out.push_back(c);
    }
  }
  return out + '"';
}

std::string json_of(const io::Json& value) {
  std::string out;
  switch (value.kind()) {
    case io::Json::Kind::null:
      return "null";
    case io::Json::Kind::boolean:
      return value.as_bool("") ? "true" : "false";
    case io::Json::Kind::integer:
      return std::to_string(value.as_int(""));
    case io::Json::Kind::number:
      return number_text(value.as_double(""));
    case io::Json::Kind::string:
      return json_string(value.as_string(""));
    case io::Json::Kind::array:
      for (const io::Json& element : value.as_array("")) out += (out.empty() ? "" : ",") + json_of(element);
      return "[" + out + "]";
    case io::Json::Kind::object:
      for (const auto& [name, member] : value.as_object("")) {
        out += (out.empty() ? "" : ",") + json_string(name) + ":" + json_of(member);
      }
      return "{" + out + "}";
  }
  return out;
}

NodeId JsonText::shared(std::optional<NodeId>& node, NodeId (JsonText::*make)()) {
  if (!node) node = (this->*make)();
  return *node;
}
NodeId JsonText::comma() { return shared(comma_, &JsonText::make_comma); }
NodeId JsonText::colon() { return shared(colon_, &JsonText::make_colon); }
NodeId JsonText::string_character() { return shared(string_character_, &JsonText::make_string_character); }
NodeId JsonText::any_string() { return shared(any_string_, &JsonText::make_any_string); }
NodeId JsonText::integer() { return shared(integer_, &JsonText::make_integer); }
NodeId JsonText::number() { return shared(number_, &JsonText::make_number); }

NodeId JsonText::make_comma() {
  return grammar_.sequence({grammar_.literal(","), grammar_.optional(grammar_.literal(" "))});
}

NodeId JsonText::make_colon() {
  return grammar_.sequence({grammar_.literal(":"), grammar_.optional(grammar_.literal(" "))});
}

/// One character of the string's value: so minLength and maxLength count right.
NodeId JsonText::make_string_character() {
  const CharSet hex({{'0', '9'}, {'A', 'F'}, {'a', 'f'}});
  const NodeId plain = grammar_.set(escaped().complement());
  const NodeId digit = grammar_.set(hex);
  const NodeId letter = grammar_.set(CharSet(
      {{'"', '"'}, {'\\', '\\'}, {'/', '/'}, {'b', 'b'}, {'f', 'f'}, {'n', 'n'}, {'r', 'r'}, {'t', 't'}}));
  const NodeId d = grammar_.set(CharSet({{'D', 'D'}, {'d', 'd'}}));
  const NodeId three = grammar_.repeat(digit, 3, 3);
  const NodeId two = grammar_.repeat(digit, 2, 2);
  // \uXXXX that is no surrogate; then a pair of surrogates.
  const NodeId unit = grammar_.choice(
      {grammar_.sequence({grammar_.set(hex.without(CharSet({{'D', 'D'}, {'d', 'd'}}))), three}),
       grammar_.sequence({d, grammar_.set(CharSet({{'0', '7'}})), two})});
  const NodeId pair =
      grammar_.sequence({d, grammar_.set(CharSet({{'8', '9'}, {'A', 'B'}, {'a', 'b'}})), two,
                         grammar_.literal("\\u"), d, grammar_.set(CharSet({{'C', 'F'}, {'c', 'f'}})), two});
  const NodeId coded = grammar_.sequence({grammar_.literal("u"), grammar_.choice({unit, pair})});
  return grammar_.choice(
      {plain, grammar_.sequence({grammar_.literal("\\"), grammar_.choice({letter, coded})})});
}

NodeId JsonText::characters(const CharSet& set) {
  std::vector<NodeId> spellings{grammar_.set(set.without(escaped()))};
  for (const CodeRange& range : escaped().ranges()) {
    for (char32_t c = range.first; c <= range.last; ++c) {
      if (set.contains(c)) spellings.push_back(grammar_.literal(escape_of(c)));
    }
  }
  return grammar_.choice(std::move(spellings));
}

NodeId JsonText::make_any_string() {
  const RuleId rule = grammar_.add_rule("string");
  grammar_.define(rule, string(0, kUnlimited));
  return grammar_.call(rule);
}

NodeId JsonText::string(std::uint32_t min, std::uint32_t max) {
  const NodeId quote = grammar_.literal("\"");
  return grammar_.sequence({quote, grammar_.repeat(string_character(), min, max), quote});
}

NodeId JsonText::string_matching(std::string_view pattern) {
  const NodeId anything = grammar_.repeat(string_character(), 0, kUnlimited);
  std::vector<NodeId> alternatives;
  for (const RegexAlternative& alternative :
       parse_regex_into(grammar_, pattern, [this](const CharSet& set) { return characters(set); })) {
    std::vector<NodeId> parts;
    if (!alternative.from_start) parts.push_back(anything);
    parts.push_back(alternative.node);
    if (!alternative.to_end) parts.push_back(anything);
    alternatives.push_back(grammar_.sequence(std::move(parts)));
  }
  const NodeId quote = grammar_.literal("\"");
  return grammar_.sequence({quote, grammar_.choice(std::move(alternatives)), quote});
}

NodeId JsonText::string_except(const std::vector<std::string>& names) {
  if (names.empty()) return any_string();
  std::vector<std::u32string> texts;
  for (const std::string& name : names) texts.push_back(code_points(name));
  std::sort(texts.begin(), texts.end());
  const NodeId quote = grammar_.literal("\"");
  return grammar_.sequence({quote, name_except(Suffixes(texts.begin(), texts.end()), 0), quote});
}

/// Without escapes: with them every name could be spelled in other ways.
/// @param names The rest of those that fit so far, ascending.
NodeId JsonText::name_except(const Suffixes& names, std::uint32_t depth) {
  std::vector<NodeId> alternatives;
  CharSet others = escaped().complement();
  if (names.empty() || !names[0].empty()) alternatives.push_back(grammar_.empty());
  std::vector<CodeRange> firsts;
  for (std::size_t i = 0; i < names.size();) {
    if (names[i].empty()) {
      ++i;
      continue;
    }
    const char32_t first = names[i][0];
    firsts.push_back({first, first});
    Suffixes rest;
    for (; i < names.size() && names[i].starts_with(first); ++i) rest.push_back(names[i].substr(1));
    if (depth >= kNameDepth || escaped().contains(first)) continue;
    alternatives.push_back(grammar_.sequence({grammar_.character(first), name_except(rest, depth + 1)}));
  }
  const NodeId anything = grammar_.repeat(grammar_.set(others), 0, kUnlimited);
  alternatives.push_back(grammar_.sequence({grammar_.set(others.without(CharSet(firsts))), anything}));
  return grammar_.choice(std::move(alternatives));
}

std::optional<NodeId> JsonText::string_of_format(std::string_view format) {
  const std::string_view expression = format_expression(format);
  if (expression.empty()) return std::nullopt;
  return string_matching(expression);
}

NodeId JsonText::make_integer() {
  const NodeId digit = grammar_.set(CharSet({{'0', '9'}}));
  const NodeId number =
      grammar_.sequence({grammar_.optional(grammar_.literal("-")), grammar_.set(CharSet({{'1', '9'}})),
                         grammar_.repeat(digit, 0, kDigits - 1)});
  return grammar_.choice({grammar_.literal("0"), number});
}

NodeId JsonText::make_number() {
  const NodeId digit = grammar_.set(CharSet({{'0', '9'}}));
  const NodeId whole = grammar_.choice(
      {grammar_.literal("0"),
       grammar_.sequence({grammar_.set(CharSet({{'1', '9'}})), grammar_.repeat(digit, 0, kDigits - 1)})});
  const NodeId fraction = grammar_.sequence({grammar_.literal("."), grammar_.repeat(digit, 1, kDigits)});
  const NodeId exponent = grammar_.sequence(
      {grammar_.set(CharSet({{'E', 'E'}, {'e', 'e'}})),
       grammar_.optional(grammar_.set(CharSet({{'+', '+'}, {'-', '-'}}))), grammar_.repeat(digit, 1, 2)});
  const RuleId rule = grammar_.add_rule("number");
  grammar_.define(rule, grammar_.sequence({grammar_.optional(grammar_.literal("-")), whole,
                                           grammar_.optional(fraction), grammar_.optional(exponent)}));
  return grammar_.call(rule);
}

NodeId JsonText::any_value(std::uint32_t depth) {
  if (depth < any_values_.size()) return grammar_.call(any_values_[depth]);
  const RuleId rule = grammar_.add_rule("value");
  any_values_.push_back(rule);
  std::vector<NodeId> kinds{grammar_.literal("null"), grammar_.literal("true"), grammar_.literal("false"),
                            any_string(), number()};
  if (depth < kAnyDepth) kinds.push_back(any_container(depth));
  grammar_.define(rule, grammar_.choice(std::move(kinds)));
  return grammar_.call(rule);
}

NodeId JsonText::any_container(std::uint32_t depth) {
  const NodeId value = any_value(depth + 1);
  const NodeId member = grammar_.sequence({any_string(), colon(), value});
  const auto list = [this](NodeId element) {
    const NodeId more = grammar_.repeat(grammar_.sequence({comma(), element}), 0, kUnlimited);
    return grammar_.optional(grammar_.sequence({element, more}));
  };
  return grammar_.choice({grammar_.sequence({grammar_.literal("{"), list(member), grammar_.literal("}")}),
                          grammar_.sequence({grammar_.literal("["), list(value), grammar_.literal("]")})});
}

}  // namespace transom::generation
