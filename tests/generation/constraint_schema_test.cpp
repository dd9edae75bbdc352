// SPDX-License-Identifier: Apache-2.0
/// JSON schemas: random texts under the masks are parsed and validated by a validator of the tests' own;
/// texts that must and must not match; what is refused.
#include <string>
#include <vector>

#include "generation/constraint/json_schema.h"
#include "io/json.h"
#include "tests/generation/constraint_support.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"
#include "tests/support/schema_validator.h"
#include "tests/support/throws.h"
#include "tests/text/test_data.h"
#include "text/tokenizer_loader.h"

using namespace transom;
using namespace transom::testing;

namespace {

const std::vector<std::string>& schemas() {
  static const std::vector<std::string> all = {
      "{}",
      "true",
      R"({"type": "object"})",
      R"({"type": "array"})",
      R"({"type": ["boolean", "null", "integer"]})",
      R"({"type": "string", "nullable": true})",
      R"({"enum": ["a", 1, 1.5, null, true, [1, "x"], {"k": "v\n"}]})",
      R"({"const": {"a": [1, 2, {"b": null}]}})",
      R"({"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer"},
          "tags": {"type": "array", "items": {"type": "string"}}}, "required": ["name", "age"]})",
      R"({"type": "object", "properties": {"a": {"type": "null"}, "ab": {"type": "null"}, "abc": {"type": "null"},
          "b": {"type": "boolean"}, "id": {"type": "number"}}})",
      R"({"type": "object", "properties": {"a": {"type": "boolean"}}, "additionalProperties": {"type": "integer"}})",
      R"({"type": "object", "properties": {"a": {"type": "boolean"}, "x": {}}, "required": ["a"],
          "additionalProperties": true})",
      R"({"type": "object", "additionalProperties": {"type": "boolean"}, "minProperties": 2, "maxProperties": 3})",
      R"({"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a", "b"],
          "additionalProperties": {"type": "string"}})",
      R"({"type": "object", "patternProperties": {"^[a-c]{2,9}_id$": {"type": "integer"}}, "additionalProperties": false})",
      R"({"type": "array", "items": {"type": "integer", "minimum": -20, "maximum": 135}, "minItems": 2, "maxItems": 12})",
      R"({"type": "array", "prefixItems": [{"type": "string"}, {"type": "null"}], "items": {"type": "boolean"}, "minItems": 1})",
      R"({"type": "array", "prefixItems": [{"type": "null"}, {"type": "null"}, {"const": 1}], "items": false, "minItems": 2})",
      R"({"type": "array", "items": {}, "maxItems": 3})",
      R"({"type": "string", "minLength": 3, "maxLength": 12})",
      R"({"type": "string", "minLength": 12})",
      R"({"type": "string", "maxLength": 40})",
      R"({"type": "string", "pattern": "^[A-Z][a-z]{1,20}(-[0-9]{3})?$"})",
      R"({"type": "string", "pattern": "ab+c"})",
      R"({"type": "string", "pattern": "^a|z$"})",
      R"({"type": "string", "pattern": "^[A-Z]\"\\\\[\\x00-\\x1f]$"})",
      R"({"type": "array", "items": {"type": "string", "format": "date"}, "minItems": 3, "maxItems": 9})",
      R"({"type": "array", "items": {"type": "string", "format": "time"}, "minItems": 3, "maxItems": 9})",
      R"({"type": "array", "items": {"type": "string", "format": "date-time"}, "minItems": 3, "maxItems": 9})",
      R"({"type": "array", "items": {"type": "string", "format": "duration"}, "minItems": 3, "maxItems": 9})",
      R"({"type": "array", "items": {"type": "string", "format": "uuid"}, "minItems": 3, "maxItems": 9})",
      R"({"type": "array", "items": {"type": "string", "format": "email"}, "minItems": 3, "maxItems": 9})",
      R"({"type": "array", "items": {"type": "string", "format": "hostname"}, "minItems": 3, "maxItems": 9})",
      R"({"type": "array", "items": {"type": "string", "format": "ipv4"}, "minItems": 3, "maxItems": 9})",
      R"({"type": "array", "items": {"type": "string", "format": "ipv6"}, "minItems": 3, "maxItems": 9})",
      R"({"type": "array", "items": {"type": "string", "format": "uri"}, "minItems": 3, "maxItems": 9})",
      R"({"type": "array", "items": {"type": "number", "minimum": 0.25, "exclusiveMaximum": 1.5}, "minItems": 9})",
      R"({"type": "array", "items": {"type": "number", "exclusiveMinimum": -3.125, "maximum": 17}, "minItems": 9})",
      R"({"type": "array", "items": {"type": "number", "minimum": -0.5}, "minItems": 9})",
      R"({"type": "array", "items": {"type": "number", "maximum": -1000000}, "minItems": 9})",
      R"({"type": "array", "items": {"type": "number", "multipleOf": 0.01}, "minItems": 9})",
      R"({"type": "array", "items": {"type": "integer", "exclusiveMinimum": 99, "maximum": 12345}, "minItems": 9})",
      R"({"type": "array", "items": {"type": "integer", "minimum": 7, "maximum": 200, "multipleOf": 6}, "minItems": 9})",
      R"({"anyOf": [{"type": "string", "maxLength": 9}, {"type": "array", "items": {"$ref": "#"}}]})",
      R"({"oneOf": [{"type": "object", "properties": {"kind": {"const": "a"}, "x": {"type": "integer"}},
          "required": ["kind", "x"]}, {"type": "object", "properties": {"kind": {"enum": ["b", "c"]}}, "required": ["kind"]}]})",
      R"({"allOf": [{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
          {"properties": {"a": {"minimum": 5}, "b": {"type": "boolean"}}}]})",
      R"({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
          "anyOf": [{"required": ["a"]}, {"required": ["b"]}]})",
      R"({"$ref": "#/$defs/node", "$defs": {"node": {"type": "object", "properties": {"value": {"type": "integer"},
          "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}, "required": ["value", "next"]}}})",
      R"({"definitions": {"tree": {"type": "object", "properties": {"id": {"type": "string"},
          "children": {"type": "array", "items": {"$ref": "#/definitions/tree"}, "maxItems": 2}}, "required": ["id"]}},
          "$ref": "#/definitions/tree"})",
  };
  return all;
}

std::shared_ptr<const Constraint> schema(std::string_view source) {
  static const auto table = table_of(byte_tokens());
  return compile(ConstraintKind::json_schema, source, table);
}

/// A text by random choices; when it gets long, those that come to an end.
std::string random_text(const std::shared_ptr<const Constraint>& constraint, const TokenTable& table,
                        TokenId eos, unsigned seed) {
  std::mt19937 random(seed);
  Matcher matcher(constraint, {eos});
  std::string text;
  for (int step = 0; step < 4000 && !matcher.must_end(); ++step) {
    const std::vector<TokenId> ids = allowed(matcher, table.size());
    REQUIRE_FALSE(ids.empty());
    TokenId next = ids[random() % ids.size()];
    // A plain choice among all would hardly ever end a string: what ends something is taken more often.
    if (step > 60 || random() % 2 == 0) {
      std::vector<TokenId> ends;
      for (const TokenId id : ids) {
        if (id == eos && step > 60) ends = {eos, eos, eos};
        const std::string_view bytes = table.bytes(id);
        if (bytes.size() == 1 && std::string_view("\"]}abcz0").find(bytes) != std::string_view::npos)
          ends.push_back(id);
      }
      if (!ends.empty()) next = ends[random() % ends.size()];
    }
    REQUIRE(matcher.accept(next));
    text += table.bytes(next);
  }
  REQUIRE(matcher.can_end());
  return text;
}

/// Whether a vocabulary has the bytes that a schema needs.
bool can_spell(const std::string& source, const std::shared_ptr<const TokenTable>& table) {
  try {
    random_text(compile(ConstraintKind::json_schema, source, table), *table, 2, 0);
    return true;
  } catch (const UnsupportedError& error) {
    CHECK(contains(error.what(), "vocabulary"));
    return false;
  }
}

/// Members of further properties may repeat a name, which our reader refuses: such a text proves nothing.
bool repeats_a_name(const Error& error) { return contains(error.what(), "appears twice"); }

void check_schema(const std::string& source, const std::shared_ptr<const TokenTable>& table, TokenId eos,
                  int n_texts) {
  CAPTURE(source);
  const io::Json json = io::Json::parse(source, "schema");
  const SchemaValidator validator(json);
  const auto constraint = compile(ConstraintKind::json_schema, source, table);
  int n_read = 0;
  for (int i = 0; i < n_texts; ++i) {
    const std::string text = random_text(constraint, *table, eos, static_cast<unsigned>(i));
    CAPTURE(text);
    io::Json value;
    try {
      value = io::Json::parse(text, "text", {.max_depth = 4000});
    } catch (const Error& error) {
      if (!repeats_a_name(error)) FAIL(error.what());
      continue;
    }
    ++n_read;
    const std::string wrong = validator.check(value);
    CHECK(wrong == "");
  }
  CHECK(n_read > 0);
}

}  // namespace

TEST_CASE("random texts are valid JSON of the schema, over an artificial vocabulary") {
  const auto table = table_of(mixed_tokens());
  for (const std::string& source : schemas()) check_schema(source, table, kByteEos, 25);
}

TEST_CASE("random texts are valid JSON of the schema, over a real vocabulary") {
  // The bundled vocabulary has neither braces nor brackets; the others are there where the shared data is.
  int n_spelled = 0;
  const auto bundled = text::load_tokenizer(tinystories());
  const auto small = std::make_shared<const TokenTable>(*bundled);
  for (const std::string& source : schemas()) {
    if (!can_spell(source, small)) continue;
    check_schema(source, small, 2, 3);
    ++n_spelled;
  }
  CHECK(n_spelled > 5);
  for (const char* name : {"qwen2", "phi3v-llama2"}) {
    const auto tokenizer = test::load_named(name);
    if (tokenizer == nullptr) continue;
    const auto table = std::make_shared<const TokenTable>(*tokenizer);
    const TokenId eos = tokenizer->special_ids().at(0);
    for (const std::string& source : schemas()) check_schema(source, table, eos, 1);
  }
}

TEST_CASE("texts that match and texts that do not") {
  struct Case {
    const char* schema;
    std::vector<const char*> good, bad;
  };
  const std::vector<Case> cases = {
      {R"({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "null"}}, "required": ["b"]})",
       {R"({"a":1,"b":null})", R"({"a": -12, "b": null})", R"({"b":null})"},
       {R"({})", R"({"a":1})", R"({"b":null,"a":1})", R"({"a":01,"b":null})", R"({ "b":null})",
        R"({"b":null,})", R"({"c":1,"b":null})", R"({"b":  null})", "{\"b\":\nnull}"}},
      {R"({"type": "object", "properties": {"a": {"type": "null"}}, "additionalProperties": {"type": "boolean"}})",
       {R"({})", R"({"b":true})", R"({"aa":true,"":false})", R"({"a":null,"b":true})"},
       {R"({"a":true})", R"({"\u0061":true})", R"({"b":null})", R"({"b":true,"a":null})"}},
      {R"({"type": "string", "minLength": 1, "maxLength": 2})",
       {R"("a")", R"("ab")", R"("\n\u00e9")", R"("\ud83d\ude00x")", "\"\xF0\x9F\x98\x80\xF0\x9F\x98\x80\""},
       {R"("")", R"("abc")", R"("\ud83d")", R"("\ude00")", R"("\ud83dx")", "\"\n\"", "\"\xFF\"", R"("\q")",
        R"("a)"}},
      {R"({"type": "array", "items": {"type": "boolean"}, "minItems": 1, "maxItems": 2})",
       {"[true]", "[true,false]", "[true, false]"},
       {"[]", "[true,true,true]", "[true ,true]", "[ true]", "[true,]"}},
      {R"({"type": "array", "prefixItems": [{"type": "null"}, {"type": "boolean"}]})",
       {"[]", "[null]", "[null,true]", "[null,true,{\"a\":[]}]"},
       {"[true]", "[null,null]"}},
      {R"({"type": "integer", "minimum": -5, "maximum": 123})",
       {"-5", "-1", "0", "9", "10", "99", "100", "123"},
       {"-6", "124", "-0", "1.0", "05", "1e1", "+1", "1000"}},
      {R"({"type": "integer", "exclusiveMinimum": 9, "exclusiveMaximum": 12})", {"10", "11"}, {"9", "12"}},
      {R"({"type": "integer", "minimum": 1})", {"1", "9999999999999999"}, {"0", "-1", "10000000000000000"}},
      {R"({"type": "number", "minimum": 0.5, "exclusiveMaximum": 2})",
       {"0.5", "0.50", "0.51", "0.6", "1", "1.0", "1.99999"},
       {"0.4", "0.49", "0", "2", "2.0", "-1", "1e0", ".5", "1."}},
      {R"({"type": "number", "exclusiveMinimum": -1.5, "maximum": -0.25})",
       {"-1.49", "-1", "-1.0", "-0.25", "-0.3"},
       {"-1.5", "-1.50", "-0.2", "-0.24999", "0", "-0", "-2", "1"}},
      {R"({"type": "number"})",
       {"0", "-0", "0.5", "-12.25e+10", "1E5"},
       {"01", ".5", "5.", "1e", "1e999", "--1", "NaN"}},
      {R"({"enum": ["x", 2.5, [1, {"a": null}]]})",
       {R"("x")", "2.5", R"([1,{"a":null}])"},
       {R"("y")", "2", "[1]"}},
      {R"({"type": "string", "pattern": "b"})", {R"("b")", R"("abc")", R"("\nb")"}, {R"("")", R"("ac")"}},
      {R"({"type": "string", "pattern": "^\"\\\\\\n?$"})",
       {R"("\"\\")", R"("\"\\\n")"},
       {R"("""")", R"("\u0022\\")"}},
      {R"({"minLength": 2})", {R"("ab")"}, {R"("a")", "1"}},
      {R"({"type": ["string", "null"], "enum": ["a", null, 3]})", {R"("a")", "null"}, {"3"}},
      {R"({"type": "object", "additionalProperties": false})", {"{}"}, {R"({"a":1})"}},
      {R"({"type": "object", "properties": {"a": {}}, "unevaluatedProperties": false})",
       {"{}", R"({"a":[{}]})"},
       {R"({"b":1})"}},
      {R"({"allOf": [{"properties": {"a": true, "b": true}, "additionalProperties": false}, {"properties": {"b": {"type": "null"}, "c": true}}]})",
       {"{}", R"({"a":1,"b":null})"},
       {R"({"b":1})", R"({"c":1})"}},
      {R"({"$defs": {"a/b~": {"const": 1}}, "anyOf": [{"$ref": "#/$defs/a~1b~0"}, {"type": "null"}]})",
       {"1", "null"},
       {"2"}},
  };
  for (const Case& one : cases) {
    CAPTURE(one.schema);
    const auto constraint = schema(one.schema);
    for (const char* text : one.good) {
      CAPTURE(text);
      CHECK(matches(constraint, text));
    }
    for (const char* text : one.bad) {
      CAPTURE(text);
      CHECK_FALSE(matches(constraint, text));
    }
  }
}

TEST_CASE("every integer range and every decimal bound") {
  for (int low = -120; low <= 120; low += 7) {
    for (int high = low; high <= 130; high += 11) {
      const auto constraint = schema("{\"type\":\"integer\",\"minimum\":" + std::to_string(low) +
                                     ",\"maximum\":" + std::to_string(high) + "}");
      for (int value = -150; value <= 150; ++value) {
        if (matches(constraint, std::to_string(value)) != (low <= value && value <= high)) {
          FAIL(low << " <= " << value << " <= " << high);
        }
      }
    }
  }
  const std::vector<std::string> numbers = {"-2.5", "-2",  "-1.25", "-1",   "-0.5", "-0.05", "0",
                                            "0.05", "0.5", "1",     "1.25", "2",    "2.5",   "10.01"};
  for (const std::string& low : numbers) {
    for (const std::string& high : numbers) {
      if (std::stod(low) > std::stod(high)) continue;
      const bool is_point = low == high;
      for (const bool exclusive : {false, true}) {
        if (is_point && exclusive) continue;
        const auto constraint =
            schema("{\"type\":\"number\",\"" + std::string(exclusive ? "exclusiveMinimum" : "minimum") +
                   "\":" + low + ",\"maximum\":" + high + "}");
        for (const std::string& value : numbers) {
          for (const std::string& spelling : {value, value + (value.find('.') == value.npos ? ".0" : "0"),
                                              value + (value.find('.') == value.npos ? ".01" : "1")}) {
            const double v = std::stod(spelling);
            const bool good = (exclusive ? v > std::stod(low) : v >= std::stod(low)) && v <= std::stod(high);
            if (spelling[0] == '-' && v == 0) continue;
            if (matches(constraint, spelling) != good)
              FAIL(low << (exclusive ? " < " : " <= ") << spelling << " <= " << high);
          }
        }
      }
    }
  }
}

TEST_CASE("schemas that are refused, and where") {
  const std::vector<std::pair<const char*, std::vector<const char*>>> cases = {
      {R"({"not": {}})", {"not"}},
      {R"({"properties": {"a": {"if": {}}}})", {"properties.a.if"}},
      {R"({"type": "array", "uniqueItems": true})", {"uniqueItems"}},
      {R"({"type": "array", "contains": {}})", {"contains"}},
      {R"({"x-mine": 1})", {"x-mine"}},
      {R"({"type": "string", "format": "colour"})", {"format", "colour"}},
      {R"x({"type": "string", "pattern": "(?=a)"})x", {"pattern", "lookahead"}},
      {R"({"type": "string", "pattern": "a", "minLength": 2})", {"pattern"}},
      {R"({"$ref": "http://example.com/schema"})", {"$ref"}},
      {R"({"$ref": "#anchor"})", {"anchor"}},
      {R"({"oneOf": [{"type": "integer"}, {"type": "number"}]})", {"oneOf", "anyOf"}},
      {R"({"type": "integer", "multipleOf": 7})", {"multipleOf"}},
      {R"({"type": "object", "properties": {"a": {}, "b": {}}, "minProperties": 1})", {"minProperties"}},
      {R"({"patternProperties": {"a": {}, "b": {}}})", {"patternProperties"}},
      {R"({"$defs": {"a": {"anyOf": [{"$ref": "#/$defs/a"}, {"type": "null"}]}}, "$ref": "#/$defs/a"})",
       {"left recursion"}},
  };
  for (const auto& [source, parts] : cases) {
    CAPTURE(source);
    const std::string message = error_of<UnsupportedError>([&] { schema(source); });
    CHECK(message.starts_with("json_schema"));
    for (const char* part : parts) CHECK(contains(message, part));
  }
  for (const char* source : {"",
                             "{",
                             "[]",
                             "3",
                             R"({"type": "text"})",
                             R"({"type": 3})",
                             R"({"properties": []})",
                             R"({"required": "a"})",
                             R"({"minLength": -1})",
                             R"({"minimum": "a"})",
                             R"({"$ref": "#/$defs/a"})",
                             R"({"$ref": "#"})",
                             R"x({"pattern": "("})x",
                             "false",
                             R"({"type": "integer", "minimum": 3, "maximum": 2})",
                             R"({"enum": []})",
                             R"({"type": "string", "enum": [1]})",
                             R"({"type": "object", "properties": {"a": false}, "required": ["a"]})",
                             R"({"type": "array", "items": {"$ref": "#"}, "minItems": 1})",
                             R"({"multipleOf": 0})"}) {
    CAPTURE(source);
    CHECK(error_of<FormatError>([&] { schema(source); }).starts_with("json_schema"));
  }
}

TEST_CASE("hostile schemas return") {
  std::string nested;
  for (int i = 0; i < 100000; ++i) nested += R"({"items":)";
  CHECK_THROWS_AS(schema(nested), FormatError);
  // Alternatives that multiply: 4 to the 30th.
  std::string product = R"({"type":"object","allOf":[)";
  for (int i = 0; i < 30; ++i) {
    product += R"({"anyOf":[{"required":["a"]},{"required":["b"]},{"required":["c"]},{"required":["d"]}]},)";
  }
  CHECK_THROWS_AS(schema(product + "{}]}"), UnsupportedError);
  CHECK_THROWS_AS(
      schema(R"({"$defs":{"a":{"type":"object","anyOf":[{"$ref":"#/$defs/a"}]}},"$ref":"#/$defs/a"})"),
      Error);
  CHECK_THROWS_AS(schema(R"({"allOf":[{"$ref":"#"}]})"), Error);
  // Large counts are fine: they are not written out, or cut to what is valid and long enough.
  CHECK_NOTHROW(schema(R"({"type":"string","maxLength":4000000000})"));
  CHECK_NOTHROW(schema(R"({"type":"array","maxItems":4000000000})"));
  CHECK_THROWS_AS(schema(R"({"type":"array","minItems":4000000000})"), UnsupportedError);
  CHECK_THROWS_AS(schema(R"({"type":"array","items":{"type":"array"},"minItems":900000})"), UnsupportedError);
}
