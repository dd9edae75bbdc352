// SPDX-License-Identifier: Apache-2.0
// A thousand texts of SmolLM2-135M-Instruct under twenty JSON schemas: each parses and validates.
#include "io/json.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"
#include "tests/support/schema_validator.h"
#include "transom/transom.h"

namespace {

// Every text that they allow is short enough for the token limit below.
constexpr const char* kSchemas[] = {
    R"({"type": "object", "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer",
        "minimum": 0, "maximum": 120}}, "required": ["name", "age"], "additionalProperties": false})",
    R"({"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 12}, "minItems": 2, "maxItems": 5})",
    R"({"enum": ["red", "green", "blue", 1, null, true]})",
    R"({"type": "boolean"})",
    R"({"type": "object", "properties": {"city": {"type": "string", "pattern": "^[A-Z][a-z]{2,12}$"},
        "population": {"type": "integer", "minimum": 1000, "maximum": 99999999}}, "required": ["city"],
        "additionalProperties": false})",
    R"({"type": "string", "format": "date"})",
    R"({"type": "string", "format": "uuid"})",
    R"({"type": "object", "properties": {"when": {"type": "string", "format": "date-time"}, "what": {"type": "string",
        "maxLength": 30}}, "required": ["when", "what"], "additionalProperties": false})",
    R"({"anyOf": [{"type": "integer", "minimum": -50, "maximum": 50}, {"type": "string", "maxLength": 10}]})",
    R"({"type": "object", "properties": {"kind": {"const": "circle"}, "radius": {"type": "integer", "minimum": 1,
        "maximum": 9}}, "required": ["kind", "radius"], "additionalProperties": false})",
    R"({"$defs": {"point": {"type": "object", "properties": {"x": {"type": "integer", "minimum": 0, "maximum": 999},
        "y": {"type": "integer", "minimum": 0, "maximum": 999}}, "required": ["x", "y"],
        "additionalProperties": false}}, "type": "array", "items": {"$ref": "#/$defs/point"}, "minItems": 1,
        "maxItems": 4})",
    R"({"type": ["integer", "null"], "minimum": 5, "maximum": 500})",
    R"({"type": "array", "prefixItems": [{"type": "string", "maxLength": 8}, {"type": "boolean"}], "items": false,
        "minItems": 2})",
    R"({"type": "object", "properties": {"tags": {"type": "array", "items": {"enum": ["a", "b", "c"]}, "maxItems": 3},
        "note": {"type": "string", "maxLength": 25}}, "additionalProperties": false})",
    R"({"type": "object", "properties": {"user": {"type": "object", "properties": {"id": {"type": "integer",
        "minimum": 1, "maximum": 9999}, "mail": {"type": "string", "pattern": "^[a-z]{1,8}@[a-z]{1,8}\\.(com|org)$"}},
        "required": ["id", "mail"], "additionalProperties": false}}, "required": ["user"],
        "additionalProperties": false})",
    R"({"type": "string", "format": "ipv4"})",
    R"({"type": "string", "minLength": 3, "maxLength": 40})",
    R"({"type": "object", "properties": {"answer": {"enum": ["yes", "no", "maybe"]}, "because": {"type": "string",
        "minLength": 5, "maxLength": 60}}, "required": ["answer", "because"], "additionalProperties": false})",
    R"({"oneOf": [{"type": "object", "properties": {"a": {"type": "boolean"}}, "required": ["a"],
        "additionalProperties": false}, {"type": "object", "properties": {"b": {"type": "null"}}, "required": ["b"],
        "additionalProperties": false}]})",
    R"({"type": "object", "properties": {"t": {"type": "string", "format": "time"}, "list": {"type": "array",
        "items": {"type": ["boolean", "null"]}, "minItems": 1, "maxItems": 6}}, "required": ["t", "list"],
        "additionalProperties": false})"};

constexpr std::size_t kTextsPerSchema = 50;

}  // namespace

TEST_CASE("smollm2: a thousand texts under twenty schemas parse and validate") {
  const auto directory =
      transom::testing::source_directory() / "examples" / "models" / "smollm2-135m-instruct";
  const auto model = transom::AutoModel::from_pretrained(directory.string());
  std::vector<std::string> prompts;
  for (std::size_t i = 0; i < kTextsPerSchema; ++i)
    prompts.push_back("Example " + std::to_string(i) + " of a JSON record about a traveller:\n");
  std::size_t valid = 0;
  for (const char* source : kSchemas) {
    transom::GenerationConfig config{
        .max_new_tokens = 600, .do_sample = true, .temperature = 1.0f, .seed = 9};
    config.json_schema = source;
    const auto schema = transom::io::Json::parse(source, "schema");
    const transom::testing::SchemaValidator validator(schema);
    for (const transom::Generation& result : model.generate_batch(prompts, config)) {
      INFO(source << "\n" << result.text);
      REQUIRE(result.finish_reason != transom::FinishReason::length);
      const auto value = transom::io::Json::parse(result.text, "text");
      CHECK(validator.check(value) == "");
      ++valid;
    }
  }
  CHECK(valid == std::size(kSchemas) * kTextsPerSchema);
}
