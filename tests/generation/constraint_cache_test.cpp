// SPDX-License-Identifier: Apache-2.0
#include "generation/constraint/constraint_cache.h"

#include <thread>
#include <vector>

#include "tests/generation/constraint_support.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"
#include "text/tokenizer_loader.h"
#include "transom/error.h"

using namespace transom;
using namespace transom::testing;
using generation::ConstraintCache;

TEST_CASE("a cache keeps the constraints used last") {
  ConstraintCache cache(Tokenizer(text::load_tokenizer(tinystories())), 2);
  const auto a = cache.get(ConstraintKind::regex, "a");
  const auto b = cache.get(ConstraintKind::regex, "b");
  CHECK(cache.get(ConstraintKind::regex, "a") == a);
  // The same text as another kind is another constraint; "b" was used longest ago.
  CHECK(cache.get(ConstraintKind::grammar, "root ::= \"a\"") != a);
  CHECK(cache.get(ConstraintKind::regex, "a") == a);
  CHECK(cache.get(ConstraintKind::regex, "b") != b);
  CHECK_THROWS_AS(cache.get(ConstraintKind::regex, "("), FormatError);
}

TEST_CASE("one constraint serves many threads") {
  ConstraintCache cache(Tokenizer(text::load_tokenizer(tinystories())));
  std::vector<std::vector<TokenId>> texts(4);
  std::vector<std::thread> threads;
  for (std::vector<TokenId>& text : texts) {
    threads.emplace_back([&] {
      Matcher matcher(cache.get(ConstraintKind::regex, "([A-Z][a-z]{1,12}( [a-z]{1,9}){2,5}\\. ){9}"), {2});
      std::mt19937 random(5);
      while (!matcher.must_end() && text.size() < 500) {
        const std::vector<TokenId> ids = allowed(matcher, 2048);
        text.push_back(ids[random() % ids.size()]);
        if (!matcher.accept(text.back())) break;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(texts[0].size() > 50);
  for (const std::vector<TokenId>& text : texts) CHECK(text == texts[0]);
}
