// SPDX-License-Identifier: Apache-2.0
/// The options that the Metaspace pre-tokenizer and the Metaspace decoder share.
#pragma once

#include <string>

#include "text/json_path.h"

namespace transom::text {

/// Which pieces get a replacement character put before them.
enum class PrependScheme { first, always, never };

struct MetaspaceOptions {
  std::string replacement = "\xE2\x96\x81";  ///< one character; U+2581 by default
  PrependScheme prepend_scheme = PrependScheme::always;
  bool split = true;
};

/// @throws FormatError when the replacement is not one character or the scheme unknown.
MetaspaceOptions load_metaspace(const io::Json& json, const JsonPath& path);

}  // namespace transom::text
