// SPDX-License-Identifier: Apache-2.0
/// What every step of a rendering shares: the budget, the place for messages, and the making of values.
#pragma once

#include <array>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/checks.h"
#include "text/jinja/limits.h"
#include "text/jinja/value.h"

namespace transom::text::jinja {

/// Local time, for strftime_now.
using Clock = std::function<std::tm()>;

/// One rendering, one thread.
class Runtime {
 public:
  Runtime(std::string_view template_name, const RenderLimits& limits, const Clock& clock)
      : template_name_(template_name), limits_(limits), clock_(clock) {}
  ~Runtime() {
    for (const std::shared_ptr<Object>& object : objects_) object->release();
  }
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  /// Counts work. @throws FormatError when the budget is spent.
  void step(std::size_t n = 1) {
    steps_ += n;
    if (steps_ > limits_.max_steps) fail_limit("evaluation steps", limits_.max_steps);
  }
  /// Counts bytes about to be made, so that a call before an allocation also prevents it.
  void charge(std::size_t bytes) {
    if (bytes > limits_.max_bytes - bytes_) fail_limit("bytes of values", limits_.max_bytes);
    bytes_ += bytes;
    step(bytes / 64);
  }
  /// @throws FormatError when an output of this size is too long.
  void check_output(std::size_t bytes) const {
    if (bytes > limits_.max_output_bytes) fail_limit("bytes of output", limits_.max_output_bytes);
  }

  /// Counted values. A container deeper than kMaxValueDepth is a FormatError.
  Value string(std::string text);
  Value list(std::vector<Value> items, Sequence::Type type = Sequence::Type::list, std::string label = {});
  Value tuple(std::vector<Value> items) { return list(std::move(items), Sequence::Type::tuple); }
  Value dict(std::vector<Dict::Item> items);

  /// An object that lives until the rendering ends. Objects may hold each other in long chains and in cycles;
  /// none is destroyed by another.
  template <typename T, typename... Parameters>
  std::shared_ptr<T> make(Parameters&&... parameters) {
    charge(sizeof(T) + 64);
    auto made = std::make_shared<T>(std::forward<Parameters>(parameters)...);
    objects_.push_back(made);
    return made;
  }

  /// FormatError, InvalidArgument and UnsupportedError with the template's name and line.
  [[noreturn]] void fail(std::string_view problem) const;
  [[noreturn]] void refuse(std::string_view problem) const;
  [[noreturn]] void unsupported(std::string_view what) const;

  int line() const { return line_; }
  std::tm now() const;

  /// Bounds recursion for as long as it lives.
  class Nesting {
   public:
    explicit Nesting(Runtime& runtime) : runtime_(runtime) {
      if (++runtime_.depth_ <= kMaxRenderDepth) return;
      --runtime_.depth_;
      runtime_.fail_limit("nested evaluations", kMaxRenderDepth);
    }
    ~Nesting() { --runtime_.depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;

   private:
    Runtime& runtime_;
  };

  /// Makes a line the place of what happens for as long as it lives.
  class AtLine {
   public:
    AtLine(Runtime& runtime, int line) : runtime_(runtime), outer_(runtime.line_) { runtime.line_ = line; }
    ~AtLine() { runtime_.line_ = outer_; }
    AtLine(const AtLine&) = delete;
    AtLine& operator=(const AtLine&) = delete;

   private:
    Runtime& runtime_;
    int outer_;
  };

 private:
  [[noreturn]] void fail_limit(std::string_view what, std::size_t limit) const;

  std::string_view template_name_;
  const RenderLimits& limits_;
  const Clock& clock_;
  std::size_t steps_ = 0;
  std::size_t bytes_ = 0;
  int depth_ = 0;
  int line_ = 1;
  std::vector<std::shared_ptr<Object>> objects_;
};

/// Assigns arguments to parameters as Python does. An absent optional parameter is a null pointer.
/// @param required How many of the first parameters must be given.
void bind_arguments(Runtime& runtime, std::string_view function, const Arguments& arguments,
                    const std::string_view* names, std::size_t n_names, std::size_t required,
                    const Value** out);

template <std::size_t N>
std::array<const Value*, N> bind(Runtime& runtime, std::string_view function, const Arguments& arguments,
                                 const std::array<std::string_view, N>& names, std::size_t required) {
  std::array<const Value*, N> out{};
  bind_arguments(runtime, function, arguments, names.data(), N, required, out.data());
  return out;
}

}  // namespace transom::text::jinja
