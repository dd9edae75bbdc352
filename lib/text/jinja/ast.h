// SPDX-License-Identifier: Apache-2.0
/// The tree of a template. Made by the parser, then immutable.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "text/jinja/value.h"

namespace transom::text::jinja {

struct Expression;
struct Statement;
using ExpressionPtr = std::unique_ptr<Expression>;
using Block = std::vector<Statement>;

/// `(a, b, *c, key=d, **e)`; absent ones are null.
struct CallArguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
  ExpressionPtr spread;
  ExpressionPtr named_spread;
};

struct Constant {
  Value value;
};
struct Name {
  std::string name;
};
struct ListDisplay {
  std::vector<ExpressionPtr> items;
  bool is_tuple;
};
struct DictDisplay {
  std::vector<std::pair<ExpressionPtr, ExpressionPtr>> items;
};
struct Attribute {
  ExpressionPtr object;
  std::string name;
};
struct Item {
  ExpressionPtr object;
  ExpressionPtr index;
};
struct Slice {
  ExpressionPtr object;
  ExpressionPtr start, stop, step;
};  ///< each bound may be null
struct Call {
  ExpressionPtr callee;
  CallArguments arguments;
};
/// A null input is the text of a filter block.
struct FilterCall {
  ExpressionPtr input;
  std::string name;
  CallArguments arguments;
};
struct TestCall {
  ExpressionPtr input;
  std::string name;
  CallArguments arguments;
};
struct Negation {
  ExpressionPtr operand;
};  ///< not x
struct Sign {
  char sign;
  ExpressionPtr operand;
};  ///< '-' or '+'
struct Logical {
  bool is_and;
  ExpressionPtr left, right;
};
struct Arithmetic {
  std::string symbol;
  ExpressionPtr left, right;
};
struct Concatenation {
  std::vector<ExpressionPtr> parts;
};  ///< a ~ b
/// a < b <= c. Operators: == != < <= > >= in, and "not in".
struct Comparison {
  ExpressionPtr first;
  std::vector<std::pair<std::string, ExpressionPtr>> rest;
};
struct Conditional {
  ExpressionPtr condition, then, otherwise;
};  ///< `otherwise` may be null

struct Expression {
  int line = 1;
  int height = 1;  ///< of the tree; see kMaxTreeDepth
  std::variant<Constant, Name, ListDisplay, DictDisplay, Attribute, Item, Slice, Call, FilterCall, TestCall,
               Negation, Sign, Logical, Arithmetic, Concatenation, Comparison, Conditional>
      node;
};

inline int height_of(const ExpressionPtr& expression) {
  return expression == nullptr ? 0 : expression->height;
}
int height_of(const std::vector<ExpressionPtr>& expressions);
int height_of(const CallArguments& arguments);

/// Where a value goes: a name, a namespace's attribute, or several targets for a sequence.
struct Target {
  std::string name;
  std::string attribute;        ///< of the namespace `name`; empty for a plain name
  std::vector<Target> several;  ///< when this is a tuple
  bool is_tuple = false;
};

struct Parameter {
  std::string name;
  ExpressionPtr fallback;
};
/// The body of a macro or a call block.
struct MacroBody {
  std::string name;
  std::vector<Parameter> parameters;
  Block body;
  bool uses_caller = false;  ///< whether a name of that kind is read in the body
  bool uses_varargs = false;
  bool uses_kwargs = false;
};

struct Text {
  std::string text;
};
struct Output {
  std::vector<ExpressionPtr> values;
};
struct If {
  std::vector<std::pair<ExpressionPtr, Block>> branches;
  Block otherwise;
};
struct For {
  Target target;
  ExpressionPtr sequence;
  ExpressionPtr condition;
  Block body, otherwise;
};
struct Set {
  Target target;
  ExpressionPtr value;
};
/// {% set x %}...{% endset %}; the filter, when there is one, has the text as its input.
struct SetBlock {
  Target target;
  ExpressionPtr filter;
  Block body;
};
struct With {
  std::vector<std::pair<Target, ExpressionPtr>> values;
  Block body;
};
struct Macro {
  MacroBody macro;
};
struct CallBlock {
  ExpressionPtr call;
  MacroBody caller;
};
struct FilterBlock {
  ExpressionPtr filter;
  Block body;
};
struct Scoped {
  Block body;
};  ///< {% generation %}
struct Break {};
struct Continue {};

struct Statement {
  int line = 1;
  std::variant<Text, Output, If, For, Set, SetBlock, With, Macro, CallBlock, FilterBlock, Scoped, Break,
               Continue>
      node;
};

}  // namespace transom::text::jinja
