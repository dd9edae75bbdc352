// SPDX-License-Identifier: Apache-2.0
/// WordPiece and WordLevel.
#include "tests/support/catch.h"
#include "tests/text/model_under_test.h"
#include "tests/text/test_data.h"
#include "text/models/model.h"

namespace transom::text {
namespace {

TEST_CASE("WordPiece takes the longest token again and again", "[word_piece]") {
  const auto model =
      load(R"({"type": "WordPiece", "max_input_chars_per_word": 8, "vocab": {"[UNK]": 0, "un": 1,
      "##aff": 2, "##able": 3, "##a": 4, "u": 5, "\u4e2d": 6, "##\u4e2d": 7, "##": 8}})");
  CHECK(ids(*model, "unaffa") == Ids{1, 2, 4});
  CHECK(ids(*model, "unable") == Ids{1, 3});
  CHECK(ids(*model, "unx") == Ids{0});  // one unknown part makes the word unknown
  CHECK(ids(*model, "\u4e2d\u4e2d") == Ids{6, 7});
  CHECK(ids(*model, "u\u4e2d\u4e2d\u4e2d\u4e2d\u4e2d\u4e2d\u4e2d") ==
        Ids{5, 7, 7, 7, 7, 7, 7, 7});         // 8 characters
  CHECK(ids(*model, "unaaaaaaa") == Ids{0});  // 9 characters
  CHECK(ids(*model, "").empty());
}

TEST_CASE("a word of a megabyte is no trouble for WordPiece", "[word_piece]") {
  const auto model =
      load(R"({"type": "WordPiece", "max_input_chars_per_word": 10000000, "continuing_subword_prefix": "",
      "vocab": {"[UNK]": 0, "a": 1, "aa": 2}})");
  CHECK(ids(*model, std::string(1 << 20, 'a')) == Ids(1 << 19, 2));
  CHECK(ids(*model, std::string(1 << 20, 'a') + "b") == Ids{0});
}

TEST_CASE("WordLevel looks words up", "[word_level]") {
  const auto model = load(R"({"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "word": 1}})");
  CHECK(ids(*model, "word") == Ids{1});
  CHECK(ids(*model, "words") == Ids{0});
  CHECK(ids(*model, "").empty());
}

TEST_CASE("an unknown word without an unknown token is an error", "[word_level]") {
  CHECK_THROWS_AS(ids(*load(R"({"type": "WordLevel", "vocab": {"a": 0}})"), "b"), FormatError);
  CHECK_THROWS_AS(ids(*load(R"({"type": "WordPiece", "vocab": {"a": 0}})"), "b"), FormatError);
  CHECK_THROWS_AS(load(R"({"type": "WordPiece", "vocab": {"a": 0}, "max_input_chars_per_word": -1})"),
                  FormatError);
}

TEST_CASE("models without a type are known by their members", "[model]") {
  CHECK(ids(*load(R"({"unk_id": 0, "vocab": [["?", 0]]})"), "x") == Ids{0});
  CHECK(ids(*load(R"({"unk_token": "?", "vocab": {"?": 3}})"), "x") == Ids{3});
  CHECK(
      ids(*load(
              R"({"unk_token": "?", "continuing_subword_prefix": "##", "vocab": {"?": 3, "a": 1, "##a": 2}})"),
          "aa") == Ids{1, 2});
}

}  // namespace
}  // namespace transom::text
