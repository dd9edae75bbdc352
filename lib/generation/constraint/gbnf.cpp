// SPDX-License-Identifier: Apache-2.0
#include "generation/constraint/gbnf.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "generation/constraint/source_reader.h"
#include "text/utf8.h"

namespace transom::generation {

namespace {

class GbnfParser {
 public:
  explicit GbnfParser(std::string_view source) : reader_(source) {}

  Grammar run() {
    skip_space(true);
    while (!reader_.done()) {
      rule();
      skip_space(true);
    }
    for (const auto& [name, rule] : rules_) {
      if (!rule.defined) throw FormatError(core::message("rule \"", name, "\" is used but not defined"));
    }
    const auto root = rules_.find("root");
    if (root == rules_.end()) throw FormatError("expected a rule \"root\"");
    grammar_.root = root->second.id;
    return std::move(grammar_);
  }

 private:
  struct Rule {
    RuleId id;
    bool defined = false;
  };

  /// Spaces and comments; ends of lines too where a rule goes on.
  void skip_space(bool lines) {
    for (;;) {
      if (reader_.at("#")) {
        while (!reader_.done() && reader_.peek() != '\n' && reader_.peek() != '\r') reader_.take_character();
      }
      if (reader_.take(" ") || reader_.take("\t")) continue;
      if (lines && (reader_.take("\n") || reader_.take("\r"))) continue;
      return;
    }
  }

  static bool is_name(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  }

  std::string take_name() {
    std::string name;
    for (; is_name(reader_.peek()); reader_.take_character()) name.push_back(reader_.peek());
    if (name.empty()) reader_.fail("expected the name of a rule");
    return name;
  }

  Rule& named(const std::string& name) {
    const auto known = rules_.find(name);
    if (known != rules_.end()) return known->second;
    return rules_.emplace(name, Rule{grammar_.add_rule(name)}).first->second;
  }

  void rule() {
    const std::string name = take_name();
    skip_space(false);
    reader_.expect("::=");
    skip_space(true);
    const NodeId body = alternatives(false);
    if (!reader_.done() && !reader_.at("\n") && !reader_.at("\r"))
      reader_.fail("expected the end of the rule");
    Rule& rule = named(name);
    if (rule.defined) reader_.fail(core::message("rule \"", name, "\" is defined a second time, before"));
    rule.defined = true;
    grammar_.define(rule.id, body);
  }

  /// @param nested Inside parentheses, where lines do not matter.
  NodeId alternatives(bool nested) {
    std::vector<NodeId> out{sequence(nested)};
    while (reader_.take("|")) {
      skip_space(true);
      out.push_back(sequence(nested));
    }
    return grammar_.choice(std::move(out));
  }

  NodeId sequence(bool nested) {
    std::vector<NodeId> parts;
    for (;;) {
      const char c = reader_.peek();
      if (reader_.done() || c == '|' || c == ')' || c == '\n' || c == '\r') break;
      parts.push_back(quantified(part()));
      skip_space(nested);
    }
    return grammar_.sequence(std::move(parts));
  }

  NodeId part() {
    if (reader_.take("\"")) return literal();
    if (reader_.take("[")) return grammar_.set(char_class());
    if (reader_.take(".")) return grammar_.set(CharSet::all());
    if (reader_.at("<") || reader_.at("!<")) reader_.unsupported("a token by name or number is");
    if (reader_.at("*") || reader_.at("+") || reader_.at("?") || reader_.at("{"))
      reader_.fail("nothing to repeat");
    if (!reader_.take("(")) return grammar_.call(named(take_name()).id);
    const Nesting nesting(depth_, reader_);
    skip_space(true);
    const NodeId inner = alternatives(true);
    if (!reader_.take(")")) reader_.fail("'(' without ')'");
    return inner;
  }

  NodeId quantified(NodeId node) {
    for (std::uint32_t n = 0;; ++n) {
      if (n > kMaxNesting) reader_.unsupported("so many quantifiers in a row are");
      skip_space(false);
      if (reader_.take("*")) {
        node = grammar_.repeat(node, 0, kUnlimited);
      } else if (reader_.take("+")) {
        node = grammar_.repeat(node, 1, kUnlimited);
      } else if (reader_.take("?")) {
        node = grammar_.repeat(node, 0, 1);
      } else if (reader_.take("{")) {
        node = counted(node);
      } else {
        return node;
      }
    }
  }

  NodeId counted(NodeId node) {
    skip_space(true);
    const std::uint32_t min = reader_.at(",") ? 0 : reader_.take_number();
    std::uint32_t max = min;
    skip_space(true);
    if (reader_.take(",")) {
      skip_space(true);
      max = reader_.at_digit() ? reader_.take_number() : kUnlimited;
      skip_space(true);
    }
    reader_.expect("}");
    if (max < min) reader_.fail(core::message("expected {m,n} with m <= n, found {", min, ",", max, "}"));
    return grammar_.repeat(node, min, max);
  }

  NodeId literal() {
    std::string bytes;
    while (!reader_.take("\"")) {
      if (reader_.done()) reader_.fail("a literal without its closing quote");
      text::append_utf8(bytes, character());
    }
    return grammar_.literal(bytes);
  }

  CharSet char_class() {
    const bool negated = reader_.take("^");
    std::vector<CodeRange> ranges;
    while (!reader_.take("]")) {
      if (reader_.done()) reader_.fail("'[' without ']'");
      const char32_t first = character();
      char32_t last = first;
      if (reader_.at("-") && !reader_.at("-]")) {
        reader_.expect("-");
        last = character();
      }
      if (last < first) reader_.fail("expected a range from one character to a later one");
      ranges.push_back({first, last});
    }
    const CharSet set(std::move(ranges));
    return negated ? set.complement() : set;
  }

  char32_t character() {
    if (!reader_.take("\\")) return reader_.take_character();
    switch (reader_.take_character()) {
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case '\\':
        return '\\';
      case '"':
        return '"';
      case '[':
        return '[';
      case ']':
        return ']';
      case 'x':
        return reader_.take_hex(2);
      case 'u':
        return scalar(reader_.take_hex(4));
      case 'U':
        return scalar(reader_.take_hex(8));
      default:
        reader_.fail("unknown escape before");
    }
  }

  char32_t scalar(char32_t value) const {
    if (value >= 0xD800 && value <= 0xDFFF) reader_.fail("expected a character, found a surrogate before");
    return value;
  }

  Grammar grammar_;
  SourceReader reader_;
  std::map<std::string, Rule> rules_;
  std::uint32_t depth_ = 0;
};

}  // namespace

Grammar parse_gbnf(std::string_view source) { return GbnfParser(source).run(); }

}  // namespace transom::generation
