// SPDX-License-Identifier: Apache-2.0
/// Grammars in GBNF, the notation of llama.cpp:
///
///   root   ::= "answer: " ("yes" | "no") reason?   # a comment
///   reason ::= ", " [a-z ]{1,60}
///
/// Literals and classes know the escapes \n \r \t \\ \" \[ \] \xHH \uHHHH \UHHHHHHHH; `.` is any character; *
/// + ? {m} {m,} {m,n} repeat the part before them. A rule ends with its line, except inside parentheses or
/// behind a bar. A text must match the rule `root`. Left recursion is refused; right recursion and any other
/// is fine.
#pragma once

#include <string_view>

#include "generation/constraint/grammar.h"

namespace transom::generation {

/// @throws FormatError or UnsupportedError with the position, counted in bytes.
Grammar parse_gbnf(std::string_view source);

}  // namespace transom::generation
