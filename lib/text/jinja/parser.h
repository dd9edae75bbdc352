// SPDX-License-Identifier: Apache-2.0
/// Recursive descent over the tokens of a template, with jinja2's grammar and precedences.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/jinja/ast.h"
#include "text/jinja/lexer.h"

namespace transom::text::jinja {

/// @param name Names the template in messages.
/// @throws FormatError for wrong syntax or deep nesting; UnsupportedError for a statement, filter or test
/// that this version does not know. As in jinja2, an unknown filter inside a condition counts only when it is
/// reached.
Block parse_template(std::string_view source, std::string_view name);

class Parser {
 public:
  Parser(std::string_view source, std::string_view name) : tokens_(tokenize(source, name)), name_(name) {}
  Block parse();

 private:
  class Nesting;

  // parser.cpp: tokens
  const Token& current() const { return tokens_[at_]; }
  const Token& ahead() const { return tokens_[at_ + 1 < tokens_.size() ? at_ + 1 : at_]; }
  Token next();
  bool skip_symbol(std::string_view symbol);
  bool skip_name(std::string_view name);
  void expect_symbol(std::string_view symbol);
  std::string expect_name();
  void expect(Token::Kind kind);
  [[noreturn]] void fail(std::string_view problem, int line) const;
  [[noreturn]] void fail_expected(std::string_view expected) const;
  [[noreturn]] void unsupported(std::string_view what, int line) const;

  // parser_statements.cpp
  Block parse_block(std::initializer_list<std::string_view> ends);
  Block parse_body(std::initializer_list<std::string_view> ends);
  Statement parse_statement();
  Statement parse_if(int line);
  Statement parse_for(int line);
  Statement parse_set(int line);
  Statement parse_with(int line);
  Statement parse_macro(int line);
  Statement parse_call_block(int line);
  Statement parse_filter_block(int line);
  Statement parse_print(int line);
  void parse_parameters(MacroBody& macro);
  void parse_macro_body(MacroBody& macro, std::string_view end);
  Target parse_target(bool with_namespace);
  Target parse_single_target(bool with_namespace);

  // parser_expressions.cpp
  ExpressionPtr parse_tuple(bool with_condition, bool in_parentheses, std::string_view end_name = {});
  ExpressionPtr parse_expression(bool with_condition = true);
  ExpressionPtr parse_or();
  ExpressionPtr parse_and();
  ExpressionPtr parse_not();
  ExpressionPtr parse_comparison();
  ExpressionPtr parse_sum();
  ExpressionPtr parse_concatenation();
  ExpressionPtr parse_product();
  ExpressionPtr parse_power();
  ExpressionPtr parse_unary(bool with_filters = true);
  ExpressionPtr parse_primary();
  ExpressionPtr parse_list();
  ExpressionPtr parse_dict();
  ExpressionPtr parse_postfix(ExpressionPtr operand);
  ExpressionPtr parse_filters(ExpressionPtr operand);
  ExpressionPtr parse_filter(ExpressionPtr input);
  ExpressionPtr parse_test(ExpressionPtr input);
  ExpressionPtr parse_subscript(ExpressionPtr object);
  CallArguments parse_arguments();
  void parse_argument(CallArguments& arguments);
  /// A node above children of this height.
  template <typename Node>
  ExpressionPtr make(int line, Node node, int child_height = 0) {
    check_height(child_height + 1, line);
    return std::make_unique<Expression>(Expression{line, child_height + 1, std::move(node)});
  }
  void check_height(int height, int line) const;

  std::vector<Token> tokens_;
  std::string_view name_;
  std::size_t at_ = 0;
  int depth_ = 0;
  int loops_ = 0;             ///< loops around this place, within the innermost macro
  bool conditional_ = false;  ///< directly inside an if, where unknown filters wait until they are reached
  struct Unknown {
    std::string what;
    int line;
  };
  std::vector<Unknown> unknown_;
  /// Special names that the bodies around this place read.
  struct NamesRead {
    bool caller = false, varargs = false, kwargs = false;
  };
  NamesRead names_read_;
};

/// Bounds the recursion of the parser for as long as it lives.
class Parser::Nesting {
 public:
  explicit Nesting(Parser& parser);
  ~Nesting() { --parser_.depth_; }
  Nesting(const Nesting&) = delete;
  Nesting& operator=(const Nesting&) = delete;

 private:
  Parser& parser_;
};

}  // namespace transom::text::jinja
