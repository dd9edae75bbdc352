// SPDX-License-Identifier: Apache-2.0
/// Arbitrary bytes as JSON: a typed error or a tree, and a tree that is written down reads back as itself.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>

#include "io/json.h"
#include "io/json_write.h"
#include "tests/fuzz/require.h"
#include "text/utf8.h"
#include "transom/error.h"

namespace {

using transom::fuzz::require;
using transom::io::Json;

void require_utf8(std::string_view text) { require(transom::text::valid_utf8_prefix(text) == text.size()); }

std::string write(const Json& json) {
  switch (json.kind()) {
    case Json::Kind::null:
      return "null";
    case Json::Kind::boolean:
      return json.as_bool("") ? "true" : "false";
    case Json::Kind::integer:
      return std::to_string(json.as_int(""));
    case Json::Kind::number:
      require(std::isfinite(json.as_double("")));
      return transom::io::json_number(json.as_double(""));
    case Json::Kind::string:
      require_utf8(json.as_string(""));
      return transom::io::json_string(json.as_string(""));
    case Json::Kind::array: {
      std::string text = "[";
      for (const Json& item : json.as_array("")) text += (text.size() == 1 ? "" : ",") + write(item);
      return text + "]";
    }
    case Json::Kind::object: {
      std::string text = "{";
      for (const auto& [name, item] : json.as_object("")) {
        require_utf8(name);
        require(json.find(name) == &item);
        text += (text.size() == 1 ? "" : ",") + transom::io::json_string(name) + ":" + write(item);
      }
      return text + "}";
    }
  }
  return {};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  std::string once;
  try {
    once = write(Json::parse(input, "fuzz"));
  } catch (const transom::FormatError&) {
    return 0;
  }
  require(write(Json::parse(once, "written")) == once);
  return 0;
}
