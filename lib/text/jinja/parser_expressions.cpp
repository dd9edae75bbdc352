// SPDX-License-Identifier: Apache-2.0
/// Expressions, loosest first: if-else, or, and, not, comparisons, + -, ~, * / // %, **, signs, then calls,
/// members, filters and tests.
#include <algorithm>

#include "text/jinja/parser.h"

namespace transom::text::jinja {

ExpressionPtr Parser::parse_tuple(bool with_condition, bool in_parentheses, std::string_view end_name) {
  const int line = current().line;
  std::vector<ExpressionPtr> items;
  bool is_tuple = false;
  for (;;) {
    if (!items.empty()) expect_symbol(",");
    const Token& token = current();
    if (token.kind == Token::Kind::variable_end || token.kind == Token::Kind::block_end ||
        token.is_symbol(")") || (!end_name.empty() && token.is_name(end_name))) {
      break;
    }
    items.push_back(parse_expression(with_condition));
    if (!current().is_symbol(",")) break;
    is_tuple = true;
  }
  if (!is_tuple) {
    if (!items.empty()) return std::move(items.front());
    if (!in_parentheses) fail_expected("an expression");
  }
  const int height = height_of(items);
  return make(line, ListDisplay{std::move(items), true}, height);
}

ExpressionPtr Parser::parse_expression(bool with_condition) {
  const Nesting nesting(*this);
  if (!with_condition) return parse_or();
  const int line = current().line;
  const std::size_t n_unknown = unknown_.size();
  ExpressionPtr then = parse_or();
  while (skip_name("if")) {
    ExpressionPtr condition = parse_or();
    ExpressionPtr otherwise = skip_name("else") ? parse_expression() : nullptr;
    unknown_.resize(n_unknown);  // what a conditional expression does not reach is not asked for
    const int height = std::max({condition->height, then->height, height_of(otherwise)});
    then = make(line, Conditional{std::move(condition), std::move(then), std::move(otherwise)}, height);
  }
  return then;
}

ExpressionPtr Parser::parse_or() {
  ExpressionPtr left = parse_and();
  while (current().is_name("or")) {
    const int line = next().line;
    ExpressionPtr right = parse_and();
    const int height = std::max(left->height, right->height);
    left = make(line, Logical{false, std::move(left), std::move(right)}, height);
  }
  return left;
}

ExpressionPtr Parser::parse_and() {
  ExpressionPtr left = parse_not();
  while (current().is_name("and")) {
    const int line = next().line;
    ExpressionPtr right = parse_not();
    const int height = std::max(left->height, right->height);
    left = make(line, Logical{true, std::move(left), std::move(right)}, height);
  }
  return left;
}

ExpressionPtr Parser::parse_not() {
  if (!current().is_name("not")) return parse_comparison();
  const Nesting nesting(*this);
  const int line = next().line;
  ExpressionPtr operand = parse_not();
  const int height = operand->height;
  return make(line, Negation{std::move(operand)}, height);
}

ExpressionPtr Parser::parse_comparison() {
  const int line = current().line;
  ExpressionPtr first = parse_sum();
  Comparison comparison;
  int height = first->height;
  for (;;) {
    static constexpr std::string_view kSymbols[] = {"==", "!=", "<", "<=", ">", ">="};
    std::string operation;
    if (current().kind == Token::Kind::symbol &&
        std::find(std::begin(kSymbols), std::end(kSymbols), current().text) != std::end(kSymbols)) {
      operation = next().text;
    } else if (skip_name("in")) {
      operation = "in";
    } else if (current().is_name("not") && ahead().is_name("in")) {
      at_ += 2;
      operation = "not in";
    } else {
      break;
    }
    comparison.rest.emplace_back(std::move(operation), parse_sum());
    height = std::max(height, comparison.rest.back().second->height);
  }
  if (comparison.rest.empty()) return first;
  comparison.first = std::move(first);
  return make(line, std::move(comparison), height);
}

ExpressionPtr Parser::parse_sum() {
  ExpressionPtr left = parse_concatenation();
  while (current().is_symbol("+") || current().is_symbol("-")) {
    const Token symbol = next();
    ExpressionPtr right = parse_concatenation();
    const int height = std::max(left->height, right->height);
    left = make(symbol.line, Arithmetic{symbol.text, std::move(left), std::move(right)}, height);
  }
  return left;
}

ExpressionPtr Parser::parse_concatenation() {
  const int line = current().line;
  std::vector<ExpressionPtr> parts;
  parts.push_back(parse_product());
  while (skip_symbol("~")) parts.push_back(parse_product());
  if (parts.size() == 1) return std::move(parts.front());
  const int height = height_of(parts);
  return make(line, Concatenation{std::move(parts)}, height);
}

ExpressionPtr Parser::parse_product() {
  ExpressionPtr left = parse_power();
  while (current().is_symbol("*") || current().is_symbol("/") || current().is_symbol("//") ||
         current().is_symbol("%")) {
    const Token symbol = next();
    ExpressionPtr right = parse_power();
    const int height = std::max(left->height, right->height);
    left = make(symbol.line, Arithmetic{symbol.text, std::move(left), std::move(right)}, height);
  }
  return left;
}

ExpressionPtr Parser::parse_power() {
  ExpressionPtr left = parse_unary();
  while (current().is_symbol("**")) {  // from left to right, unlike Python
    const Token symbol = next();
    ExpressionPtr right = parse_unary();
    const int height = std::max(left->height, right->height);
    left = make(symbol.line, Arithmetic{symbol.text, std::move(left), std::move(right)}, height);
  }
  return left;
}

ExpressionPtr Parser::parse_unary(bool with_filters) {
  ExpressionPtr operand;
  if (current().is_symbol("-") || current().is_symbol("+")) {
    const Nesting nesting(*this);
    const Token symbol = next();
    ExpressionPtr inner = parse_unary(false);
    const int height = inner->height;
    operand = make(symbol.line, Sign{symbol.text[0], std::move(inner)}, height);
  } else {
    operand = parse_primary();
  }
  operand = parse_postfix(std::move(operand));
  return with_filters ? parse_filters(std::move(operand)) : std::move(operand);
}

ExpressionPtr Parser::parse_primary() {
  const int line = current().line;
  switch (current().kind) {
    case Token::Kind::name: {
      std::string name = next().text;
      if (name == "true" || name == "True") return make(line, Constant{Value(true)});
      if (name == "false" || name == "False") return make(line, Constant{Value(false)});
      if (name == "none" || name == "None") return make(line, Constant{Value()});
      names_read_.caller = names_read_.caller || name == "caller";
      names_read_.varargs = names_read_.varargs || name == "varargs";
      names_read_.kwargs = names_read_.kwargs || name == "kwargs";
      return make(line, Name{std::move(name)});
    }
    case Token::Kind::string: {
      std::string text = next().text;
      while (current().kind == Token::Kind::string) text += next().text;
      return make(line, Constant{Value(std::move(text))});
    }
    case Token::Kind::integer:
      return make(line, Constant{Value(next().integer)});
    case Token::Kind::real:
      return make(line, Constant{Value(next().real)});
    default:
      break;
  }
  if (skip_symbol("(")) {
    const Nesting nesting(*this);
    ExpressionPtr inner = parse_tuple(true, true);
    expect_symbol(")");
    return inner;
  }
  if (current().is_symbol("[")) return parse_list();
  if (current().is_symbol("{")) return parse_dict();
  fail_expected("an expression");
}

ExpressionPtr Parser::parse_list() {
  const int line = next().line;
  std::vector<ExpressionPtr> items;
  while (!current().is_symbol("]")) {
    if (!items.empty()) expect_symbol(",");
    if (current().is_symbol("]")) break;
    items.push_back(parse_expression());
  }
  expect_symbol("]");
  const int height = height_of(items);
  return make(line, ListDisplay{std::move(items), false}, height);
}

ExpressionPtr Parser::parse_dict() {
  const int line = next().line;
  DictDisplay display;
  int height = 0;
  while (!current().is_symbol("}")) {
    if (!display.items.empty()) expect_symbol(",");
    if (current().is_symbol("}")) break;
    ExpressionPtr key = parse_expression();
    expect_symbol(":");
    ExpressionPtr value = parse_expression();
    height = std::max({height, key->height, value->height});
    display.items.emplace_back(std::move(key), std::move(value));
  }
  expect_symbol("}");
  return make(line, std::move(display), height);
}

}  // namespace transom::text::jinja
