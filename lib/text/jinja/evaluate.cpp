// SPDX-License-Identifier: Apache-2.0
/// Expressions.
#include "text/jinja/evaluator.h"
#include "text/jinja/filters.h"
#include "text/jinja/globals.h"
#include "text/jinja/members.h"
#include "text/jinja/operators.h"
#include "text/jinja/printing.h"
#include "text/jinja/tests.h"

namespace transom::text::jinja {

using core::message;

Value Evaluator::evaluate(const Expression& expression) {
  runtime_.step();
  const Runtime::Nesting nesting(runtime_);
  const Runtime::AtLine at_line(runtime_, expression.line);
  return std::visit([this](const auto& node) { return compute(node); }, expression.node);
}

Value Evaluator::compute(const Name& node) {
  for (const Scope* scope = scope_.get(); scope != nullptr; scope = scope->parent.get()) {
    const auto found = scope->variables.find(node.name);
    if (found != scope->variables.end()) return found->second;
  }
  if (auto global = make_global(runtime_, node.name)) return *std::move(global);
  return Value::undefined(message("'", node.name, "' is undefined"));
}

Value Evaluator::compute(const ListDisplay& node) {
  std::vector<Value> items;
  items.reserve(node.items.size());
  for (const ExpressionPtr& item : node.items) items.push_back(evaluate(*item));
  return runtime_.list(std::move(items), node.is_tuple ? Sequence::Type::tuple : Sequence::Type::list);
}

Value Evaluator::compute(const DictDisplay& node) {
  std::vector<Dict::Item> items;
  for (const auto& [key, value] : node.items) {
    Value made_key = evaluate(*key);
    put_item(runtime_, items, std::move(made_key), evaluate(*value));
  }
  return runtime_.dict(std::move(items));
}

Value Evaluator::compute(const Attribute& node) {
  return attribute_of(runtime_, evaluate(*node.object), node.name);
}

Value Evaluator::compute(const Item& node) {
  const Value object = evaluate(*node.object);
  return item_of(runtime_, object, evaluate(*node.index));
}

Value Evaluator::compute(const Slice& node) {
  const Value object = evaluate(*node.object);
  Value bounds[3];
  const Value* given[3] = {};
  const ExpressionPtr* const expressions[3] = {&node.start, &node.stop, &node.step};
  for (int i = 0; i < 3; ++i) {
    if (*expressions[i] == nullptr) continue;
    bounds[i] = evaluate(**expressions[i]);
    given[i] = &bounds[i];
  }
  return slice(runtime_, object, given[0], given[1], given[2]);
}

Arguments Evaluator::arguments_of(const CallArguments& arguments) {
  Arguments out;
  for (const ExpressionPtr& value : arguments.positional) out.positional.push_back(evaluate(*value));
  for (const auto& [name, value] : arguments.named) out.named.emplace_back(name, evaluate(*value));
  if (arguments.spread != nullptr) {
    for (Value& value : items_of(runtime_, evaluate(*arguments.spread))) {
      out.positional.push_back(std::move(value));
    }
  }
  if (arguments.named_spread != nullptr) {
    const Value spread = evaluate(*arguments.named_spread);
    if (!spread.is(Kind::dict)) runtime_.fail(message("** expects a dict, found ", spread.type_name()));
    for (const auto& [key, value] : spread.dict().items) {
      if (!key.is_string()) runtime_.fail("** expects a dict with string keys");
      runtime_.charge(key.string().size() + sizeof(Dict::Item));
      out.named.emplace_back(key.string(), value);
    }
  }
  return out;
}

Value Evaluator::call(const Call& node, const Value* caller) {
  // A method that is called where it is named needs no object of its own.
  Value self;
  Value callee;
  Method method = nullptr;
  if (const auto* attribute = std::get_if<Attribute>(&node.callee->node)) {
    self = evaluate(*attribute->object);
    method = find_method(runtime_, self, attribute->name);
    if (method == nullptr) callee = attribute_of(runtime_, self, attribute->name);
  } else {
    callee = evaluate(*node.callee);
  }
  Arguments arguments = arguments_of(node.arguments);
  if (caller != nullptr) arguments.named.emplace_back("caller", *caller);
  if (method != nullptr) return method(runtime_, self, arguments);
  return call_value(runtime_, callee, arguments);
}

Value Evaluator::compute(const FilterCall& node) {
  const Filter filter = find_filter(node.name);
  if (filter == nullptr) runtime_.unsupported(message("the filter \"", node.name, "\""));
  const Value input = node.input != nullptr      ? evaluate(*node.input)
                      : filter_input_ != nullptr ? *filter_input_
                                                 : Value();
  return filter(runtime_, input, arguments_of(node.arguments));
}

Value Evaluator::compute(const TestCall& node) {
  const Test test = find_test(node.name);
  if (test == nullptr) runtime_.unsupported(message("the test \"", node.name, "\""));
  const Value input = evaluate(*node.input);
  return Value(test(runtime_, input, arguments_of(node.arguments)));
}

Value Evaluator::compute(const Negation& node) { return Value(!truth(evaluate(*node.operand))); }

Value Evaluator::compute(const Sign& node) {
  return apply_sign(runtime_, node.sign, evaluate(*node.operand));
}

Value Evaluator::compute(const Logical& node) {
  Value left = evaluate(*node.left);
  return truth(left) == node.is_and ? evaluate(*node.right) : left;
}

Value Evaluator::compute(const Arithmetic& node) {
  const Value left = evaluate(*node.left);
  return arithmetic(runtime_, node.symbol, left, evaluate(*node.right));
}

Value Evaluator::compute(const Concatenation& node) {
  std::string out;
  for (const ExpressionPtr& part : node.parts) {
    const std::string text = to_text(runtime_, evaluate(*part));
    runtime_.charge(text.size());
    out += text;
  }
  return runtime_.string(std::move(out));
}

Value Evaluator::compute(const Comparison& node) {
  Value left = evaluate(*node.first);
  for (const auto& [operation, expression] : node.rest) {
    Value right = evaluate(*expression);
    if (!compare(runtime_, operation, left, right)) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

Value Evaluator::compute(const Conditional& node) {
  if (truth(evaluate(*node.condition))) return evaluate(*node.then);
  if (node.otherwise != nullptr) return evaluate(*node.otherwise);
  return Value::undefined("a conditional expression without else has no value");
}

}  // namespace transom::text::jinja
