// SPDX-License-Identifier: Apache-2.0
#include <functional>

#include "tests/support/catch.h"
#include "tests/support/logits.h"
#include "tests/support/paths.h"
#include "tests/support/story_model.h"
#include "tests/support/throws.h"
#include "transom/transom.h"

using namespace transom;
using transom::testing::contains;
using transom::testing::error_of;
using transom::testing::some_ids;
using transom::testing::story_model;

TEST_CASE("session: moving keeps the text; the old one says so") {
  Session a = story_model().new_session();
  a.forward(some_ids(3));
  Session b = std::move(a);
  CHECK(b.position() == 3);
  CHECK(contains(error_of<InvalidArgument>([&] { a.position(); }), "moved"));
}

TEST_CASE("session: outlives the model handle") {
  Session session = [] {
    const Model model = AutoModel::from_pretrained(testing::tinystories().string(), {.threads = 1});
    return model.new_session();
  }();
  CHECK(session.generate("The dog", {.max_new_tokens = 3}).tokens.size() == 3);
}

TEST_CASE("session: logits of the last token and of all agree") {
  const auto ids = some_ids(9);
  const Logits all = story_model().new_session().forward(ids, LogitsFor::all);
  const Logits last = story_model().new_session().forward(ids);
  REQUIRE(all.rows == 9);
  REQUIRE(last.rows == 1);
  for (std::int64_t i = 0; i < last.vocab; ++i) {
    CHECK(all.row(8)[static_cast<std::size_t>(i)] ==
          Approx(last.row(0)[static_cast<std::size_t>(i)]).margin(1e-4));
  }
  CHECK_THROWS_AS(all.row(9), InvalidArgument);
  CHECK_THROWS_AS(all.row(-1), InvalidArgument);
}

TEST_CASE("session: text goes on where it stands") {
  const Generation whole = story_model().generate("Once upon a time", {.max_new_tokens = 20});
  Session session = story_model().new_session();
  const Generation first = session.generate("Once upon a time", {.max_new_tokens = 8});
  const std::int64_t prompt = first.timings.prompt_tokens;
  CHECK(session.position() == prompt + 8);
  const Generation second = session.generate("", {.max_new_tokens = 12});
  std::vector<TokenId> joined = first.tokens;
  joined.insert(joined.end(), second.tokens.begin(), second.tokens.end());
  CHECK(joined == whole.tokens);
  CHECK(second.timings.prompt_tokens <= 1);  // nothing is read twice
  CHECK(std::vector<TokenId>(session.tokens().begin() + prompt, session.tokens().end()) == whole.tokens);
}

TEST_CASE("session: an empty prompt after forward continues the text") {
  const auto ids = some_ids(6);
  Session session = story_model().new_session();
  session.forward(ids);
  const auto continued = session.generate(std::span<const TokenId>(), {.max_new_tokens = 5}).tokens;
  CHECK(continued == story_model().generate(ids, {.max_new_tokens = 5}).tokens);
}

TEST_CASE("session: truncate and reset") {
  const auto ids = some_ids(12);
  Session session = story_model().new_session();
  session.forward(ids);
  session.truncate(5);
  CHECK(session.position() == 5);
  const Logits again = session.forward(std::span(ids).subspan(5));
  CHECK(again.values == story_model().new_session().forward(ids).values);
  CHECK_THROWS_AS(session.truncate(13), InvalidArgument);
  CHECK_THROWS_AS(session.truncate(-1), InvalidArgument);
  session.reset();
  CHECK(session.position() == 0);
  CHECK(session.tokens().empty());
  CHECK(session.forward(ids).values == again.values);
}

TEST_CASE("session: the context is a limit, reached as a length") {
  Session session = story_model().new_session({.max_context = 16});
  GenerationConfig config;
  config.max_new_tokens = 100;
  config.ignore_eos = true;
  const Generation result = session.generate(some_ids(10), config);
  CHECK(result.finish_reason == FinishReason::length);
  CHECK(session.position() == 16);
  CHECK(contains(error_of<InvalidArgument>([&] { session.forward(some_ids(1)); }), "holds 16"));
  CHECK_THROWS_AS(story_model().new_session({.max_context = -1}), InvalidArgument);
  CHECK_THROWS_AS(story_model().new_session({.prefill_chunk = 0}), InvalidArgument);
}

TEST_CASE("session: a refused call changes nothing") {
  Session session = story_model().new_session();
  const auto ids = some_ids(4);
  session.forward(ids);
  CHECK_THROWS_AS(session.generate(some_ids(600)), InvalidArgument);
  CHECK_THROWS_AS(session.generate(ids, {.temperature = -1.0f}), InvalidArgument);
  CHECK(session.position() == 4);
}

TEST_CASE("session: its own tokens are a legal argument") {
  Session session = story_model().new_session();
  session.forward(some_ids(7));
  session.forward(session.tokens());
  std::vector<TokenId> twice = some_ids(7);
  twice.insert(twice.end(), twice.begin(), twice.begin() + 7);
  CHECK(std::vector<TokenId>(session.tokens().begin(), session.tokens().end()) == twice);
}

TEST_CASE("session: a callback can not change the session that calls it") {
  Session session = story_model().new_session();
  int refused = 0;
  session.generate("The dog", {.max_new_tokens = 4}, [&](std::string_view) {
    for (const auto& action : std::vector<std::function<void()>>{
             [&] { session.reset(); }, [&] { session.truncate(1); }, [&] { session.generate("x"); }}) {
      refused += contains(error_of<InvalidArgument>(action), "in use") ? 1 : 0;
    }
    return true;
  });
  CHECK(refused % 3 == 0);
  CHECK(refused >= 3);
  CHECK(session.generate("", {.max_new_tokens = 2}).tokens.size() == 2);
}

TEST_CASE("tokenizer: a handle that was moved from says so") {
  Tokenizer a = story_model().tokenizer();
  const Tokenizer b = std::move(a);
  CHECK_THROWS_AS(a.encode("x"), InvalidArgument);
  CHECK_THROWS_AS(a.vocab_size(), InvalidArgument);
  TokenStream stream = b.stream();
  const TokenStream other = std::move(stream);
  CHECK_THROWS_AS(stream.push(5), InvalidArgument);
}

TEST_CASE("session: many short calls do not copy the text in each") {
  auto config = AutoConfig::from_pretrained(testing::tinystories().string());
  config.update({{"attention_window", 16}});
  const Model model = AutoModel::from_pretrained(testing::tinystories().string(), config, {.threads = 1});
  Session session = model.new_session();
  session.forward(std::vector<TokenId>{1, 80});
  int moved = 0;
  for (int i = 0; i < 1000; ++i) {
    const TokenId* before = session.tokens().data();
    session.generate("", {.max_new_tokens = 1, .ignore_eos = true});
    if (session.tokens().data() != before) ++moved;
  }
  CHECK(session.position() == 1002);
  CHECK(moved <= 10);  // twice the room each time
}
