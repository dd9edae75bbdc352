// SPDX-License-Identifier: Apache-2.0
#include "text/patterns/pattern.h"

#include <utility>

#include "text/patterns/scanners.h"
#include "text/utf8.h"

namespace transom::text {

namespace {

class LiteralPattern final : public Pattern {
 public:
  explicit LiteralPattern(std::string literal) : literal_(std::move(literal)) {}

  void find_all(std::string_view text, std::vector<Match>& out) const override {
    std::size_t pos = 0;
    while ((pos = text.find(literal_, pos)) != text.npos) {
      out.push_back({pos, pos + literal_.size()});
      pos += literal_.size();
    }
  }

 private:
  std::string literal_;  // not empty
};

class CharPattern final : public Pattern {
 public:
  explicit CharPattern(std::function<bool(char32_t)> predicate) : predicate_(std::move(predicate)) {}

  void find_all(std::string_view text, std::vector<Match>& out) const override {
    const char* const begin = text.data();
    const char* const end = begin + text.size();
    for (const char* p = begin; p != end;) {
      const char* const start = p;
      if (predicate_(next_code_point(p))) {
        out.push_back({static_cast<std::size_t>(start - begin), static_cast<std::size_t>(p - begin)});
      }
    }
  }

 private:
  std::function<bool(char32_t)> predicate_;
};

/// Runs a hand-written scanner wherever a match may begin.
class ScannerPattern final : public Pattern {
 public:
  explicit ScannerPattern(Scanner scanner) : scanner_(scanner) {}

  void find_all(std::string_view text, std::vector<Match>& out) const override {
    const char* const begin = text.data();
    const char* const end = begin + text.size();
    for (const char* p = begin; p != end;) {
      const char* next = p;
      if (scanner_(p, end, next)) {
        out.push_back({static_cast<std::size_t>(p - begin), static_cast<std::size_t>(next - begin)});
      }
      p = next;
    }
  }

 private:
  Scanner scanner_;
};

}  // namespace

std::unique_ptr<Pattern> make_regex(const std::string& expression, const JsonPath& path) {
  if (const Scanner scanner = find_scanner(expression)) return std::make_unique<ScannerPattern>(scanner);
  return make_oniguruma_regex(expression, path);
}

std::unique_ptr<Pattern> make_literal(const std::string& literal, const JsonPath& path) {
  if (literal.empty()) return make_oniguruma_regex(literal, path);
  return std::make_unique<LiteralPattern>(literal);
}

std::unique_ptr<Pattern> make_char_pattern(std::function<bool(char32_t)> predicate) {
  return std::make_unique<CharPattern>(std::move(predicate));
}

std::unique_ptr<Pattern> load_pattern(const io::Json& json, const JsonPath& path) {
  if (const io::Json* regex = json.find("Regex")) {
    const JsonPath where = path.member("Regex");
    return make_regex(regex->as_string(where), where);
  }
  if (const io::Json* literal = json.find("String")) {
    const JsonPath where = path.member("String");
    return make_literal(literal->as_string(where), where);
  }
  path.fail("expected {\"Regex\": ...} or {\"String\": ...}");
}

}  // namespace transom::text
