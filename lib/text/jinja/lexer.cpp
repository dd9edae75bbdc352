// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/lexer.h"

#include <algorithm>
#include <charconv>

#include "core/checks.h"
#include "text/jinja/limits.h"
#include "text/jinja/numbers.h"
#include "text/jinja/string_literal.h"
#include "text/jinja/strings.h"
#include "text/unicode.h"
#include "text/utf8.h"
#include "transom/error.h"

namespace transom::text::jinja {

namespace {

/// One kind of line end, and no line end at the very end.
std::string normalize_newlines(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

class Lexer {
 public:
  Lexer(std::string source, std::string_view name) : source_(std::move(source)), name_(name) {}

  std::vector<Token> run() {
    while (pos_ < source_.size()) lex_root();
    Token end;
    end.line = line_;
    tokens_.push_back(std::move(end));
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail(std::string_view problem) const {
    throw FormatError(core::message(name_, ", line ", line_, ": ", problem));
  }

  std::string_view rest() const { return std::string_view(source_).substr(pos_); }
  bool at(std::string_view text) const { return rest().substr(0, text.size()) == text; }

  /// Moves on, counting lines.
  void skip(std::size_t bytes) {
    const std::string_view passed = rest().substr(0, bytes);
    line_ += static_cast<int>(std::count(passed.begin(), passed.end(), '\n'));
    if (!passed.empty()) line_starting_ = passed.back() == '\n';
    pos_ += bytes;
  }
  void skip_space() { skip(rest().size() - strip_left(rest()).size()); }
  void skip_newline() {
    if (at("\n")) skip(1);
  }

  void push(Token::Kind kind, std::string text) {
    Token token;
    token.kind = kind;
    token.line = line_;
    token.text = std::move(text);
    tokens_.push_back(std::move(token));
  }

  /// Reads '-' or '+' behind an opening bracket; 0 when there is none.
  char sign_at(std::size_t offset) const {
    const char c = pos_ + offset < source_.size() ? source_[pos_ + offset] : '\0';
    return c == '-' || c == '+' ? c : '\0';
  }

  /// Emits text in front of a tag whose sign is known. `may_lstrip`: blocks and comments swallow the blanks
  /// between them and the beginning of their line.
  void push_data(std::string_view text, char sign, bool may_lstrip) {
    std::string_view kept = text;
    if (sign == '-') {
      kept = strip_right(text);
    } else if (sign != '+' && may_lstrip) {
      const std::size_t newline = text.rfind('\n');
      const std::size_t line_begin = newline == text.npos ? 0 : newline + 1;
      const bool whole_line = newline != text.npos || line_starting_;
      if (whole_line && strip_left(text.substr(line_begin)).empty()) kept = text.substr(0, line_begin);
    }
    if (!kept.empty()) push(Token::Kind::data, std::string(kept));
    skip(text.size());
  }

  /// The place of the next "{{", "{%" or "{#".
  std::size_t find_tag() const {
    for (std::size_t i = source_.find('{', pos_); i != source_.npos; i = source_.find('{', i + 1)) {
      if (i + 1 < source_.size() && std::string_view("{%#").find(source_[i + 1]) != std::string_view::npos)
        return i;
    }
    return source_.npos;
  }

  void lex_root() {
    const std::size_t tag = find_tag();
    if (tag == source_.npos) {
      push(Token::Kind::data, std::string(rest()));
      skip(rest().size());
      return;
    }
    const std::string_view text = rest().substr(0, tag - pos_);
    const char type = source_[tag + 1];
    const char sign = sign_at(tag - pos_ + 2);
    push_data(text, sign, type != '{');
    const std::size_t opening = sign != '\0' ? 3 : 2;
    if (type == '#') return lex_comment(opening);
    if (type == '%') {
      if (const std::size_t raw = word_tag("raw", false)) return lex_raw(raw);
    }
    push(type == '{' ? Token::Kind::variable_begin : Token::Kind::block_begin, "");
    skip(opening);
    lex_tag(type == '%');
  }

  void lex_comment(std::size_t opening) {
    const std::size_t end = source_.find("#}", pos_ + opening);
    if (end == source_.npos) fail("the end of a comment, \"#}\", is missing");
    const char before = end > pos_ + opening ? source_[end - 1] : '\0';
    skip(end + 2 - pos_);
    if (before == '-') {
      skip_space();
    } else if (before != '+') {
      skip_newline();
    }
  }

  /// The length of a tag here that holds one word only ("{%- raw %}"), its trailing space included; else 0.
  /// `is_end`: the tag ends as other blocks do.
  std::size_t word_tag(std::string_view word, bool is_end) const {
    std::string_view text = rest().substr(2);
    if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
    text = strip_left(text);
    if (!text.starts_with(word)) return 0;
    text = strip_left(text.substr(word.size()));
    if (text.starts_with("-%}")) {
      text = strip_left(text.substr(3));
    } else if (is_end && text.starts_with("+%}")) {
      text.remove_prefix(3);
    } else if (text.starts_with("%}")) {
      text.remove_prefix(2);
      if (is_end && text.starts_with("\n")) text.remove_prefix(1);
    } else {
      return 0;
    }
    return rest().size() - text.size();
  }

  void lex_raw(std::size_t opening) {
    skip(opening);
    const std::size_t begin = pos_;
    for (std::size_t i = source_.find("{%", pos_); i != source_.npos; i = source_.find("{%", i + 1)) {
      pos_ = i;
      const std::size_t closing = word_tag("endraw", true);
      const char sign = sign_at(2);
      pos_ = begin;
      if (closing == 0) continue;
      push_data(rest().substr(0, i - begin), sign, true);
      skip(closing);
      return;
    }
    fail("the end of a raw block, \"{% endraw %}\", is missing");
  }

  /// Consumes the end of the tag when it is here.
  bool lex_tag_end(bool is_block) {
    const std::string_view close = is_block ? "%}" : "}}";
    const bool minus = at("-") && rest().substr(1).starts_with(close);
    const bool plus = is_block && at("+") && rest().substr(1).starts_with(close);
    if (!minus && !plus && !at(close)) return false;
    push(is_block ? Token::Kind::block_end : Token::Kind::variable_end, "");
    skip(minus || plus ? 3 : 2);
    if (minus) {
      skip_space();
    } else if (is_block && !plus) {
      skip_newline();
    }
    return true;
  }

  void lex_tag(bool is_block) {
    std::string open;  // brackets that are not closed yet
    for (;;) {
      if (open.empty() && lex_tag_end(is_block)) return;
      skip_space();
      if (open.empty() && lex_tag_end(is_block)) return;
      if (pos_ >= source_.size()) return;  // the parser knows what is missing
      if (lex_number() || lex_name() || lex_string()) continue;
      lex_symbol(open);
    }
  }

  /// The length of digits that single underscores may separate.
  std::size_t digits(std::size_t offset) const {
    const std::string_view text = rest();
    std::size_t i = offset;
    while (i < text.size() && (is_digit(text[i]) || (text[i] == '_' && i > offset && i + 1 < text.size() &&
                                                     is_digit(text[i + 1]) && text[i - 1] != '_'))) {
      ++i;
    }
    return i - offset;
  }

  bool lex_number() {
    const std::string_view text = rest();
    if (!is_digit(text[0])) return false;
    const std::size_t whole = digits(0);
    std::size_t length = whole;
    if (length + 1 < text.size() && text[length] == '.' && is_digit(text[length + 1])) {
      length += 1 + digits(length + 1);
    }
    if (length < text.size() && (text[length] == 'e' || text[length] == 'E')) {
      std::size_t exponent = length + 1;
      if (exponent < text.size() && (text[exponent] == '+' || text[exponent] == '-')) ++exponent;
      if (exponent < text.size() && is_digit(text[exponent])) length = exponent + digits(exponent);
    }
    const bool member = pos_ > 0 && source_[pos_ - 1] == '.';  // x.0.5 is two members
    if (length > whole && !member) {
      push_real(std::string(text.substr(0, length)));
    } else {
      lex_integer(whole);
    }
    return true;
  }

  void push_real(std::string text) {
    const std::size_t length = text.size();
    std::erase(text, '_');
    push(Token::Kind::real, text);
    tokens_.back().real = parse_real(text).value_or(0);
    skip(length);
  }

  void lex_integer(std::size_t whole) {
    const std::string_view text = rest();
    std::size_t length = whole;
    int base = 10;
    std::size_t prefix = 0;
    if (text[0] == '0' && text.size() > 2) {
      const char mark = static_cast<char>(text[1] | 0x20);
      base = mark == 'x' ? 16 : mark == 'o' ? 8 : mark == 'b' ? 2 : 10;
      prefix = base != 10 ? 2 : 0;
      const auto in_base = [base](char c) {
        const char lower = static_cast<char>(c | 0x20);
        return c == '_' || (c >= '0' && c < '0' + std::min(base, 10)) ||
               (base == 16 && lower >= 'a' && lower <= 'f');
      };
      if (prefix != 0) {
        length = prefix;
        while (length < text.size() && in_base(text[length])) ++length;
      }
    }
    if (base == 10 && text[0] == '0' && text.substr(0, length).find_first_not_of("0_") != text.npos) {
      fail(core::message("an integer does not begin with 0: ", text.substr(0, length)));
    }
    std::string digits_only(text.substr(prefix, length - prefix));
    std::erase(digits_only, '_');
    push(Token::Kind::integer, std::string(text.substr(0, length)));
    const char* const last = digits_only.data() + digits_only.size();
    const auto [end, error] = std::from_chars(digits_only.data(), last, tokens_.back().integer, base);
    if (error != std::errc() || end != last) {
      fail(core::message("expected an integer of 64 bits, found ", text.substr(0, length)));
    }
    skip(length);
  }

  bool lex_name() {
    const char* const begin = source_.data() + pos_;
    const char* const end = source_.data() + source_.size();
    const char* p = begin;
    while (p != end) {
      const char* next = p;
      const char32_t c = next_code_point(next);
      if (!is_word(c)) break;
      p = next;
    }
    if (p == begin) return false;
    const auto length = static_cast<std::size_t>(p - begin);
    if (length > kMaxNameBytes) fail(core::message("a name is longer than ", kMaxNameBytes, " bytes"));
    push(Token::Kind::name, std::string(begin, p));
    skip(length);
    return true;
  }

  bool lex_string() {
    const char quote = source_[pos_];
    if (quote != '\'' && quote != '"') return false;
    std::size_t end = pos_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) fail("the end of a string is missing");
    const std::string_view body = std::string_view(source_).substr(pos_ + 1, end - pos_ - 1);
    std::string problem;
    std::string value = unescape(body, problem);
    if (!problem.empty()) fail(problem);
    push(Token::Kind::string, std::move(value));
    skip(end + 1 - pos_);
    return true;
  }

  void lex_symbol(std::string& open) {
    static constexpr std::string_view kSymbols[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/",
                                                    "*",  "%",  "~",  "[",  "]",  "(",  ")", "{", "}",
                                                    ">",  "<",  "=",  ".",  ":",  "|",  ",", ";"};
    const auto* const found =
        std::find_if(std::begin(kSymbols), std::end(kSymbols), [this](std::string_view s) { return at(s); });
    if (found == std::end(kSymbols)) {
      fail(core::message("unexpected character \"", rest().substr(0, utf8_length(source_[pos_])), "\""));
    }
    const char c = (*found)[0];
    if (c == '(' || c == '[' || c == '{') {
      open += c == '(' ? ')' : c == '[' ? ']' : '}';
    } else if (c == ')' || c == ']' || c == '}') {
      if (open.empty() || open.back() != c) fail(core::message("unexpected \"", *found, "\""));
      open.pop_back();
    }
    push(Token::Kind::symbol, std::string(*found));
    skip(found->size());
  }

  std::string source_;
  std::string_view name_;
  std::size_t pos_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
  std::vector<Token> tokens_;
};

}  // namespace

std::string Token::description() const {
  switch (kind) {
    case Kind::data:
      return "text";
    case Kind::variable_begin:
      return "\"{{\"";
    case Kind::variable_end:
      return "\"}}\"";
    case Kind::block_begin:
      return "\"{%\"";
    case Kind::block_end:
      return "\"%}\"";
    case Kind::string:
      return "a string";
    case Kind::end:
      return "the end of the template";
    default:
      return "\"" + text + "\"";
  }
}

std::vector<Token> tokenize(std::string_view source, std::string_view name) {
  if (source.size() > kMaxTemplateBytes) {
    throw FormatError(core::message(name, ": expected a template of at most ", kMaxTemplateBytes,
                                    " bytes, found ", source.size()));
  }
  return Lexer(normalize_newlines(replace_invalid_utf8(source)), name).run();
}

}  // namespace transom::text::jinja
