// SPDX-License-Identifier: Apache-2.0
#include "generation/constraint/regex.h"

#include <algorithm>
#include <utility>

#include "generation/constraint/char_escapes.h"
#include "generation/constraint/source_reader.h"

namespace transom::generation {

namespace {

class RegexParser {
 public:
  RegexParser(Grammar& grammar, std::string_view source,
              const std::function<NodeId(const CharSet&)>& characters)
      : grammar_(grammar), reader_(source), characters_(characters) {}

  std::vector<RegexAlternative> run() {
    std::vector<RegexAlternative> out;
    do {
      out.push_back(outer_alternative());
    } while (reader_.take("|"));
    if (!reader_.done()) reader_.fail("')' without '('");
    return out;
  }

 private:
  RegexAlternative outer_alternative() {
    RegexAlternative out{};
    while (reader_.take("^") || reader_.take("\\A")) out.from_start = true;
    std::vector<NodeId> parts = sequence();
    while (reader_.take("$") || reader_.take("\\z") || reader_.take("\\Z")) out.to_end = true;
    if (!reader_.done() && reader_.peek() != '|' && reader_.peek() != ')') {
      reader_.unsupported("'$' before the end of an alternative is");
    }
    out.node = grammar_.sequence(std::move(parts));
    return out;
  }

  NodeId alternatives() {
    std::vector<NodeId> out;
    do {
      out.push_back(grammar_.sequence(sequence()));
      if (at_end_anchor()) reader_.unsupported("'$' inside a group is");
    } while (reader_.take("|"));
    return grammar_.choice(std::move(out));
  }

  bool at_end_anchor() const { return reader_.at("$") || reader_.at("\\z") || reader_.at("\\Z"); }

  std::vector<NodeId> sequence() {
    std::vector<NodeId> parts;
    while (!reader_.done() && reader_.peek() != '|' && reader_.peek() != ')' && !at_end_anchor()) {
      parts.push_back(quantified(atom()));
    }
    return parts;
  }

  NodeId atom() {
    if (reader_.peek() == '(') return group();
    if (reader_.take(".")) {
      return characters_(CharSet({{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}}).complement());
    }
    if (reader_.take("[")) return characters_(char_class());
    if (reader_.at("^")) reader_.unsupported("'^' behind the beginning of an alternative is");
    if (reader_.at("*") || reader_.at("+") || reader_.at("?")) reader_.fail("nothing to repeat");
    if (reader_.at("\\")) return characters_(escape());
    return characters_(CharSet::of(reader_.take_character()));
  }

  NodeId group() {
    const Nesting nesting(depth_, reader_);
    for (const auto& [prefix, what] :
         {std::pair("(?=", "lookahead is"), std::pair("(?!", "lookahead is"),
          std::pair("(?<=", "lookbehind is"), std::pair("(?<!", "lookbehind is"),
          std::pair("(?>", "an atomic group is"), std::pair("(?#", "a comment is"),
          std::pair("(?P=", "a backreference is"), std::pair("(?P>", "a subroutine call is"),
          std::pair("(?(", "a conditional group is")}) {
      if (reader_.at(prefix)) reader_.unsupported(what);
    }
    if (reader_.take("(?<") || reader_.take("(?P<")) {
      while (!reader_.done() && reader_.peek() != '>') reader_.take_character();
      reader_.expect(">");
    } else if (!reader_.take("(?:")) {
      if (reader_.at("(?")) reader_.unsupported("an inline flag is");
      reader_.expect("(");
    }
    const NodeId inner = alternatives();
    if (!reader_.take(")")) reader_.fail("'(' without ')'");
    return inner;
  }

  NodeId quantified(NodeId node) {
    std::uint32_t min = 0;
    std::uint32_t max = kUnlimited;
    if (reader_.take("*")) {
    } else if (reader_.take("+")) {
      min = 1;
    } else if (reader_.take("?")) {
      max = 1;
    } else if (!take_counts(min, max)) {
      return node;
    }
    if (!reader_.take("?") && reader_.at("+")) reader_.unsupported("a possessive quantifier is");
    if (reader_.at("*") || reader_.at("+") || reader_.at("?")) reader_.fail("two quantifiers in a row");
    return grammar_.repeat(node, min, max);
  }

  /// {m}, {m,} or {m,n}; another brace stands for itself.
  bool take_counts(std::uint32_t& min, std::uint32_t& max) {
    if (!is_counts(reader_.rest())) return false;
    reader_.expect("{");
    min = max = reader_.take_number();
    if (reader_.take(",")) max = reader_.at_digit() ? reader_.take_number() : kUnlimited;
    if (max < min) reader_.fail(core::message("expected {m,n} with m <= n, found {", min, ",", max, "}"));
    reader_.expect("}");
    return true;
  }

  static bool is_counts(std::string_view text) {
    const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
    if (text.size() < 3 || text[0] != '{' || !is_digit(text[1])) return false;
    std::size_t i = 1;
    while (i < text.size() && is_digit(text[i])) ++i;
    if (i < text.size() && text[i] == ',') ++i;
    while (i < text.size() && is_digit(text[i])) ++i;
    return i < text.size() && text[i] == '}';
  }

  /// Behind the opening bracket.
  CharSet char_class() {
    const bool negated = reader_.take("^");
    if (reader_.at("]")) reader_.fail("an empty class (write \\] for the bracket)");
    std::vector<CodeRange> ranges;
    while (!reader_.take("]")) {
      if (reader_.done()) reader_.fail("'[' without ']'");
      if (reader_.at("[:")) reader_.unsupported("a class of the form [:name:] is");
      if (reader_.at("&&") || reader_.at("--")) reader_.unsupported("an operation on classes is");
      const CharSet first = class_atom();
      if (reader_.peek() != '-' || reader_.at("-]")) {
        ranges.insert(ranges.end(), first.ranges().begin(), first.ranges().end());
        continue;
      }
      reader_.expect("-");
      const CharSet last = class_atom();
      if (!is_single(first) || !is_single(last) || last.ranges()[0].first < first.ranges()[0].first) {
        reader_.fail("expected a range from one character to a later one");
      }
      ranges.push_back({first.ranges()[0].first, last.ranges()[0].first});
    }
    const CharSet set(std::move(ranges));
    return negated ? set.complement() : set;
  }

  static bool is_single(const CharSet& set) {
    return set.ranges().size() == 1 && set.ranges()[0].first == set.ranges()[0].last;
  }

  CharSet class_atom() {
    if (reader_.take("\\b")) return CharSet::of('\b');
    if (reader_.at("\\")) return escape();
    return CharSet::of(reader_.take_character());
  }

  CharSet escape() {
    reader_.expect("\\");
    return take_regex_escape(reader_);
  }

  Grammar& grammar_;
  SourceReader reader_;
  const std::function<NodeId(const CharSet&)>& characters_;
  std::uint32_t depth_ = 0;
};

}  // namespace

std::vector<RegexAlternative> parse_regex_into(Grammar& grammar, std::string_view source,
                                               const std::function<NodeId(const CharSet&)>& characters) {
  return RegexParser(grammar, source, characters).run();
}

Grammar parse_regex(std::string_view source) {
  Grammar grammar;
  grammar.root = grammar.add_rule("root");
  std::vector<NodeId> alternatives;
  for (const RegexAlternative& alternative :
       parse_regex_into(grammar, source, [&](const CharSet& set) { return grammar.set(set); })) {
    alternatives.push_back(alternative.node);
  }
  grammar.define(grammar.root, grammar.choice(std::move(alternatives)));
  return grammar;
}

}  // namespace transom::generation
