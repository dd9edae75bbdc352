// SPDX-License-Identifier: Apache-2.0
#include "generation/constraint/json_schema.h"

#include "generation/constraint/schema_compiler.h"
#include "io/json.h"

namespace transom::generation {

namespace {

constexpr std::size_t kMaxSchemaValues = std::size_t{1} << 16;

}  // namespace

Grammar parse_json_schema(std::string_view source) {
  const io::Json json = io::Json::parse(source, "json_schema", {.max_values = kMaxSchemaValues});
  return SchemaCompiler(json).run();
}

}  // namespace transom::generation
