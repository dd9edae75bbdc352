// SPDX-License-Identifier: Apache-2.0
#include "text/models/unigram.h"

#include "tests/support/catch.h"
#include "tests/text/model_under_test.h"
#include "tests/text/test_data.h"

namespace transom::text {
namespace {

const std::string kVocab = R"("vocab": [["<unk>", 0], ["a", 0], ["b", 0], ["c", 0], ["d", 0], ["cd", 1.0],
                                        ["ab", 2.0], ["abc", 5.0], ["abcd", 10.0]])";

TEST_CASE("the cut with the largest sum wins", "[unigram]") {
  const auto model = load(R"({"type": "Unigram", "unk_id": 0, )" + kVocab + "}");
  CHECK(ids(*model, "abcdacdxx") == Ids{8, 1, 5, 0});  // unknown characters that touch are one
  CHECK(ids(*model, "xaxx\u4e2d") == Ids{0, 1, 0});
  CHECK(ids(*model, "abccd") == Ids{7, 5});
  CHECK(ids(*model, "").empty());
}

TEST_CASE("of equal sums the first found wins", "[unigram]") {
  const auto model = load(R"({"type": "Unigram", "vocab": [["a", -1], ["aa", -2], ["aaa", -3]]})");
  CHECK(ids(*model, "aaa") == Ids{2});
}

TEST_CASE("unknown runs become bytes where all bytes are tokens", "[unigram]") {
  const auto model = load(R"({"type": "Unigram", "unk_id": 0, "byte_fallback": true, "vocab": [["<unk>", 0],
      ["a", -1], ["<0xC3>", -9], ["<0xA9>", -9], ["\u00e8\u00e8", -9]]})");
  CHECK(ids(*model, "a\u00e9\u00e9a") == Ids{1, 2, 3, 2, 3, 1});
  CHECK(ids(*model, "\u00e8a") == Ids{0, 1});  // A8 is no token
  CHECK(ids(*model, "<unk>") == Ids{0});       // spelled out
}

TEST_CASE("without an unknown token an unknown character is an error", "[unigram]") {
  const auto model = load(R"({"type": "Unigram", )" + kVocab + "}");
  CHECK(ids(*model, "ab") == Ids{6});
  CHECK_THROWS_AS(ids(*model, "x"), FormatError);
}

TEST_CASE("a piece of a megabyte takes as many steps as it has bytes", "[unigram]") {
  const auto model =
      load(R"({"type": "Unigram", "unk_id": 0, "vocab": [["<unk>", 0], ["a", -1], ["aaaa", -2]]})");
  CHECK(ids(*model, std::string(1 << 20, 'a')) == Ids(1 << 18, 2));
  CHECK(ids(*model, std::string(1 << 20, 'x')) == Ids{0});
}

TEST_CASE("a later token of the same spelling counts", "[unigram]") {
  const auto model = load(R"({"type": "Unigram", "vocab": [["a", -1], ["b", -1], ["a", -3]]})");
  CHECK(ids(*model, "ab") == Ids{2, 1});
  CHECK(model->vocabulary().spelling(0) == "a");
}

TEST_CASE("wrong unigram models are errors that say where", "[unigram]") {
  const auto says = [](const std::string& json, const std::vector<std::string>& parts) {
    return test::error_says([&] { load(R"({"type": "Unigram", )" + json + "}"); }, parts);
  };
  CHECK(says(R"("unk_id": 0)", {"model", "vocab"}));
  CHECK(says(R"("vocab": {"a": 0})", {"model.vocab"}));
  CHECK(says(R"("vocab": [["a"]])", {"model.vocab[0]"}));
  CHECK(says(R"("vocab": [["a", -1], [1, 2]])", {"model.vocab[1]"}));
  CHECK(says(R"("vocab": [["a", "b"]])", {"model.vocab"}));
  CHECK(says(R"("vocab": [["a", -1]], "unk_id": 1)", {"model.unk_id", "1"}));
  CHECK(says(R"("vocab": [["a", -1]], "unk_id": -1)", {"model.unk_id", "-1"}));
  CHECK(says("\"vocab\": [[\"" + std::string(2000, 'a') + "\", -1]]", {"model.vocab", "2000"}));
}

}  // namespace
}  // namespace transom::text
