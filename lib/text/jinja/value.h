// SPDX-License-Identifier: Apache-2.0
/// What a template computes with: Python's values, as far as chat templates can make them.
///
/// Values are immutable and shared, except for the objects behind Kind::object (a namespace, a loop) and the
/// position of a generator; those live within one rendering, on one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace transom::text::jinja {

class Runtime;
class Value;
struct Sequence;
struct Dict;

/// What a call hands over.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
};

/// A value with behaviour of its own: a function, a macro, a namespace, a loop.
class Object {
 public:
  virtual ~Object();
  virtual std::string_view type_name() const = 0;
  /// What str() gives.
  virtual std::string text() const = 0;
  virtual std::optional<Value> attribute(Runtime& runtime, std::string_view name);
  virtual bool callable() const { return false; }
  virtual Value call(Runtime& runtime, const Arguments& arguments);
  /// Lets go of the values it holds. Called at the end of the rendering, which ends all cycles.
  virtual void release() {}
};

enum class Kind { undefined, none, boolean, integer, real, string, sequence, dict, object };

class Value {
 public:
  Value() : data_(std::in_place_index<1>) {}  ///< None
  explicit Value(bool value) : data_(value) {}
  explicit Value(std::int64_t value) : data_(value) {}
  explicit Value(double value) : data_(value) {}
  /// Text whose size nobody has to answer for: constants and what the caller gave. Computed text is made by
  /// Runtime::string, which counts it.
  explicit Value(std::string text) : data_(std::make_shared<const std::string>(std::move(text))) {}
  explicit Value(std::shared_ptr<const Sequence> value) : data_(std::move(value)) {}
  explicit Value(std::shared_ptr<const Dict> value) : data_(std::move(value)) {}
  explicit Value(std::shared_ptr<Object> value) : data_(std::move(value)) {}
  /// A name or member that is not there. @param problem What a use of it says.
  static Value undefined(std::string problem);

  Kind kind() const { return static_cast<Kind>(data_.index()); }
  bool is(Kind kind_asked) const { return kind() == kind_asked; }
  bool is_undefined() const { return is(Kind::undefined); }
  bool is_none() const { return is(Kind::none); }
  bool is_string() const { return is(Kind::string); }

  /// Each may only be called on its kind.
  const std::string& problem() const { return *std::get<0>(data_).problem; }
  bool boolean() const { return std::get<bool>(data_); }
  std::int64_t integer() const { return std::get<std::int64_t>(data_); }
  double real() const { return std::get<double>(data_); }
  const std::string& string() const { return *std::get<std::shared_ptr<const std::string>>(data_); }
  const Sequence& sequence() const { return *std::get<std::shared_ptr<const Sequence>>(data_); }
  const Dict& dict() const { return *std::get<std::shared_ptr<const Dict>>(data_); }
  Object& object() const { return *std::get<std::shared_ptr<Object>>(data_); }

  /// A boolean counts as 0 or 1.
  std::optional<std::int64_t> as_integer() const;
  /// Any number.
  std::optional<double> as_real() const;
  /// Whether both are the same object or the same scalar.
  bool same_as(const Value& other) const;
  /// How many containers are nested in it: 0 for a scalar.
  std::size_t depth() const;
  /// Python's name of the type: "str", "list".
  std::string_view type_name() const;

 private:
  struct Undefined {
    std::shared_ptr<const std::string> problem;
  };
  std::variant<Undefined, std::monostate, bool, std::int64_t, double, std::shared_ptr<const std::string>,
               std::shared_ptr<const Sequence>, std::shared_ptr<const Dict>, std::shared_ptr<Object>>
      data_;
};

/// Lists and what iterates like one.
struct Sequence {
  enum class Type { list, tuple, range, keys, values, items, generator };
  Type type = Type::list;
  std::vector<Value> items;
  std::size_t depth = 1;
  std::string label;  ///< what str() gives for a range
  /// A generator gives each item once.
  mutable std::size_t consumed = 0;

  /// Has a length and can be indexed.
  bool indexable() const { return type == Type::list || type == Type::tuple || type == Type::range; }
};

/// In the order of insertion.
struct Dict {
  using Item = std::pair<Value, Value>;
  std::vector<Item> items;
  std::size_t depth = 1;

  const Value* find(std::string_view key) const;
};

}  // namespace transom::text::jinja
