// SPDX-License-Identifier: Apache-2.0
#include "text/pre_tokenizers/pre_tokenizer.h"

#include "tests/support/catch.h"
#include "tests/text/test_data.h"

namespace transom::text {
namespace {

using Strings = std::vector<std::string>;

std::unique_ptr<PreTokenizer> load(std::string_view json) {
  return load_pre_tokenizer(io::Json::parse(json, "test.json"),
                            JsonPath("test.json").member("pre_tokenizer"));
}

Strings pieces(std::string_view json, const std::string& text, bool at_start = true) {
  PieceList list{text, {{0, text.size(), at_start}}};
  load(json)->apply(list);
  Strings out;
  for (const Piece& piece : list.pieces) out.emplace_back(list.view(piece));
  return out;
}

std::string split(const std::string& behavior, bool invert = false) {
  return R"({"type": "Split", "pattern": {"String": "-"}, "behavior": ")" + behavior + R"(", "invert": )" +
         (invert ? "true}" : "false}");
}

TEST_CASE("a split treats its matches as told", "[pre_tokenizer]") {
  const std::string text = "-a--b-";
  CHECK(pieces(split("Removed"), text) == Strings{"a", "b"});
  CHECK(pieces(split("Isolated"), text) == Strings{"-", "a", "-", "-", "b", "-"});
  CHECK(pieces(split("MergedWithPrevious"), text) == Strings{"-", "a-", "-", "b-"});
  CHECK(pieces(split("MergedWithNext"), text) == Strings{"-a", "-", "-b", "-"});
  CHECK(pieces(split("Contiguous"), text) == Strings{"-", "a", "--", "b", "-"});
  CHECK(pieces(split("Removed", true), text) == Strings{"-", "-", "-", "-"});
  CHECK(pieces(split("Isolated"), "abc") == Strings{"abc"});
}

TEST_CASE("pre-tokenizers cut text", "[pre_tokenizer]") {
  CHECK(pieces(R"({"type": "ByteLevel", "add_prefix_space": true})", "Hi you're") ==
        Strings{"\u0120Hi", "\u0120you", "'re"});
  CHECK(pieces(R"({"type": "ByteLevel", "add_prefix_space": false, "use_regex": false})", "a \u00e9") ==
        Strings{"a\u0120\u00c3\u00a9"});
  CHECK(pieces(R"({"type": "Digits", "individual_digits": true})", "a12\u00bd") ==
        Strings{"a", "1", "2", "\u00bd"});
  CHECK(pieces(R"({"type": "Digits", "individual_digits": false})", "a12b") == Strings{"a", "12", "b"});
  CHECK(pieces(R"({"type": "Punctuation"})", "a.$,\u3002b") == Strings{"a", ".", "$", ",", "\u3002", "b"});
  CHECK(pieces(R"({"type": "Punctuation", "behavior": "Removed"})", "a.,b") == Strings{"a", "b"});
  CHECK(pieces(R"({"type": "Whitespace"})", "a_b c!?\n\u200dd") == Strings{"a_b", "c", "!?", "\u200dd"});
  CHECK(pieces(R"({"type": "WhitespaceSplit"})", " a!  b\u3000c ") == Strings{"a!", "b", "c"});
  CHECK(pieces(R"({"type": "BertPreTokenizer"})", "a b,c") == Strings{"a", "b", ",", "c"});
  CHECK(pieces(R"({"type": "CharDelimiterSplit", "delimiter": "|"})", "a|b c") == Strings{"a", "b c"});
  CHECK(pieces(R"({"type": "Split", "pattern": {"Regex": "\\d{1,2}"}, "behavior": "Isolated"})", "a123") ==
        Strings{"a", "12", "3"});
}

TEST_CASE("a metaspace marks the words", "[pre_tokenizer]") {
  const std::string always = R"({"type": "Metaspace", "replacement": "_", "prepend_scheme": "always"})";
  const std::string first = R"({"type": "Metaspace", "replacement": "_", "prepend_scheme": "first"})";
  const std::string never = R"({"type": "Metaspace", "replacement": "_", "prepend_scheme": "never"})";
  CHECK(pieces(always, "a b  c") == Strings{"_a", "_b", "_", "_c"});
  CHECK(pieces(always, " a") == Strings{"_a"});
  CHECK(pieces(always, "a", false) == Strings{"_a"});
  CHECK(pieces(first, "a b") == Strings{"_a", "_b"});
  CHECK(pieces(first, "a b", false) == Strings{"a", "_b"});
  CHECK(pieces(never, "a b") == Strings{"a", "_b"});
  CHECK(pieces(R"({"type": "Metaspace", "replacement": "_", "add_prefix_space": false})", "a b") ==
        Strings{"a", "_b"});
  CHECK(pieces(R"({"type": "Metaspace", "split": false})", "a b") == Strings{"\u2581a\u2581b"});
}

TEST_CASE("the steps of a sequence see the pieces of the step before", "[pre_tokenizer]") {
  CHECK(pieces(R"({"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"},
                   {"type": "Metaspace", "replacement": "_", "prepend_scheme": "first"}]})",
               "a b") == Strings{"_a", "b"});
}

TEST_CASE("pieces of one script", "[pre_tokenizer]") {
  const std::string json = R"({"type": "UnicodeScripts"})";
  CHECK(pieces(json, "Apples are \u308a\u3093\u30b4 \u6797\u30fc, \u0431") ==
        Strings{"Apples are ", "\u308a\u3093\u30b4 \u6797\u30fc", ", ", "\u0431"});
  CHECK(pieces(json, "  a") == Strings{"a"});
  CHECK(pieces(json, "  ").empty());
}

TEST_CASE("pieces of one length", "[pre_tokenizer]") {
  CHECK(pieces(R"({"type": "FixedLength", "length": 3})", "Hello \u4e2dxy") ==
        Strings{"Hel", "lo ", "\u4e2dxy"});
  CHECK(pieces(R"({"type": "FixedLength"})", "abcdef") == Strings{"abcde", "f"});
}

TEST_CASE("wrong pre-tokenizers are named", "[pre_tokenizer]") {
  CHECK(load("null") == nullptr);
  CHECK_THROWS_AS(load(R"({"type": "Magic"})"), UnsupportedError);
  CHECK_THROWS_AS(load(R"({"type": "FixedLength", "length": 0})"), FormatError);
  CHECK(
      test::error_says([&] { load(R"({"type": "Split", "pattern": {"String": "a"}, "behavior": "Gone"})"); },
                       {"pre_tokenizer.behavior", "Gone"}));
  CHECK_THROWS_AS(load(R"({"type": "Split", "pattern": {"Regex": "["}, "behavior": "Removed"})"),
                  FormatError);
  CHECK_THROWS_AS(load(R"({"type": "CharDelimiterSplit", "delimiter": "ab"})"), FormatError);
  CHECK_THROWS_AS(load(R"({"type": "Metaspace", "replacement": ""})"), FormatError);
  CHECK_THROWS_AS(load(R"({"type": "Metaspace", "prepend_scheme": "sometimes"})"), FormatError);
}

TEST_CASE("a sequence that doubles the text again and again is refused", "[pre_tokenizer]") {
  std::string steps;
  for (int i = 0; i < 60; ++i) steps += R"({"type": "ByteLevel", "use_regex": false},)";
  steps.pop_back();
  CHECK_THROWS_AS(pieces(R"({"type": "Sequence", "pretokenizers": [)" + steps + "]}", "\n\n"),
                  UnsupportedError);
}

}  // namespace
}  // namespace transom::text
