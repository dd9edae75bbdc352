// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "generation/constraint/char_set.h"
#include "generation/constraint/source_reader.h"

namespace transom::generation {

/// What stands behind a backslash in a regular expression, outside and inside of classes.
/// @throws FormatError for an unknown escape, UnsupportedError for one that is no character.
CharSet take_regex_escape(SourceReader& reader);

}  // namespace transom::generation
