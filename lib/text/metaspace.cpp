// SPDX-License-Identifier: Apache-2.0
#include "text/metaspace.h"

#include "text/utf8.h"

namespace transom::text {

MetaspaceOptions load_metaspace(const io::Json& json, const JsonPath& path) {
  MetaspaceOptions options;
  options.replacement = string_member(json, "replacement", options.replacement, path);
  if (options.replacement.empty() || utf8_length(options.replacement[0]) != options.replacement.size()) {
    path.member("replacement")
        .fail(core::message("expected one character, found \"", options.replacement, "\""));
  }
  const std::string scheme = string_member(json, "prepend_scheme", "always", path);
  if (scheme == "first") {
    options.prepend_scheme = PrependScheme::first;
  } else if (scheme == "never") {
    options.prepend_scheme = PrependScheme::never;
  } else if (scheme != "always") {
    path.member("prepend_scheme")
        .fail(core::message("expected first, always or never, found \"", scheme, "\""));
  }
  // Files from before prepend_scheme was written say it with a flag.
  if (!bool_member(json, "add_prefix_space", true, path)) options.prepend_scheme = PrependScheme::never;
  options.split = bool_member(json, "split", true, path);
  return options;
}

}  // namespace transom::text
