// SPDX-License-Identifier: Apache-2.0
#include "text/models/bpe.h"

#include <random>

#include "tests/support/catch.h"
#include "tests/text/model_under_test.h"
#include "tests/text/test_data.h"

namespace transom::text {
namespace {

TEST_CASE("the lowest rank merges first, the leftmost of equals", "[bpe]") {
  const auto model =
      load(R"({"type": "BPE", "vocab": {"a": 0, "b": 1, "c": 2, "ab": 3, "bc": 4, "abc": 5, "aa": 6},
                              "merges": ["b c", ["a", "b"], "a bc", "a a"]})");
  CHECK(ids(*model, "abc") == Ids{5});
  CHECK(ids(*model, "ab") == Ids{3});
  CHECK(ids(*model, "aaa") == Ids{6, 0});
  CHECK(ids(*model, "aaaab") == Ids{6, 0, 3});
  CHECK(ids(*model, "xay").size() == 1);  // unknown characters are dropped without an unknown token
  CHECK(ids(*model, "").empty());
}

TEST_CASE("both ways to merge give the plain result", "[bpe]") {
  std::mt19937 random(2);
  for (int round = 0; round < 300; ++round) {
    PairTable merges(400);
    // Ids grow with each merge, so that merges of merges are frequent.
    for (std::uint32_t rank = 0; rank < 60; ++rank) {
      const auto pick = [&] { return static_cast<TokenId>(random() % (4 + rank)); };
      const TokenId left = pick();
      merges.put(left, pick(), {rank, static_cast<TokenId>(4 + rank)});
    }
    Ids word(random() % 60 + 1);
    for (TokenId& id : word) id = static_cast<TokenId>(random() % 4);
    Ids plain = word;
    while (true) {
      std::size_t best = 0;
      std::uint32_t rank = kNoRank;
      for (std::size_t i = 0; i + 1 < plain.size(); ++i) {
        const Merge merge = merges.find(plain[i], plain[i + 1]);
        if (merge.rank < rank) rank = merge.rank, best = i;
      }
      if (rank == kNoRank) break;
      plain[best] = merges.find(plain[best], plain[best + 1]).merged;
      plain.erase(plain.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    }
    Ids one = word;
    one.resize(merge_short(merges, one.data(), one.size()));
    CHECK(one == plain);
    Ids two = word;
    two.resize(merge_long(merges, two.data(), two.size()));
    CHECK(two == plain);
  }
}

TEST_CASE("a word of a megabyte is no trouble", "[bpe]") {
  const auto model =
      load(R"({"type": "BPE", "vocab": {"a": 0, "aa": 1, "aaaa": 2}, "merges": ["a a", "aa aa"]})");
  CHECK(ids(*model, std::string(1 << 20, 'a')) == Ids(1 << 18, 2));
}

TEST_CASE("a text is cut where no merge reaches across", "[bpe]") {
  // "b_" never joins, but "_" joins both ways elsewhere.
  const auto model =
      load(R"({"type": "BPE", "vocab": {"a": 0, "b": 1, "_": 2, "ab": 3, "_a": 4, "_ab": 5, "a_": 6},
                              "merges": ["a b", "_ ab", "_ a", "a _"]})");
  std::string text;
  Ids expected;
  for (int i = 0; i < 100; ++i) {
    text += "_ab";
    expected.push_back(5);
  }
  CHECK(ids(*model, text) == expected);
}

TEST_CASE("boundaries know every pair that a merge can join", "[bpe]") {
  PairTable merges(4);
  merges.put(0, 1, {0, 3});  // a b
  merges.put(3, 2, {1, 4});  // ab c
  const MergeBoundaries boundaries(merges);
  CHECK(boundaries.may_join(0, 1));
  CHECK(boundaries.may_join(1, 2));  // inside "ab c"
  CHECK_FALSE(boundaries.may_join(2, 0));
  CHECK_FALSE(boundaries.may_join(0, 2));
  CHECK_FALSE(boundaries.may_join(5, 5));
}

TEST_CASE("unknown characters", "[bpe]") {
  const std::string vocab = R"("vocab": {"a": 0, "<unk>": 1, "<0xC3>": 2, "<0xA9>": 3}, "merges": [])";
  CHECK(ids(*load(R"({"type": "BPE", "unk_token": "<unk>", )" + vocab + "}"), "axya") == Ids{0, 1, 1, 0});
  CHECK(ids(*load(R"({"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, )" + vocab + "}"), "axya") ==
        Ids{0, 1, 0});
  // U+00E9 is C3 A9; U+00E8 is C3 A8, of which one byte has no token.
  CHECK(ids(*load(R"({"type": "BPE", "unk_token": "<unk>", "byte_fallback": true, )" + vocab + "}"),
            "\u00e9a\u00e8") == Ids{2, 3, 0, 1});
  const auto without = load(R"({"type": "BPE", "unk_token": "<none>", )" + vocab + "}");
  CHECK(ids(*without, "a") == Ids{0});
  CHECK_THROWS_AS(ids(*without, "x"), FormatError);
}

TEST_CASE("byte tokens merge like others", "[bpe]") {
  const auto model = load(R"({"type": "BPE", "byte_fallback": true, "vocab": {"<0xC3>": 0, "<0xA9>": 1,
                              "<0xC3><0xA9>": 2}, "merges": ["<0xC3> <0xA9>"]})");
  CHECK(ids(*model, "\u00e9") == Ids{2});
}

TEST_CASE("prefixes and suffixes of subwords", "[bpe]") {
  const auto prefix = load(R"({"type": "BPE", "continuing_subword_prefix": "##",
      "vocab": {"a": 0, "##b": 1, "ab": 2, "##c": 3, "##bc": 4}, "merges": ["##b ##c", "a ##b"]})");
  CHECK(ids(*prefix, "ab") == Ids{2});
  CHECK(ids(*prefix, "abc") == Ids{0, 4});
  const auto suffix = load(R"({"type": "BPE", "end_of_word_suffix": "</w>",
      "vocab": {"a": 0, "b</w>": 1, "ab</w>": 2, "b": 3}, "merges": ["a b</w>"]})");
  CHECK(ids(*suffix, "ab") == Ids{2});
  CHECK(ids(*suffix, "bab") == Ids{3, 2});
}

TEST_CASE("ignore_merges takes whole words", "[bpe]") {
  const std::string rest = R"("vocab": {"a": 0, "b": 1, "ab": 2}, "merges": []})";
  CHECK(ids(*load(R"({"type": "BPE", "ignore_merges": true, )" + rest), "ab") == Ids{2});
  CHECK(ids(*load(R"({"type": "BPE", "ignore_merges": true, )" + rest), "aba") == Ids{0, 1, 0});
  CHECK(ids(*load(R"({"type": "BPE", )" + rest), "ab") == Ids{0, 1});
}

TEST_CASE("wrong models are errors that say where", "[bpe]") {
  const auto says = [](std::string_view json, const std::vector<std::string>& parts) {
    return test::error_says([&] { load(json); }, parts);
  };
  CHECK_THROWS_AS(load(R"({"type": "Magic"})"), UnsupportedError);
  CHECK_THROWS_AS(load("{}"), FormatError);
  CHECK_THROWS_AS(load("7"), FormatError);
  CHECK(says(R"({"type": "BPE", "merges": []})", {"model", "vocab"}));
  CHECK(says(R"({"type": "BPE", "vocab": {"a": 0, "b": 0}, "merges": []})", {"model.vocab", "id 0"}));
  CHECK(says(R"({"type": "BPE", "vocab": {"a": -1}, "merges": []})", {"model.vocab.a", "-1"}));
  CHECK(says(R"({"type": "BPE", "vocab": {"a": "x"}, "merges": []})", {"model.vocab.a", "integer"}));
  CHECK(
      says(R"({"type": "BPE", "vocab": {"a": 2147483648}, "merges": []})", {"model.vocab.a", "2147483648"}));
  CHECK(says(R"({"type": "BPE", "vocab": {"a": 16777216}, "merges": []})", {"16777216"}));
  CHECK(says(R"({"type": "BPE", "vocab": {"a": 0}, "merges": ["a a"]})", {"model.merges[0]", "\"aa\""}));
  CHECK(says(R"({"type": "BPE", "vocab": {"a": 0}, "merges": ["a b"]})", {"model.merges[0]", "\"ab\""}));
  CHECK(says(R"({"type": "BPE", "vocab": {"a": 0}, "merges": ["a"]})", {"model.merges[0]"}));
  CHECK(says(R"({"type": "BPE", "vocab": {"a": 0}, "merges": ["a b c"]})", {"model.merges[0]"}));
  CHECK(says(R"({"type": "BPE", "vocab": {"a": 0}, "merges": [["a"]]})", {"model.merges[0]", "1"}));
  CHECK(says(R"({"type": "BPE", "vocab": {"a": 0}, "merges": [["a", 1]]})", {"model.merges[0]"}));
  CHECK(says(R"({"type": "BPE", "vocab": {"a": 0}, "merges": [7]})", {"model.merges[0]"}));
  CHECK(says(R"({"type": "BPE", "vocab": {"a": 0}})", {"model", "merges"}));
}

TEST_CASE("version lines among merges have no rank", "[bpe]") {
  const auto model =
      load(R"({"type": "BPE", "vocab": {"a": 0, "aa": 1}, "merges": ["#version: 0.2", "a a"]})");
  CHECK(ids(*model, "aa") == Ids{1});
}

}  // namespace
}  // namespace transom::text
