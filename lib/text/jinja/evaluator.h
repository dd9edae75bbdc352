// SPDX-License-Identifier: Apache-2.0
/// Walks the tree of a template. One rendering, one thread.
///
/// Scopes are lexical, as jinja2 has them: loops, macros and blocks with a body open one, `if` does not. What
/// `set` writes in a scope is not seen outside it.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "text/jinja/ast.h"
#include "text/jinja/runtime.h"

namespace transom::text::jinja {

struct Scope {
  std::shared_ptr<Scope> parent;
  std::map<std::string, Value, std::less<>> variables;
};

class Evaluator {
 public:
  Evaluator(Runtime& runtime, std::map<std::string, Value, std::less<>> variables);

  /// @return The text of the template.
  std::string render(const Block& block);

  /// The body of a macro, called.
  Value call_macro(const MacroBody& macro, const std::shared_ptr<Scope>& definition,
                   const Arguments& arguments);

 private:
  enum class Flow { normal, leave_loop, next_item };

  // evaluator.cpp: statements
  Flow execute(const Block& block);
  Flow run(const Text& node);
  Flow run(const Output& node);
  Flow run(const If& node);
  Flow run(const For& node);
  Flow run(const Set& node);
  Flow run(const SetBlock& node);
  Flow run(const With& node);
  Flow run(const Macro& node);
  Flow run(const CallBlock& node);
  Flow run(const FilterBlock& node);
  Flow run(const Scoped& node);
  Flow run(const Break&) { return Flow::leave_loop; }
  Flow run(const Continue&) { return Flow::next_item; }
  void write(std::string_view text);
  void assign(const Target& target, const Value& value);
  std::string capture(const Block& block);
  void bind_macro(const MacroBody& macro, const Arguments& arguments);
  Value make_macro(const MacroBody& macro);

  // evaluate.cpp: expressions
  Value evaluate(const Expression& expression);
  Value compute(const Constant& node) { return node.value; }
  Value compute(const Name& node);
  Value compute(const ListDisplay& node);
  Value compute(const DictDisplay& node);
  Value compute(const Attribute& node);
  Value compute(const Item& node);
  Value compute(const Slice& node);
  Value compute(const Call& node) { return call(node, nullptr); }
  Value compute(const FilterCall& node);
  Value compute(const TestCall& node);
  Value compute(const Negation& node);
  Value compute(const Sign& node);
  Value compute(const Logical& node);
  Value compute(const Arithmetic& node);
  Value compute(const Concatenation& node);
  Value compute(const Comparison& node);
  Value compute(const Conditional& node);
  Value call(const Call& node, const Value* caller);
  Arguments arguments_of(const CallArguments& arguments);

  class InScope;

  Runtime& runtime_;
  std::shared_ptr<Scope> scope_;
  std::string* out_ = nullptr;
  const Value* filter_input_ = nullptr;  ///< the text of the filter block or set block being closed
};

/// Opens a scope for as long as it lives.
class Evaluator::InScope {
 public:
  explicit InScope(Evaluator& evaluator) : InScope(evaluator, evaluator.scope_) {}
  InScope(Evaluator& evaluator, std::shared_ptr<Scope> parent)
      : evaluator_(evaluator), outer_(std::move(evaluator.scope_)) {
    evaluator_.scope_ = std::make_shared<Scope>(Scope{std::move(parent), {}});
  }
  ~InScope() { evaluator_.scope_ = std::move(outer_); }
  InScope(const InScope&) = delete;
  InScope& operator=(const InScope&) = delete;

 private:
  Evaluator& evaluator_;
  std::shared_ptr<Scope> outer_;
};

}  // namespace transom::text::jinja
