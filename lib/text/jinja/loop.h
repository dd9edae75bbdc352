// SPDX-License-Identifier: Apache-2.0
/// The variable `loop`, which also drives its loop: items are taken one by one, since the filter of a loop
/// may depend on what the body did before.
#pragma once

#include <deque>
#include <functional>
#include <optional>

#include "text/jinja/operators.h"

namespace transom::text::jinja {

class LoopObject : public Object {
 public:
  /// @param accepts The filter; may be empty.
  LoopObject(Runtime& runtime, const Value& sequence, std::function<bool(const Value&)> accepts);

  /// Moves to the next item.
  bool next(Value& out);

  std::string_view type_name() const override { return "LoopContext"; }
  std::string text() const override;
  std::optional<Value> attribute(Runtime& runtime, std::string_view name) override;
  void release() override;

 private:
  bool pull(Value& out);
  /// Makes sure that the item behind the current one is known, if there is one.
  bool look_ahead();
  std::int64_t length();

  std::optional<Iteration> iteration_;
  std::function<bool(const Value&)> accepts_;
  std::optional<std::int64_t> known_length_;
  std::deque<Value> ahead_;
  std::optional<Value> previous_;
  std::optional<Value> item_;
  std::int64_t index_ = -1;
  std::optional<std::vector<Value>> last_changed_;

  friend class LoopFunction;
};

}  // namespace transom::text::jinja
