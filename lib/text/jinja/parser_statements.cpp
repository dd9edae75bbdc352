// SPDX-License-Identifier: Apache-2.0
/// Statements: text, {{ ... }} and {% ... %}.
#include <algorithm>
#include <utility>

#include "core/checks.h"
#include "text/jinja/limits.h"
#include "text/jinja/parser.h"

namespace transom::text::jinja {

using core::message;

/// Reads statements up to a block whose name is one of `ends`, which is consumed up to that name; or up to
/// the end of the template when there are none.
Block Parser::parse_block(std::initializer_list<std::string_view> ends) {
  const Nesting nesting(*this);
  Block block;
  for (;;) {
    const int line = current().line;
    switch (current().kind) {
      case Token::Kind::data:
        block.push_back({line, Text{next().text}});
        break;
      case Token::Kind::variable_begin: {
        next();
        Output output;
        output.values.push_back(parse_tuple(true, false));
        expect(Token::Kind::variable_end);
        block.push_back({line, std::move(output)});
        break;
      }
      case Token::Kind::block_begin:
        next();
        if (std::any_of(ends.begin(), ends.end(), [this](auto end) { return current().is_name(end); })) {
          return block;
        }
        block.push_back(parse_statement());
        expect(Token::Kind::block_end);
        break;
      default:
        if (ends.size() == 0) return block;
        fail(message("expected {% ", *ends.begin(), " %}, found the end of the template"), line);
    }
  }
}

/// The same behind the head of a block, whose own end it consumes first.
Block Parser::parse_body(std::initializer_list<std::string_view> ends) {
  skip_symbol(":");
  expect(Token::Kind::block_end);
  return parse_block(ends);
}

Statement Parser::parse_statement() {
  const int line = current().line;
  const std::string tag = expect_name();
  if (tag == "if") return parse_if(line);
  if (tag == "for") return parse_for(line);
  if (tag == "set") return parse_set(line);
  if (tag == "with") return parse_with(line);
  if (tag == "macro") return parse_macro(line);
  if (tag == "call") return parse_call_block(line);
  if (tag == "filter") return parse_filter_block(line);
  if (tag == "print") return parse_print(line);
  if (tag == "generation") {
    const bool outer = std::exchange(conditional_, false);
    Scoped scoped{parse_body({"endgeneration"})};
    conditional_ = outer;
    next();
    return {line, std::move(scoped)};
  }
  if (tag == "break" || tag == "continue") {
    if (loops_ == 0) fail(message("\"", tag, "\" outside of a loop"), line);
    if (tag == "break") return {line, Break{}};
    return {line, Continue{}};
  }
  static constexpr std::string_view kLeftOut[] = {"block",      "extends", "include", "import", "from",
                                                  "autoescape", "do",      "trans",   "debug"};
  if (std::find(std::begin(kLeftOut), std::end(kLeftOut), tag) != std::end(kLeftOut)) {
    unsupported(message("the statement \"", tag, "\""), line);
  }
  fail(message("unexpected statement \"", tag, "\""), line);
}

Statement Parser::parse_if(int line) {
  If statement;
  const bool outer = std::exchange(conditional_, true);
  for (;;) {
    ExpressionPtr condition = parse_tuple(false, false);
    Block body = parse_body({"endif", "elif", "else"});
    statement.branches.emplace_back(std::move(condition), std::move(body));
    const std::string end = next().text;
    if (end == "endif") break;
    if (end == "elif") continue;
    statement.otherwise = parse_body({"endif"});
    next();
    break;
  }
  conditional_ = outer;
  return {line, std::move(statement)};
}

Statement Parser::parse_for(int line) {
  For loop;
  loop.target = parse_target(false);
  if (!skip_name("in")) fail_expected("\"in\"");
  loop.sequence = parse_tuple(false, false, "recursive");
  const bool outer = std::exchange(conditional_, false);
  if (skip_name("if")) loop.condition = parse_expression();
  if (current().is_name("recursive")) unsupported("a recursive loop", line);
  ++loops_;
  loop.body = parse_body({"endfor", "else"});
  --loops_;
  if (next().text == "else") {
    loop.otherwise = parse_body({"endfor"});
    next();
  }
  conditional_ = outer;
  return {line, std::move(loop)};
}

Statement Parser::parse_set(int line) {
  Target target = parse_target(true);
  if (skip_symbol("=")) return {line, Set{std::move(target), parse_tuple(true, false)}};
  SetBlock statement{std::move(target), nullptr, {}};
  const bool outer = std::exchange(conditional_, false);
  while (current().is_symbol("|")) statement.filter = parse_filter(std::move(statement.filter));
  statement.body = parse_body({"endset"});
  next();
  conditional_ = outer;
  return {line, std::move(statement)};
}

Statement Parser::parse_with(int line) {
  With statement;
  while (current().kind != Token::Kind::block_end) {
    if (!statement.values.empty()) expect_symbol(",");
    Target target = parse_single_target(false);
    expect_symbol("=");
    statement.values.emplace_back(std::move(target), parse_expression());
  }
  const bool outer = std::exchange(conditional_, false);
  statement.body = parse_body({"endwith"});
  conditional_ = outer;
  next();
  return {line, std::move(statement)};
}

void Parser::parse_parameters(MacroBody& macro) {
  expect_symbol("(");
  while (!current().is_symbol(")")) {
    if (!macro.parameters.empty()) expect_symbol(",");
    const int line = current().line;
    Parameter parameter{expect_name(), nullptr};
    if (skip_symbol("=")) {
      parameter.fallback = parse_expression();
    } else if (!macro.parameters.empty() && macro.parameters.back().fallback != nullptr) {
      fail("a parameter without a default follows one with a default", line);
    }
    macro.parameters.push_back(std::move(parameter));
  }
  expect_symbol(")");
}

void Parser::parse_macro_body(MacroBody& macro, std::string_view end) {
  const bool outer_conditional = std::exchange(conditional_, false);
  const int outer_loops = std::exchange(loops_, 0);
  const NamesRead outer_names = std::exchange(names_read_, {});
  macro.body = parse_body({end});
  next();
  macro.uses_caller = names_read_.caller;
  macro.uses_varargs = names_read_.varargs;
  macro.uses_kwargs = names_read_.kwargs;
  names_read_.caller = names_read_.caller || outer_names.caller;
  names_read_.varargs = names_read_.varargs || outer_names.varargs;
  names_read_.kwargs = names_read_.kwargs || outer_names.kwargs;
  loops_ = outer_loops;
  conditional_ = outer_conditional;
}

Statement Parser::parse_macro(int line) {
  Macro statement;
  statement.macro.name = expect_name();
  parse_parameters(statement.macro);
  parse_macro_body(statement.macro, "endmacro");
  return {line, std::move(statement)};
}

Statement Parser::parse_call_block(int line) {
  CallBlock statement;
  statement.caller.name = "caller";
  if (current().is_symbol("(")) parse_parameters(statement.caller);
  statement.call = parse_expression();
  if (!std::holds_alternative<Call>(statement.call->node)) fail("expected a call", line);
  parse_macro_body(statement.caller, "endcall");
  return {line, std::move(statement)};
}

Statement Parser::parse_filter_block(int line) {
  FilterBlock statement;
  const bool outer = std::exchange(conditional_, false);
  statement.filter = parse_filter(nullptr);
  while (current().is_symbol("|")) statement.filter = parse_filter(std::move(statement.filter));
  statement.body = parse_body({"endfilter"});
  next();
  conditional_ = outer;
  return {line, std::move(statement)};
}

Statement Parser::parse_print(int line) {
  Output output;
  while (current().kind != Token::Kind::block_end) {
    if (!output.values.empty()) expect_symbol(",");
    output.values.push_back(parse_expression());
  }
  return {line, std::move(output)};
}

/// One or more targets: `a`, `a, b`, `(a, b), c`, and `ns.a` when allowed.
Target Parser::parse_target(bool with_namespace) {
  Target first = parse_single_target(with_namespace);
  if (!current().is_symbol(",")) return first;
  Target tuple;
  tuple.is_tuple = true;
  tuple.several.push_back(std::move(first));
  while (skip_symbol(",")) {
    if (current().kind != Token::Kind::name && !current().is_symbol("(")) break;
    if (current().is_name("in")) break;
    tuple.several.push_back(parse_single_target(with_namespace));
  }
  return tuple;
}

Target Parser::parse_single_target(bool with_namespace) {
  const Nesting nesting(*this);
  if (skip_symbol("(")) {
    Target inner = parse_target(with_namespace);
    expect_symbol(")");
    return inner;
  }
  const int line = current().line;
  Target target;
  target.name = expect_name();
  static constexpr std::string_view kReserved[] = {"true", "false", "none", "True", "False", "None"};
  if (std::find(std::begin(kReserved), std::end(kReserved), target.name) != std::end(kReserved)) {
    fail(message("\"", target.name, "\" can not be assigned to"), line);
  }
  if (with_namespace && skip_symbol(".")) target.attribute = expect_name();
  return target;
}

}  // namespace transom::text::jinja
