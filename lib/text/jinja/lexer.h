// SPDX-License-Identifier: Apache-2.0
/// Cuts a template into tokens, with jinja2's rules for white space: trim_blocks and lstrip_blocks on,
/// keep_trailing_newline off.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace transom::text::jinja {

struct Token {
  enum class Kind {
    data,
    variable_begin,
    variable_end,
    block_begin,
    block_end,
    name,
    string,
    integer,
    real,
    symbol,
    end
  };
  Kind kind = Kind::end;
  int line = 1;
  /// Text of data, names and symbols; the value of a string.
  std::string text;
  std::int64_t integer = 0;
  double real = 0;

  bool is_symbol(std::string_view symbol) const { return kind == Kind::symbol && text == symbol; }
  bool is_name(std::string_view name) const { return kind == Kind::name && text == name; }
  /// For messages.
  std::string description() const;
};

/// @param name Names the template in messages.
/// @return The tokens, the last one of kind `end`. Comments are gone.
/// @throws FormatError with the line.
std::vector<Token> tokenize(std::string_view source, std::string_view name);

}  // namespace transom::text::jinja
