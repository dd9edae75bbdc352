// SPDX-License-Identifier: Apache-2.0
#include "text/normalizers/normalizer.h"

#include "tests/support/catch.h"
#include "tests/text/test_data.h"

namespace transom::text {
namespace {

std::unique_ptr<Normalizer> load(std::string_view json) {
  return load_normalizer(io::Json::parse(json, "test.json"), JsonPath("test.json").member("normalizer"));
}

std::string normalized(std::string_view json, const std::string& text) { return load(json)->normalize(text); }

TEST_CASE("normalizers rewrite text", "[normalizer]") {
  CHECK(normalized(R"({"type": "NFC"})", "e\u0301") == "\u00e9");
  CHECK(normalized(R"({"type": "NFD"})", "\u00e9") == "e\u0301");
  CHECK(normalized(R"({"type": "NFKC"})", "\ufb01\uff21") == "fiA");
  CHECK(normalized(R"({"type": "NFKD"})", "\u00bd\u00e9") == "1\u20442e\u0301");
  CHECK(normalized(R"({"type": "Lowercase"})", "ABC\u00c9") == "abc\u00e9");
  CHECK(normalized(R"({"type": "StripAccents"})", "e\u0301a\u0308\u00e9") == "ea\u00e9");
  CHECK(normalized(R"({"type": "ByteLevel"})", "a \u00e9\n") == "a\u0120\u00c3\u00a9\u010a");
  CHECK(normalized(R"({"type": "Prepend", "prepend": "_"})", "a") == "_a");
  CHECK(normalized(R"({"type": "Prepend", "prepend": "_"})", "").empty());
  CHECK(normalized(R"({"type": "Strip", "strip_left": true, "strip_right": true})", " \u3000a b\n") == "a b");
  CHECK(normalized(R"({"type": "Strip", "strip_left": true, "strip_right": false})", " a ") == "a ");
  CHECK(normalized(R"({"type": "Strip", "strip_left": false, "strip_right": true})", " a ") == " a");
  CHECK(normalized(R"({"type": "Strip", "strip_left": true, "strip_right": false})", "  ").empty());
  CHECK(normalized(R"({"type": "Replace", "pattern": {"String": "."}, "content": "-"})", "a.b.") == "a-b-");
  CHECK(normalized(R"({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "})", "a   b c") ==
        "a b c");
  CHECK(normalized(R"({"type": "Sequence", "normalizers": [{"type": "NFD"}, {"type": "StripAccents"}]})",
                   "\u00e9\u00c5") == "eA");
}

TEST_CASE("Nmt drops control characters and spaces out separators", "[normalizer]") {
  CHECK(normalized(R"({"type": "Nmt"})", "a\u0001\u000bb\tc\u200bd\u2581e\u00a0f") == "ab c d e\u00a0f");
}

TEST_CASE("the normalizer of BERT", "[normalizer]") {
  CHECK(normalized(R"({"type": "BertNormalizer"})", "\u00c9A\tb\u00adc\u4e2d\u0001\u3000") ==
        "ea bc \u4e2d  ");
  CHECK(normalized(R"({"type": "BertNormalizer", "lowercase": false, "handle_chinese_chars": false})",
                   "\u00c9\u4e2d") == "\u00c9\u4e2d");  // accents follow the case
  CHECK(normalized(R"({"type": "BertNormalizer", "lowercase": false, "clean_text": false,
                       "strip_accents": true})",
                   "\u00c9\t") == "E\t");
}

TEST_CASE("nothing to do is no normalizer", "[normalizer]") {
  CHECK(load("null") == nullptr);
  CHECK(load(R"({"type": "Sequence", "normalizers": []})") == nullptr);
}

TEST_CASE("wrong normalizers are named", "[normalizer]") {
  CHECK_THROWS_AS(load(R"({"type": "Magic"})"), UnsupportedError);
  CHECK(test::error_says(
      [&] { load(R"({"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Precompiled"}]})"); },
      {"normalizer.normalizers[1]", "precompiled_charsmap"}));
  CHECK_THROWS_AS(load("{}"), FormatError);
  CHECK_THROWS_AS(load("[]"), FormatError);
  CHECK_THROWS_AS(load(R"({"type": "Replace", "pattern": {"Glob": "x"}, "content": ""})"), FormatError);
  CHECK(test::error_says([&] { load(R"({"type": "Replace", "pattern": {"Regex": "("}, "content": ""})"); },
                         {"normalizer.pattern.Regex"}));
}

TEST_CASE("growth without end is refused", "[normalizer]") {
  std::string steps;
  for (int i = 0; i < 60; ++i) {
    steps += R"({"type": "Replace", "pattern": {"String": "a"}, "content": "aa"},)";
  }
  steps.pop_back();
  CHECK_THROWS_AS(normalized(R"({"type": "Sequence", "normalizers": [)" + steps + "]}", "aaaa"),
                  UnsupportedError);
}

}  // namespace
}  // namespace transom::text
