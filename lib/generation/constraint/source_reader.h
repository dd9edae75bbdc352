// SPDX-License-Identifier: Apache-2.0
/// Reading a pattern or grammar character by character.
#pragma once

#include <string>
#include <string_view>

#include "core/checks.h"
#include "generation/constraint/limits.h"
#include "text/utf8.h"
#include "transom/error.h"

namespace transom::generation {

class SourceReader {
 public:
  /// @throws FormatError when the source is not UTF-8.
  explicit SourceReader(std::string_view source) : source_(source) {
    at_ = text::valid_utf8_prefix(source);
    if (at_ != source.size()) fail("not UTF-8");
    at_ = 0;
  }

  bool done() const { return at_ == source_.size(); }
  std::size_t position() const { return at_; }
  std::string_view rest() const { return source_.substr(at_); }
  /// The next byte; 0 at the end.
  char peek() const { return done() ? '\0' : source_[at_]; }
  bool at(std::string_view text) const { return rest().starts_with(text); }

  bool take(std::string_view text) {
    if (!at(text)) return false;
    at_ += text.size();
    return true;
  }
  void expect(std::string_view text) {
    if (!take(text)) fail(core::message("expected \"", text, "\""));
  }
  char32_t take_character() {
    if (done()) fail("unfinished");
    const char* p = source_.data() + at_;
    const char32_t c = text::next_code_point(p);
    at_ = static_cast<std::size_t>(p - source_.data());
    return c;
  }
  /// Exactly `digits` hexadecimal digits.
  char32_t take_hex(int digits) {
    char32_t value = 0;
    for (int i = 0; i < digits; ++i) value = 16 * value + take_hex_digit();
    return check_scalar(value);
  }
  bool at_hex_digit() const { return hex_value(peek()) >= 0; }
  char32_t take_hex_digit() {
    const int value = hex_value(peek());
    if (value < 0) fail("expected a hexadecimal digit");
    ++at_;
    return static_cast<char32_t>(value);
  }
  bool at_digit() const { return peek() >= '0' && peek() <= '9'; }
  /// A decimal number; beyond kMaxRepetition it stays one more than that.
  std::uint32_t take_number() {
    if (!at_digit()) fail("expected a number");
    std::uint32_t value = 0;
    for (; at_digit(); ++at_) {
      value = std::min(10 * value + static_cast<std::uint32_t>(peek() - '0'), kMaxRepetition + 1);
    }
    return value;
  }

  char32_t check_scalar(char32_t value) const {
    if (value > 0x10FFFF) fail("beyond U+10FFFF");
    return value;
  }
  [[noreturn]] void fail(std::string_view problem) const {
    throw FormatError(core::message(problem, " at byte ", at_, where()));
  }
  [[noreturn]] void unsupported(std::string_view what) const {
    throw UnsupportedError(core::message(what, " not supported, at byte ", at_, where()));
  }

 private:
  static int hex_value(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
  }
  /// A look at what stands there.
  std::string where() const {
    if (done()) return ", the end";
    std::string_view part = rest().substr(0, 20);
    return core::message(" (\"", part.substr(0, text::valid_utf8_prefix(part)), "\")");
  }

  std::string_view source_;
  std::size_t at_ = 0;
};

/// Counts nested constructs for the time of its life.
class Nesting {
 public:
  Nesting(std::uint32_t& depth, const SourceReader& reader) : depth_(depth) {
    if (++depth_ > kMaxNesting)
      reader.unsupported(core::message("more than ", kMaxNesting, " nested groups are"));
  }
  ~Nesting() { --depth_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  std::uint32_t& depth_;
};

}  // namespace transom::generation
