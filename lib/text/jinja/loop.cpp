// SPDX-License-Identifier: Apache-2.0
#include "text/jinja/loop.h"

namespace transom::text::jinja {

using core::message;

/// loop.cycle and loop.changed. The loop outlives it: both live until the rendering ends.
class LoopFunction : public Object {
 public:
  LoopFunction(LoopObject& loop, bool is_cycle) : loop_(loop), is_cycle_(is_cycle) {}
  std::string_view type_name() const override { return "method"; }
  std::string text() const override { return is_cycle_ ? "<method cycle>" : "<method changed>"; }
  bool callable() const override { return true; }

  Value call(Runtime& runtime, const Arguments& arguments) override {
    const std::vector<Value>& values = arguments.positional;
    if (is_cycle_) {
      if (values.empty()) runtime.fail("loop.cycle expects at least one argument");
      return values[static_cast<std::size_t>(loop_.index_) % values.size()];
    }
    bool same = loop_.last_changed_ && loop_.last_changed_->size() == values.size();
    for (std::size_t i = 0; same && i < values.size(); ++i) {
      same = equals(runtime, (*loop_.last_changed_)[i], values[i]);
    }
    if (!same) loop_.last_changed_ = values;
    return Value(!same);
  }

 private:
  LoopObject& loop_;
  bool is_cycle_;
};

LoopObject::LoopObject(Runtime& runtime, const Value& sequence, std::function<bool(const Value&)> accepts)
    : iteration_(std::in_place, runtime, sequence), accepts_(std::move(accepts)) {
  const bool is_generator =
      sequence.is(Kind::sequence) && sequence.sequence().type == Sequence::Type::generator;
  if (!accepts_ && !is_generator) known_length_ = length_of(runtime, sequence);
}

bool LoopObject::pull(Value& out) {
  while (iteration_ && iteration_->next(out)) {
    if (!accepts_ || accepts_(out)) return true;
  }
  return false;
}

bool LoopObject::look_ahead() {
  if (!ahead_.empty()) return true;
  Value item;
  if (!pull(item)) return false;
  ahead_.push_back(std::move(item));
  return true;
}

bool LoopObject::next(Value& out) {
  if (!look_ahead()) return false;
  previous_ = std::move(item_);
  item_ = std::move(ahead_.front());
  ahead_.pop_front();
  ++index_;
  out = *item_;
  return true;
}

std::int64_t LoopObject::length() {
  if (!known_length_) {
    for (Value item; pull(item);) ahead_.push_back(std::move(item));
    known_length_ = index_ + 1 + static_cast<std::int64_t>(ahead_.size());
  }
  return *known_length_;
}

std::string LoopObject::text() const { return message("<LoopContext ", index_ + 1, ">"); }

std::optional<Value> LoopObject::attribute(Runtime& runtime, std::string_view name) {
  if (name == "index") return Value(index_ + 1);
  if (name == "index0") return Value(index_);
  if (name == "first") return Value(index_ == 0);
  if (name == "last") return Value(!look_ahead());
  if (name == "length") return Value(length());
  if (name == "revindex") return Value(length() - index_);
  if (name == "revindex0") return Value(length() - index_ - 1);
  if (name == "depth") return Value(std::int64_t{1});
  if (name == "depth0") return Value(std::int64_t{0});
  if (name == "previtem") {
    return previous_ ? *previous_ : Value::undefined("there is no previous item");
  }
  if (name == "nextitem") {
    return look_ahead() ? ahead_.front() : Value::undefined("there is no next item");
  }
  if (name == "cycle" || name == "changed") {
    return Value(std::static_pointer_cast<Object>(runtime.make<LoopFunction>(*this, name == "cycle")));
  }
  return std::nullopt;
}

void LoopObject::release() {
  iteration_.reset();
  accepts_ = nullptr;
  ahead_.clear();
  previous_.reset();
  item_.reset();
  last_changed_.reset();
}

}  // namespace transom::text::jinja
