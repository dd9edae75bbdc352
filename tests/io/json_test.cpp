// SPDX-License-Identifier: Apache-2.0
#include "io/json.h"

#include <string>

#include "io/json_write.h"
#include "tests/support/catch.h"
#include "tests/support/throws.h"

using transom::FormatError;
using transom::io::Json;
using transom::testing::contains;
using transom::testing::error_of;

TEST_CASE("json: values of every kind") {
  const Json json = Json::parse(R"({"a": [1, -2.5, "x\u00e9", true, null, {}], "b": 9007199254740993})", "t");
  const auto& a = json.at("a", "t").as_array("t.a");
  REQUIRE(a.size() == 6);
  CHECK(a[0].as_int("t") == 1);
  CHECK(a[1].as_double("t") == -2.5);
  CHECK(a[2].as_string("t") == "x\xc3\xa9");
  CHECK(a[3].as_bool("t"));
  CHECK(a[4].is_null());
  CHECK(a[5].as_object("t").empty());
  CHECK(json.at("b", "t").as_int("t") == 9007199254740993);
}

TEST_CASE("json: members keep their order") {
  const Json json = Json::parse(R"({"z": 1, "a": 2, "m": 3})", "t");
  const auto& members = json.as_object("t");
  REQUIRE(members.size() == 3);
  CHECK(members[0].first == "z");
  CHECK(members[2].first == "m");
}

TEST_CASE("json: what Python writes beyond the standard") {
  const Json json = Json::parse(
      R"({"n": NaN, "i": Infinity, "m": -Infinity, "huge": 1000000000000000019884624838656, "s": "NaN \" Infinity"})",
      "t");
  CHECK(json.at("n", "t").is_null());
  CHECK(json.at("i", "t").is_null());
  CHECK(json.at("m", "t").is_null());
  CHECK(json.at("huge", "t").as_double("t") == Approx(1e30));
  CHECK(json.at("s", "t").as_string("t") == "NaN \" Infinity");
}

TEST_CASE("json: errors name the source and the place") {
  const auto message = [](const char* text) {
    return error_of<FormatError>([&] { Json::parse(text, "file.json"); });
  };
  CHECK(contains(message("{\"a\": }"), "file.json"));
  CHECK(contains(message("{\"a\": 1"), "byte"));
  CHECK(contains(message("{\"a\": 1, \"a\": 2}"), "\"a\" appears twice"));
  CHECK(contains(message(""), "file.json"));
  CHECK(contains(message("\"\xff\""), "file.json"));
  const Json json = Json::parse("{\"a\": 1.5}", "file.json");
  CHECK(contains(error_of<FormatError>([&] { json.at("b", "file.json"); }), "missing member \"b\""));
  CHECK(contains(error_of<FormatError>([&] { json.at("a", "f").as_int("f: a"); }),
                 "f: a: expected an integer"));
  CHECK(contains(error_of<FormatError>([&] { json.at("a", "f").as_string("f: a"); }),
                 "expected a string, found a number"));
}

TEST_CASE("json: depth, size and count are bounded") {
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  CHECK(contains(error_of<FormatError>([&] { Json::parse(deep, "t"); }), "nested deeper"));
  CHECK(contains(error_of<FormatError>([&] { Json::parse("[1,2,3]", "t", {.max_values = 3}); }),
                 "more than 3"));
  CHECK(contains(error_of<FormatError>([&] { Json::parse("[1,2,3]", "t", {.max_bytes = 3}); }),
                 "at most 3 bytes"));
}

TEST_CASE("json: written strings and numbers read back") {
  CHECK(transom::io::json_string("a\"b\n\xc3\xa9") == "\"a\\\"b\\n\xc3\xa9\"");
  CHECK(transom::io::json_string("\xff") == "\"\xef\xbf\xbd\"");
  CHECK(transom::io::json_number(1.0) == "1.0");
  CHECK(transom::io::json_number(1e-6) == "1e-06");
  CHECK(transom::io::json_number(0.1) == "0.1");
  CHECK(transom::io::json_number(0.0 / 0.0) == "null");
}
