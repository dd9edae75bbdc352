// SPDX-License-Identifier: Apache-2.0
/// Statements.
#include "text/jinja/evaluator.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "text/jinja/globals.h"
#include "text/jinja/loop.h"
#include "text/jinja/operators.h"
#include "text/jinja/printing.h"

namespace transom::text::jinja {

using core::message;

namespace {

class MacroObject : public Object {
 public:
  MacroObject(Evaluator& evaluator, const MacroBody& macro, std::shared_ptr<Scope> definition)
      : evaluator_(evaluator), macro_(macro), definition_(std::move(definition)) {}
  std::string_view type_name() const override { return "Macro"; }
  std::string text() const override { return message("<Macro '", macro_.name, "'>"); }
  bool callable() const override { return true; }
  std::optional<Value> attribute(Runtime& runtime, std::string_view name) override {
    if (name == "name") return runtime.string(macro_.name);
    return std::nullopt;
  }
  Value call(Runtime&, const Arguments& arguments) override {
    return evaluator_.call_macro(macro_, definition_, arguments);
  }
  void release() override { definition_.reset(); }

 private:
  Evaluator& evaluator_;
  const MacroBody& macro_;
  std::shared_ptr<Scope> definition_;
};

/// Puts a new value where an old one was, for as long as it lives.
template <typename T>
class Exchange {
 public:
  Exchange(T& place, T value) : place_(place), outer_(std::exchange(place, value)) {}
  ~Exchange() { place_ = outer_; }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

 private:
  T& place_;
  T outer_;
};

}  // namespace

Evaluator::Evaluator(Runtime& runtime, std::map<std::string, Value, std::less<>> variables)
    : runtime_(runtime), scope_(std::make_shared<Scope>(Scope{nullptr, std::move(variables)})) {}

std::string Evaluator::render(const Block& block) {
  std::string out;
  const Exchange<std::string*> output(out_, &out);
  execute(block);
  return out;
}

Evaluator::Flow Evaluator::execute(const Block& block) {
  const Runtime::Nesting nesting(runtime_);
  for (const Statement& statement : block) {
    runtime_.step();
    const Runtime::AtLine at_line(runtime_, statement.line);
    const Flow flow = std::visit([this](const auto& node) { return run(node); }, statement.node);
    if (flow != Flow::normal) return flow;
  }
  return Flow::normal;
}

void Evaluator::write(std::string_view text) {
  runtime_.charge(text.size());
  runtime_.check_output(out_->size() + text.size());
  out_->append(text);
}

std::string Evaluator::capture(const Block& block) {
  std::string out;
  const Exchange<std::string*> output(out_, &out);
  execute(block);
  return out;
}

Evaluator::Flow Evaluator::run(const Text& node) {
  write(node.text);
  return Flow::normal;
}

Evaluator::Flow Evaluator::run(const Output& node) {
  for (const ExpressionPtr& expression : node.values) {
    const Value value = evaluate(*expression);
    if (value.is_string()) {
      write(value.string());
    } else {
      write(to_text(runtime_, value));
    }
  }
  return Flow::normal;
}

Evaluator::Flow Evaluator::run(const If& node) {
  for (const auto& [condition, body] : node.branches) {
    if (truth(evaluate(*condition))) return execute(body);
  }
  return execute(node.otherwise);
}

Evaluator::Flow Evaluator::run(const For& node) {
  std::function<bool(const Value&)> accepts;
  if (node.condition != nullptr) {
    accepts = [this, &node, outer = scope_](const Value& item) {
      const InScope scope(*this, outer);
      assign(node.target, item);
      return truth(evaluate(*node.condition));
    };
  }
  const auto loop = runtime_.make<LoopObject>(runtime_, evaluate(*node.sequence), std::move(accepts));
  bool empty = true;
  Flow flow = Flow::normal;
  for (Value item; flow != Flow::leave_loop && loop->next(item);) {
    empty = false;
    const InScope scope(*this);
    scope_->variables["loop"] = Value(std::static_pointer_cast<Object>(loop));
    assign(node.target, item);
    flow = execute(node.body);
  }
  loop->release();
  if (empty && !node.otherwise.empty()) {
    const InScope scope(*this);
    return execute(node.otherwise);
  }
  return Flow::normal;
}

void Evaluator::assign(const Target& target, const Value& value) {
  runtime_.step();
  if (target.is_tuple) {
    const std::vector<Value> items = items_of(runtime_, value);
    if (items.size() != target.several.size()) {
      runtime_.fail(message("expected ", target.several.size(), " values to unpack, found ", items.size()));
    }
    for (std::size_t i = 0; i < items.size(); ++i) assign(target.several[i], items[i]);
  } else if (!target.attribute.empty()) {
    assign_namespace(runtime_, compute(Name{target.name}), target.attribute, value);
  } else {
    runtime_.charge(sizeof(Value));
    scope_->variables[target.name] = value;
  }
}

Evaluator::Flow Evaluator::run(const Set& node) {
  assign(node.target, evaluate(*node.value));
  return Flow::normal;
}

Evaluator::Flow Evaluator::run(const SetBlock& node) {
  Value value;
  {
    const InScope scope(*this);
    value = runtime_.string(capture(node.body));
    if (node.filter != nullptr) {
      const Exchange<const Value*> input(filter_input_, &value);
      Value filtered = evaluate(*node.filter);
      value = std::move(filtered);
    }
  }
  assign(node.target, value);
  return Flow::normal;
}

Evaluator::Flow Evaluator::run(const With& node) {
  std::vector<Value> values;
  for (const auto& [target, expression] : node.values) values.push_back(evaluate(*expression));
  const InScope scope(*this);
  for (std::size_t i = 0; i < values.size(); ++i) assign(node.values[i].first, values[i]);
  return execute(node.body);
}

Evaluator::Flow Evaluator::run(const FilterBlock& node) {
  const InScope scope(*this);
  const Value text = runtime_.string(capture(node.body));
  const Exchange<const Value*> input(filter_input_, &text);
  write(to_text(runtime_, evaluate(*node.filter)));
  return Flow::normal;
}

Evaluator::Flow Evaluator::run(const Scoped& node) {
  const InScope scope(*this);
  return execute(node.body);
}

Value Evaluator::make_macro(const MacroBody& macro) {
  return Value(std::static_pointer_cast<Object>(runtime_.make<MacroObject>(*this, macro, scope_)));
}

Evaluator::Flow Evaluator::run(const Macro& node) {
  scope_->variables[node.macro.name] = make_macro(node.macro);
  return Flow::normal;
}

Evaluator::Flow Evaluator::run(const CallBlock& node) {
  const Value caller = make_macro(node.caller);
  write(to_text(runtime_, call(std::get<Call>(node.call->node), &caller)));
  return Flow::normal;
}

Value Evaluator::call_macro(const MacroBody& macro, const std::shared_ptr<Scope>& definition,
                            const Arguments& arguments) {
  const Runtime::Nesting nesting(runtime_);
  const InScope scope(*this, definition);
  bind_macro(macro, arguments);
  return runtime_.string(capture(macro.body));
}

void Evaluator::bind_macro(const MacroBody& macro, const Arguments& arguments) {
  const std::vector<Parameter>& parameters = macro.parameters;
  auto& variables = scope_->variables;
  const std::size_t n_bound = std::min(parameters.size(), arguments.positional.size());
  for (std::size_t i = 0; i < n_bound; ++i) variables[parameters[i].name] = arguments.positional[i];
  std::vector<Value> varargs(arguments.positional.begin() + static_cast<std::ptrdiff_t>(n_bound),
                             arguments.positional.end());
  if (!varargs.empty() && !macro.uses_varargs) {
    runtime_.fail(message("the macro \"", macro.name, "\" takes at most ", parameters.size(), " arguments"));
  }
  std::vector<Dict::Item> kwargs;
  bool caller_given = false;
  for (const auto& [name, value] : arguments.named) {
    runtime_.step(1 + parameters.size() / 8);
    const bool known =
        std::any_of(parameters.begin(), parameters.end(),
                    [&key = name](const Parameter& parameter) { return parameter.name == key; });
    if (known && variables.contains(name)) {
      runtime_.fail(message("the macro \"", macro.name, "\" got two values for \"", name, "\""));
    }
    if (known || (name == "caller" && macro.uses_caller)) {
      caller_given = caller_given || name == "caller";
      variables[name] = value;
    } else if (macro.uses_kwargs) {
      kwargs.emplace_back(runtime_.string(name), value);
    } else {
      runtime_.fail(message("the macro \"", macro.name, "\" has no parameter \"", name, "\""));
    }
  }
  if (macro.uses_varargs) variables["varargs"] = runtime_.tuple(std::move(varargs));
  if (macro.uses_kwargs) variables["kwargs"] = runtime_.dict(std::move(kwargs));
  if (macro.uses_caller && !caller_given) variables["caller"] = Value::undefined("no caller is defined");
  for (const Parameter& parameter : parameters) {
    if (variables.contains(parameter.name)) continue;
    variables[parameter.name] =
        parameter.fallback != nullptr
            ? evaluate(*parameter.fallback)
            : Value::undefined(message("the parameter '", parameter.name, "' was not provided"));
  }
}

}  // namespace transom::text::jinja
