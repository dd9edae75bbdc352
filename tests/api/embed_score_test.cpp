// SPDX-License-Identifier: Apache-2.0
// Embeddings and scores against transformers: tests/golden/embeddings says how the expected numbers were
// made.
#include <cmath>

#include "io/json.h"
#include "tests/support/byte_model.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/throws.h"
#include "transom/transom.h"

using namespace transom;
using transom::io::Json;
using transom::testing::contains;
using transom::testing::error_of;
using transom::testing::TemporaryDirectory;

namespace {

const Json& goldens() {
  static const Json file =
      Json::parse_file(testing::source_directory() / "tests/golden/embeddings/embeddings.json");
  return file;
}

template <typename Number>
std::vector<Number> numbers(const Json& json) {
  std::vector<Number> values;
  for (const Json& item : json.as_array("")) values.push_back(static_cast<Number>(item.as_double("")));
  return values;
}

Model golden_model(const Json& json) {
  const auto path = testing::source_directory() / "tests" / "golden" / json.at("model", "").as_string("");
  return AutoModel::from_pretrained(path.string(), {.threads = 2});
}

Model story_model() { return AutoModel::from_pretrained(testing::tinystories().string(), {.threads = 2}); }

float difference(std::span<const float> a, std::span<const float> b) {
  REQUIRE(a.size() == b.size());
  float worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) worst = std::max(worst, std::fabs(a[i] - b[i]));
  return worst;
}

void check_scores(const std::vector<Score>& scores, const Json& expected) {
  REQUIRE(scores.size() == expected.as_array("").size());
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const Json& json = expected.as_array("")[i];
    const auto logprobs = numbers<float>(json.at("logprobs", ""));
    CHECK(scores[i].tokens == numbers<TokenId>(json.at("ids", "")));
    CHECK(difference(scores[i].logprobs, logprobs) < 3e-4f);
    double sum = 0;
    for (const float value : logprobs) sum += static_cast<double>(value);
    CHECK(scores[i].logprob == Approx(sum).margin(2e-3));
    CHECK(scores[i].greedy == json.at("greedy", "").as_bool(""));
  }
}

std::vector<TokenId> some_ids(std::size_t n, std::size_t seed = 11) {
  std::vector<TokenId> ids;
  for (std::size_t i = 0; i < n; ++i) ids.push_back(static_cast<TokenId>((i * 37 + seed) % 256));
  return ids;
}

}  // namespace

TEST_CASE("embed: states pooled as transformers gives them") {
  for (const Json& json : goldens().at("models", "").as_array("")) {
    const Model model = golden_model(json);
    const auto ids = numbers<TokenId>(json.at("ids", ""));
    INFO(json.at("model", "").as_string(""));
    // In one chunk and in several.
    for (const int chunk : {512, 7}) {
      Session session = model.new_session({.prefill_chunk = chunk});
      for (const auto& [name, pooling] : {std::pair{"mean", Pooling::mean}, std::pair{"last", Pooling::last},
                                          std::pair{"first", Pooling::first}}) {
        const auto vector = session.embed(ids, pooling, false);
        CHECK(difference(vector, numbers<float>(json.at(name, ""))) < 2e-4f);
        const auto unit = session.embed(ids, pooling);
        double length = 0, square = 0;
        for (const float value : vector) length += static_cast<double>(value) * static_cast<double>(value);
        for (const float value : unit) square += static_cast<double>(value) * static_cast<double>(value);
        CHECK(square == Approx(1).margin(1e-5));
        CHECK(unit[0] == Approx(static_cast<double>(vector[0]) / std::sqrt(length)).margin(1e-5));
      }
    }
  }
}

TEST_CASE("embed: the session's own text stays as it is") {
  const Model model = story_model();
  Session session = model.new_session(), other = model.new_session();
  session.generate("The dog", {.max_new_tokens = 5});
  other.generate("The dog", {.max_new_tokens = 5});
  const auto one = session.embed("A cat sat on a mat.");
  CHECK(one.size() == static_cast<std::size_t>(model.config().hidden_size()));
  CHECK(session.position() == other.position());
  CHECK(session.generate("", {.max_new_tokens = 9}).tokens ==
        other.generate("", {.max_new_tokens = 9}).tokens);
  CHECK(session.embed("A cat sat on a mat.") == one);
  CHECK(session.embed(model.tokenizer().encode("A cat sat on a mat.")) == one);
  CHECK(session.embed("A dog") != one);
}

TEST_CASE("embed: impossible texts are refused") {
  const TemporaryDirectory files;
  testing::write_byte_model(files / "model");
  const Model model = AutoModel::from_pretrained((files / "model").string(), {.threads = 1});
  Session session = model.new_session({.max_context = 8});
  CHECK(contains(error_of<InvalidArgument>([&] { session.embed(""); }), "at least one token"));
  CHECK(contains(error_of<InvalidArgument>([&] { session.embed("123456789"); }), "holds 8"));
  CHECK_THROWS_AS(session.embed(std::vector<TokenId>{258}), InvalidArgument);
  std::string refusal;
  session.generate("abc", {.max_new_tokens = 2}, [&](std::string_view) {
    refusal = error_of<InvalidArgument>([&] { session.embed("x"); });
    return true;
  });
  CHECK(contains(refusal, "in use"));
  CHECK(session.embed("12345678").size() == 32);
}

TEST_CASE("score: log-probabilities of ids as transformers gives them") {
  for (const Json& json : goldens().at("models", "").as_array("")) {
    INFO(json.at("model", "").as_string(""));
    const auto ids = numbers<TokenId>(json.at("ids", ""));
    const auto prompt = std::span(ids).first(static_cast<std::size_t>(json.at("prompt", "").as_double("")));
    std::vector<std::vector<TokenId>> continuations;
    for (const Json& item : json.at("continuations", "").as_array(""))
      continuations.push_back(numbers<TokenId>(item.at("ids", "")));
    check_scores(golden_model(json).score(prompt, continuations), json.at("continuations", ""));
  }
}

TEST_CASE("score: texts are split where the prompt ends") {
  const Model model = story_model();
  for (const Json& json : goldens().at("texts", "").as_array("")) {
    const std::string prompt = json.at("prompt", "").as_string("");
    INFO(prompt);
    std::vector<std::string> continuations;
    for (const Json& item : json.at("continuations", "").as_array(""))
      continuations.push_back(item.at("text", "").as_string(""));
    check_scores(model.score(prompt, continuations), json.at("continuations", ""));
  }
}

TEST_CASE("score: the order and the company of continuations do not matter") {
  const TemporaryDirectory files;
  testing::write_byte_model(files / "model");
  for (const std::int64_t window : {0, 8}) {
    Config config = AutoConfig::from_pretrained((files / "model").string());
    config.update({{"attention_window", window}});
    const Model model = AutoModel::from_pretrained((files / "model").string(), config, {.threads = 1});
    const auto prompt = some_ids(60);
    // The second goes round a ring of the window and a chunk of 512 tokens.
    const std::vector<std::vector<TokenId>> continuations{some_ids(3, 5), some_ids(700, 9), some_ids(4, 3),
                                                          some_ids(1, 77)};
    const auto together = model.score(prompt, continuations);
    REQUIRE(together.size() == 4);
    for (std::size_t i = 0; i < continuations.size(); ++i) {
      const auto alone = model.score(prompt, std::span(continuations).subspan(i, 1));
      CHECK(difference(together[i].logprobs, alone.front().logprobs) < 1e-4f);
      CHECK(together[i].tokens == continuations[i]);
    }
  }
}

TEST_CASE("score: greedy says what greedy decoding writes") {
  const Model model = story_model();
  const Generation written = model.generate("Once upon a time", {.max_new_tokens = 6});
  auto changed = written.tokens;
  changed[3] = (changed[3] + 1) % 2000;
  const auto scores = model.score(model.tokenizer().encode("Once upon a time"),
                                  std::vector<std::vector<TokenId>>{written.tokens, changed});
  CHECK(scores[0].greedy);
  CHECK_FALSE(scores[1].greedy);
  CHECK(scores[0].logprob > scores[1].logprob);
}

TEST_CASE("score: impossible texts are refused, and nothing to score is zero") {
  const TemporaryDirectory files;
  testing::write_byte_model(files / "model");
  const Model model = AutoModel::from_pretrained((files / "model").string(), {.threads = 1});
  CHECK(contains(error_of<InvalidArgument>([&] { model.score("", std::vector<std::string>{"a"}); }),
                 "at least one token before"));
  CHECK_THROWS_AS(model.score("a", std::vector<std::string>{std::string(1024, 'b')}), InvalidArgument);
  CHECK_THROWS_AS(model.score(some_ids(2), std::vector<std::vector<TokenId>>{{-1}}), InvalidArgument);
  CHECK(model.score("a", {}).empty());
  const auto nothing = model.score("ab", std::vector<std::string>{""});
  CHECK(nothing.front().tokens.empty());
  CHECK(nothing.front().logprob == 0);
  CHECK_THROWS_AS(Model().score("a", {}), InvalidArgument);
}
