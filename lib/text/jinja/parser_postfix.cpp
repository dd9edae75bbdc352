// SPDX-License-Identifier: Apache-2.0
/// What follows an operand: calls, members, slices, filters and tests.
#include <algorithm>

#include "core/checks.h"
#include "text/jinja/filters.h"
#include "text/jinja/parser.h"
#include "text/jinja/tests.h"

namespace transom::text::jinja {

using core::message;

ExpressionPtr Parser::parse_postfix(ExpressionPtr operand) {
  for (;;) {
    if (current().is_symbol(".") || current().is_symbol("[")) {
      operand = parse_subscript(std::move(operand));
    } else if (current().is_symbol("(")) {
      const int line = current().line;
      CallArguments arguments = parse_arguments();
      const int height = std::max(operand->height, height_of(arguments));
      operand = make(line, Call{std::move(operand), std::move(arguments)}, height);
    } else {
      return operand;
    }
  }
}

ExpressionPtr Parser::parse_filters(ExpressionPtr operand) {
  for (;;) {
    if (current().is_symbol("|")) {
      operand = parse_filter(std::move(operand));
    } else if (current().is_name("is")) {
      operand = parse_test(std::move(operand));
    } else if (current().is_symbol("(")) {
      operand = parse_postfix(std::move(operand));
    } else {
      return operand;
    }
  }
}

/// One filter at its "|", or at its name at the head of a filter block.
ExpressionPtr Parser::parse_filter(ExpressionPtr input) {
  skip_symbol("|");
  const int line = current().line;
  std::string name = expect_name();
  while (skip_symbol(".")) name += "." + expect_name();
  CallArguments arguments;
  if (current().is_symbol("(")) arguments = parse_arguments();
  if (find_filter(name) == nullptr && !conditional_) {
    unknown_.push_back({message("the filter \"", name, "\""), line});
  }
  const int height = std::max(height_of(input), height_of(arguments));
  return make(line, FilterCall{std::move(input), std::move(name), std::move(arguments)}, height);
}

ExpressionPtr Parser::parse_test(ExpressionPtr input) {
  const int line = next().line;
  const bool negated = skip_name("not");
  std::string name = expect_name();
  while (skip_symbol(".")) name += "." + expect_name();
  CallArguments arguments;
  const Token& token = current();
  const bool begins_operand = token.kind == Token::Kind::name || token.kind == Token::Kind::string ||
                              token.kind == Token::Kind::integer || token.kind == Token::Kind::real ||
                              token.is_symbol("[") || token.is_symbol("{");
  if (token.is_symbol("(")) {
    arguments = parse_arguments();
  } else if (begins_operand && !token.is_name("else") && !token.is_name("or") && !token.is_name("and")) {
    if (token.is_name("is")) fail("tests with \"is\" can not be chained", token.line);
    const Nesting nesting(*this);
    arguments.positional.push_back(parse_postfix(parse_primary()));
  }
  if (find_test(name) == nullptr && !conditional_) {
    unknown_.push_back({message("the test \"", name, "\""), line});
  }
  const int height = std::max(input->height, height_of(arguments));
  ExpressionPtr test = make(line, TestCall{std::move(input), std::move(name), std::move(arguments)}, height);
  return negated ? make(line, Negation{std::move(test)}, height + 1) : std::move(test);
}

ExpressionPtr Parser::parse_subscript(ExpressionPtr object) {
  const int line = current().line;
  const int height = object->height;
  if (skip_symbol(".")) {
    if (current().kind == Token::Kind::integer) {
      ExpressionPtr index = make(line, Constant{Value(next().integer)});
      return make(line, Item{std::move(object), std::move(index)}, height);
    }
    return make(line, Attribute{std::move(object), expect_name()}, height);
  }
  expect_symbol("[");
  ExpressionPtr bounds[3];
  int n_colons = 0;
  while (!current().is_symbol("]")) {
    if (current().is_symbol(":") && n_colons < 2) {
      next();
      ++n_colons;
    } else if (bounds[n_colons] == nullptr && !current().is_symbol(",")) {
      bounds[n_colons] = parse_expression();
    } else if (current().is_symbol(",")) {
      unsupported("a subscript of several parts", line);
    } else {
      fail_expected("\"]\"");
    }
  }
  expect_symbol("]");
  const int inner = std::max({height, height_of(bounds[0]), height_of(bounds[1]), height_of(bounds[2])});
  if (n_colons == 0) {
    if (bounds[0] == nullptr) fail("expected an index between [ and ]", line);
    return make(line, Item{std::move(object), std::move(bounds[0])}, inner);
  }
  return make(line,
              Slice{std::move(object), std::move(bounds[0]), std::move(bounds[1]), std::move(bounds[2])},
              inner);
}

void Parser::parse_argument(CallArguments& arguments) {
  const int line = current().line;
  const auto check = [&](bool legal) {
    if (!legal) fail("the arguments of a call stand in a wrong order", line);
  };
  if (skip_symbol("**")) {
    check(arguments.named_spread == nullptr);
    arguments.named_spread = parse_expression();
  } else if (skip_symbol("*")) {
    check(arguments.spread == nullptr && arguments.named_spread == nullptr);
    arguments.spread = parse_expression();
  } else if (current().kind == Token::Kind::name && ahead().is_symbol("=")) {
    check(arguments.named_spread == nullptr);
    std::string name = next().text;
    next();
    arguments.named.emplace_back(std::move(name), parse_expression());
  } else {
    check(arguments.named.empty() && arguments.spread == nullptr && arguments.named_spread == nullptr);
    arguments.positional.push_back(parse_expression());
  }
}

CallArguments Parser::parse_arguments() {
  CallArguments arguments;
  expect_symbol("(");
  bool first = true;
  while (!current().is_symbol(")")) {
    if (!first) {
      expect_symbol(",");
      if (current().is_symbol(")")) break;
    }
    first = false;
    parse_argument(arguments);
  }
  expect_symbol(")");
  return arguments;
}

}  // namespace transom::text::jinja
