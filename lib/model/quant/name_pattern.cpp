// SPDX-License-Identifier: Apache-2.0
#include "model/quant/name_pattern.h"

#include <optional>

#include "core/checks.h"
#include "transom/error.h"

namespace transom::model {

using core::message;

namespace {

constexpr std::size_t kMaxSteps = 1024;
constexpr int kMaxDepth = 50;
constexpr std::size_t kMaxRepeats = 1000;

using Bytes = std::bitset<256>;

Bytes byte_range(unsigned first, unsigned last) {
  Bytes bytes;
  for (unsigned byte = first; byte <= last; ++byte) bytes.set(byte);
  return bytes;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_alphanumeric(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// The set of \d, \w, \s and of \D, \W, \S.
std::optional<Bytes> class_escape(char c) {
  const Bytes digits = byte_range('0', '9');
  switch (c) {
    case 'd':
      return digits;
    case 'D':
      return ~digits;
    case 'w':
    case 'W': {
      Bytes word = digits | byte_range('a', 'z') | byte_range('A', 'Z');
      word.set('_');
      return c == 'w' ? word : ~word;
    }
    case 's':
    case 'S': {
      Bytes space = byte_range('\t', '\r');
      space.set(' ');
      return c == 's' ? space : ~space;
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

/// Recursive descent over alternatives, sequences and repeated atoms.
class NamePatternParser {
 public:
  NamePatternParser(std::string_view pattern, const std::string& where) : text_(pattern), where_(where) {}

  NamePattern::Steps parse() {
    Steps steps = alternatives(0);
    if (!at_end()) fail("an unmatched )");
    steps.push_back({Kind::accept, {}, 1, 1});
    return steps;
  }

 private:
  using Steps = NamePattern::Steps;
  using Kind = NamePattern::Kind;

  bool at_end() const { return at_ == text_.size(); }
  bool next_is(char c) const { return !at_end() && text_[at_] == c; }
  bool skip(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  [[noreturn]] void fail(std::string_view found) const {
    throw FormatError(message(where_, ": expected a regular expression, found ", found, " at byte ", at_,
                              " of \"", text_, "\""));
  }
  [[noreturn]] void unsupported(std::string_view what) const {
    throw UnsupportedError(
        message(where_, ": ", what, " at byte ", at_, " of \"", text_, "\" is not supported"));
  }

  void append(Steps& steps, const Steps& more) const {
    if (steps.size() + more.size() > kMaxSteps) {
      throw UnsupportedError(
          message(where_, ": the regular expression \"", text_.substr(0, 80), "\" is too large"));
    }
    steps.insert(steps.end(), more.begin(), more.end());
  }

  static std::ptrdiff_t length(const Steps& steps) { return static_cast<std::ptrdiff_t>(steps.size()); }

  Steps alternatives(int depth) {
    if (depth > kMaxDepth) unsupported("groups this deep");
    Steps steps = sequence(depth);
    while (next_is('|')) {
      ++at_;
      const Steps other = sequence(depth);
      Steps both{{Kind::split, {}, 1, length(steps) + 2}};
      append(both, steps);
      append(both, {{Kind::jump, {}, length(other) + 1, 1}});
      append(both, other);
      steps = std::move(both);
    }
    return steps;
  }

  Steps sequence(int depth) {
    Steps steps;
    while (!at_end() && !next_is('|') && !next_is(')')) append(steps, repeated(depth));
    return steps;
  }

  Steps repeated(int depth) {
    const Steps once = atom(depth);
    std::size_t least = 1;
    std::optional<std::size_t> most = 1;
    if (!repetition(least, most)) return once;
    if (next_is('+')) unsupported("a possessive repetition");
    skip("?");  // lazy: takes less, matches the same
    std::size_t ignored = 0;
    std::optional<std::size_t> ignored_too;
    if (repetition(ignored, ignored_too)) fail("a second repetition");
    Steps steps;
    for (std::size_t i = 0; i < least; ++i) append(steps, once);
    if (!most) {
      append(steps, {{Kind::split, {}, 1, length(once) + 2}});
      append(steps, once);
      append(steps, {{Kind::jump, {}, -length(once) - 1, 1}});
      return steps;
    }
    for (std::size_t i = least; i < *most; ++i) {
      append(steps, {{Kind::split, {}, 1, length(once) + 1}});
      append(steps, once);
    }
    return steps;
  }

  /// Reads `*`, `+`, `?` or `{m,n}`; no `most` is without end. False, and nothing read, when there is none.
  bool repetition(std::size_t& least, std::optional<std::size_t>& most) {
    if (skip("*")) return least = 0, most = std::nullopt, true;
    if (skip("+")) return least = 1, most = std::nullopt, true;
    if (skip("?")) return least = 0, most = 1, true;
    if (!next_is('{')) return false;
    const std::size_t start = at_++;
    const auto low = number();
    const bool comma = skip(",");
    const auto high = number();
    if (!skip("}") || (!low && !comma)) {  // a brace that repeats nothing is itself
      at_ = start;
      return false;
    }
    least = low.value_or(0);
    most = comma ? high : low;
    if (most && *most < least) fail("a repetition with its limits exchanged");
    return true;
  }

  std::optional<std::size_t> number() {
    if (at_end() || !is_digit(text_[at_])) return std::nullopt;
    std::size_t value = 0;
    for (; !at_end() && is_digit(text_[at_]); ++at_) {
      value = value * 10 + static_cast<std::size_t>(text_[at_] - '0');
      if (value > kMaxRepeats) unsupported("that many repetitions");
    }
    return value;
  }

  Steps atom(int depth) {
    const char c = text_[at_];
    if (c == '(') return group(depth);
    if (c == '[') return one_of(bracket());
    if (c == '\\') return escape();
    if (c == '*' || c == '+' || c == '?') fail("a repetition of nothing");
    ++at_;
    if (c == '.') return one_of(~byte_range('\n', '\n'));
    if (c == '^') return {{Kind::at_start, {}, 1, 1}};
    if (c == '$') return {{Kind::at_end, {}, 1, 1}};
    return literal(c);
  }

  Steps group(int depth) {
    ++at_;
    if (next_is('?') && !skip("?:")) unsupported("a group that begins with (?");
    Steps steps = alternatives(depth + 1);
    if (!skip(")")) fail("a group without its end");
    return steps;
  }

  Steps escape() {
    if (++at_ == text_.size()) fail("a lone backslash");
    const char c = text_[at_];
    if (const auto set = class_escape(c)) return ++at_, one_of(*set);
    if (c == 'A') return ++at_, Steps{{Kind::at_start, {}, 1, 1}};
    if (c == 'Z') return ++at_, Steps{{Kind::at_end, {}, 1, 1}};
    if (is_alphanumeric(c)) unsupported("an escape of this letter or digit");
    ++at_;
    return literal(c);
  }

  /// [...], up to and with its end.
  Bytes bracket() {
    ++at_;
    const bool negated = skip("^");
    Bytes set;
    for (bool first = true; first || !next_is(']'); first = false) {
      if (at_end()) fail("a class without its end");
      const auto low = bracket_item(set);
      if (!low) continue;
      if (!next_is('-') || text_.substr(at_ + 1, 1) == "]") {
        set.set(*low);
        continue;
      }
      ++at_;
      if (at_end()) fail("a class without its end");
      const auto high = bracket_item(set);
      if (!high || *high < *low) fail("a range without order");
      set |= byte_range(*low, *high);
    }
    ++at_;
    return negated ? ~set : set;
  }

  /// One character, or nothing after a \d and its like, which is added to the set.
  std::optional<unsigned> bracket_item(Bytes& set) {
    char c = text_[at_++];
    if (c == '\\') {
      if (at_end()) fail("a lone backslash");
      c = text_[at_++];
      if (const auto escaped = class_escape(c)) {
        set |= *escaped;
        return std::nullopt;
      }
      if (is_alphanumeric(c)) unsupported("an escape of this letter or digit");
    }
    if ((static_cast<unsigned char>(c) & 0x80u) != 0) unsupported("a class with a character beyond ASCII");
    return static_cast<unsigned char>(c);
  }

  static Steps one_of(const Bytes& bytes) { return {{Kind::bytes, bytes, 1, 1}}; }
  static Steps literal(char c) {
    const unsigned byte = static_cast<unsigned char>(c);
    return one_of(byte_range(byte, byte));
  }

  std::string_view text_;
  const std::string& where_;
  std::size_t at_ = 0;
};

NamePattern::NamePattern(std::string_view pattern, const std::string& where)
    : steps_(NamePatternParser(pattern, where).parse()) {}

bool NamePattern::matches(std::string_view name) const {
  // The steps that could come next, each once, for one position of the name after the other.
  std::vector<std::size_t> current{0}, next;
  std::vector<std::size_t> seen(steps_.size(), name.size() + 1);  // the last position a step was listed for
  seen[0] = 0;
  for (std::size_t at = 0; at <= name.size(); ++at) {
    const auto list = [&](std::vector<std::size_t>& steps, std::size_t step, std::size_t position) {
      if (seen[step] == position) return;
      seen[step] = position;
      steps.push_back(step);
    };
    for (std::size_t i = 0; i < current.size(); ++i) {  // grows
      const std::size_t index = current[i];
      const Step& step = steps_[index];
      const auto to = [&](std::ptrdiff_t offset) {
        return static_cast<std::size_t>(static_cast<std::ptrdiff_t>(index) + offset);
      };
      switch (step.kind) {
        case Kind::accept:
          return true;
        case Kind::bytes:
          if (at < name.size() && step.bytes[static_cast<unsigned char>(name[at])])
            list(next, index + 1, at + 1);
          break;
        case Kind::split:
          list(current, to(step.other), at);
          [[fallthrough]];
        case Kind::jump:
          list(current, to(step.first), at);
          break;
        case Kind::at_start:
          if (at == 0) list(current, index + 1, at);
          break;
        case Kind::at_end:
          if (at == name.size()) list(current, index + 1, at);
          break;
      }
    }
    current.swap(next);
    next.clear();
  }
  return false;
}

}  // namespace transom::model
