// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/parser.h"

#include "core/checks.h"
#include "text/jinja/limits.h"
#include "transom/error.h"

namespace transom::text::jinja {

using core::message;

Parser::Nesting::Nesting(Parser& parser) : parser_(parser) {
  if (++parser_.depth_ <= kMaxParseDepth) return;
  --parser_.depth_;
  parser_.fail(message("nested deeper than ", kMaxParseDepth, " levels"), parser_.current().line);
}

Block Parser::parse() {
  Block block = parse_block({});
  if (!unknown_.empty()) unsupported(unknown_.front().what, unknown_.front().line);
  return block;
}

void Parser::check_height(int height, int line) const {
  if (height <= kMaxTreeDepth) return;
  fail(message("an expression has more than ", kMaxTreeDepth, " operations in a chain"), line);
}

Token Parser::next() {
  Token token = current();
  if (token.kind != Token::Kind::end) ++at_;
  return token;
}

bool Parser::skip_symbol(std::string_view symbol) {
  if (!current().is_symbol(symbol)) return false;
  ++at_;
  return true;
}

bool Parser::skip_name(std::string_view name) {
  if (!current().is_name(name)) return false;
  ++at_;
  return true;
}

void Parser::expect_symbol(std::string_view symbol) {
  if (!skip_symbol(symbol)) fail_expected(message("\"", symbol, "\""));
}

std::string Parser::expect_name() {
  if (current().kind != Token::Kind::name) fail_expected("a name");
  return next().text;
}

void Parser::expect(Token::Kind kind) {
  if (current().kind != kind) {
    Token wanted;
    wanted.kind = kind;
    fail_expected(wanted.description());
  }
  next();
}

void Parser::fail(std::string_view problem, int line) const {
  throw FormatError(message(name_, ", line ", line, ": ", problem));
}

void Parser::fail_expected(std::string_view expected) const {
  fail(message("expected ", expected, ", found ", current().description()), current().line);
}

void Parser::unsupported(std::string_view what, int line) const {
  throw UnsupportedError(message(name_, ", line ", line, ": ", what, " is not supported"));
}

Block parse_template(std::string_view source, std::string_view name) { return Parser(source, name).parse(); }

}  // namespace transom::text::jinja
