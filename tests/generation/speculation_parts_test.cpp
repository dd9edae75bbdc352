// SPDX-License-Identifier: Apache-2.0
// What speculative decoding guesses, and how much of it. That guesses change no text:
// tests/api/speculation_test.cpp.
#include "generation/speculation/draft_length.h"
#include "generation/speculation/prompt_lookup.h"
#include "tests/support/catch.h"

using namespace transom;
using generation::DraftLength;
using generation::PromptLookup;

namespace {

std::vector<TokenId> guess(const std::vector<TokenId>& text, std::size_t longest, std::size_t most) {
  std::vector<TokenId> draft = {99};  // what it holds from before does not count
  PromptLookup(longest).draft(text, most, draft);
  return draft;
}

}  // namespace

TEST_CASE("prompt lookup: what followed the longest match comes first") {
  // The end "2 3" stood before 4; "3" alone stood before 7, later.
  const std::vector<TokenId> text = {1, 2, 3, 4, 5, 3, 7, 8, 2, 3};
  CHECK(guess(text, 2, 3) == std::vector<TokenId>{4, 5, 3});
  CHECK(guess(text, 1, 3) == std::vector<TokenId>{7, 8, 2});
}

TEST_CASE("prompt lookup: of equal matches the latest") {
  CHECK(guess({5, 1, 5, 2, 5, 3, 9, 5}, 4, 1) == std::vector<TokenId>{3});
}

TEST_CASE("prompt lookup: nothing where the end is new") {
  CHECK(guess({1, 2, 3}, 2, 8).empty());
  CHECK(guess({1}, 2, 8).empty());
  CHECK(guess({1, 1}, 2, 0).empty());
}

TEST_CASE("prompt lookup: a short period goes on beyond the end of the text") {
  CHECK(guess({7, 1, 2, 1, 2}, 2, 5) == std::vector<TokenId>{1, 2, 1, 2, 1});
  CHECK(guess({4, 4}, 3, 4) == std::vector<TokenId>{4, 4, 4, 4});
}

TEST_CASE("draft length: grows while everything is right, up to the limit") {
  DraftLength length(10);
  CHECK(length.next() == 3);
  length.learn(3, 3);
  CHECK(length.next() == 6);
  length.learn(6, 6);
  CHECK(length.next() == 10);
  length.learn(10, 4);
  CHECK(length.next() == 5);
}

TEST_CASE("draft length: useless guesses are made more and more rarely") {
  DraftLength length(8);
  std::size_t guesses = 0;
  constexpr int kSteps = 200;
  for (int step = 0; step < kSteps; ++step) {
    if (length.next() == 0) continue;
    ++guesses;
    length.learn(1, 0);
  }
  CHECK(guesses >= kSteps / 9);  // it never gives up
  CHECK(guesses <= kSteps / 9 + 8);
  while (length.next() == 0) {
  }
  length.learn(1, 1);
  CHECK(length.next() == 2);  // and comes back at once
}

TEST_CASE("draft length: never above its limit") {
  CHECK(DraftLength(1).next() == 1);
  CHECK(DraftLength(0).next() == 0);
}
