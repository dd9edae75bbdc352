// SPDX-License-Identifier: Apache-2.0
/// A Jinja template as chat models bring it, compiled once and rendered often.
///
/// The language is jinja2's in the environment that the Python library gives chat templates: trim_blocks,
/// lstrip_blocks, loop controls, `{% generation %}`, the immutable sandbox, its `tojson`. Not there:
/// includes, imports, inheritance, recursive loops, markup (`safe` gives its input), integers beyond 64 bits.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "io/json.h"
#include "text/jinja/ast.h"
#include "text/jinja/runtime.h"

namespace transom::text::jinja {

using Variables = std::map<std::string, Value, std::less<>>;

/// Immutable; copies share one body; safe from any thread.
class Template {
 public:
  /// @param name Names the template in messages.
  /// @throws FormatError or UnsupportedError with name and line.
  static Template compile(std::string_view source, std::string name);

  /// @param clock For strftime_now; empty for the system's.
  /// @throws InvalidArgument when the template calls raise_exception; FormatError when it computes nonsense
  /// or exceeds a limit; UnsupportedError when it needs what is not there.
  std::string render(Variables variables, const RenderLimits& limits = {}, const Clock& clock = {}) const;

  const std::string& name() const { return body_->name; }
  const std::string& source() const { return body_->source; }

 private:
  struct Body {
    std::string name;
    std::string source;
    Block block;
  };
  std::shared_ptr<const Body> body_;
};

/// JSON as the values that json.loads gives, strings mended to valid UTF-8.
Value from_json(const io::Json& json, std::string_view where);

/// Containers outside of any rendering, whose budget they do not touch.
Value make_list(std::vector<Value> items);
Value make_dict(std::vector<Dict::Item> items);

}  // namespace transom::text::jinja
