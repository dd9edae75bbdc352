// SPDX-License-Identifier: Apache-2.0
// Sequences that share: forks share the cache, siblings the workspace and the step.
#include "model/sequence/sequence.h"

#include <cmath>
#include <string>

#include "tests/model/small_models.h"
#include "tests/support/catch.h"

using transom::model::Sequence;
using transom::model::Transformer;
using transom::testing::Ids;
using transom::testing::last_logits;
using transom::testing::load_small_model;
using transom::testing::some_ids;

namespace {

std::unique_ptr<Transformer> load(const std::string& name, std::int64_t window, std::int64_t sinks) {
  return load_small_model(name, {{"attention_window", window}, {"attention_sinks", sinks}});
}

void check_close(std::span<const float> a, std::span<const float> b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    worst = std::max(worst, std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  CHECK(worst < 2e-4);
}

struct Case {
  const char* model;
  std::int64_t window, sinks;
};
constexpr Case kCases[] = {{"llama-mha", -1, 0},       {"llama-mha", 9, 0},      {"llama-mha", 9, 3},
                           {"llama-dynamic", -1, 0},   {"mistral-window", 0, 0}, {"qwen3-head-dim", 5, 2},
                           {"qwen2-layer-types", 0, 0}};

}  // namespace

TEST_CASE("sequence: a step of siblings gives what each gives alone") {
  for (const Case& c : kCases) {
    INFO(c.model << " window " << c.window << " sinks " << c.sinks);
    const auto transformer = load(c.model, c.window, c.sinks);
    const std::int64_t vocab = transformer->spec().vocab;
    // Lengths on both sides of the window and of a chunk.
    const std::size_t lengths[] = {1, 4, 11, 30};
    Sequence first(*transformer, {.max_context = 64, .prefill_chunk = 8});
    std::vector<std::unique_ptr<Sequence>> siblings;
    std::vector<Sequence*> all;
    std::vector<Ids> texts;
    for (std::size_t i = 0; i < std::size(lengths); ++i) {
      if (i > 0) siblings.push_back(first.sibling());
      all.push_back(i == 0 ? &first : siblings.back().get());
      texts.push_back(some_ids(lengths[i], i, vocab));
      all.back()->forward(texts.back(), false, {});
    }
    for (int step = 0; step < 12; ++step) {
      Ids next;
      for (std::size_t i = 0; i < texts.size(); ++i) {
        next.push_back(static_cast<std::int32_t>((static_cast<std::size_t>(step) * 13 + i * 7) % 50));
        texts[i].push_back(next.back());
      }
      std::vector<float> logits(all.size() * static_cast<std::size_t>(vocab));
      Sequence::step(all, next, logits);
      for (std::size_t i = 0; i < texts.size(); ++i) {
        Sequence alone(*transformer, {.max_context = 64, .prefill_chunk = 8});
        // In the same pieces: dynamic rope depends on them.
        alone.forward(std::span(texts[i]).first(lengths[i]), false, {});
        std::vector<float> expected(static_cast<std::size_t>(vocab));
        for (std::size_t t = lengths[i]; t < texts[i].size(); ++t)
          alone.forward(std::span(texts[i]).subspan(t, 1), false, expected);
        check_close(std::span(logits).subspan(i * expected.size(), expected.size()), expected);
      }
    }
  }
}

TEST_CASE("sequence: more siblings than a chunk has rows") {
  const auto transformer = load("llama-mha", -1, 0);
  const std::int64_t vocab = transformer->spec().vocab;
  Sequence first(*transformer, {.max_context = 16, .prefill_chunk = 2});
  std::vector<std::unique_ptr<Sequence>> siblings;
  std::vector<Sequence*> all{&first};
  for (int i = 0; i < 4; ++i) all.push_back(siblings.emplace_back(first.sibling()).get());
  const Ids ids{3, 1, 4, 1, 5};
  std::vector<float> logits(5 * static_cast<std::size_t>(vocab));
  Sequence::step(all, ids, logits);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    Sequence alone(*transformer, {.max_context = 16});
    check_close(
        std::span(logits).subspan(i * static_cast<std::size_t>(vocab), static_cast<std::size_t>(vocab)),
        last_logits(alone, {ids[i]}));
  }
}

TEST_CASE("sequence: fork and original go on apart") {
  for (const Case& c : kCases) {
    INFO(c.model << " window " << c.window << " sinks " << c.sinks);
    const auto transformer = load(c.model, c.window, c.sinks);
    const std::int64_t vocab = transformer->spec().vocab;
    const Ids start = some_ids(21, 1, vocab), left = some_ids(15, 2, vocab), right = some_ids(15, 3, vocab);
    const auto alone = [&](const Ids& more) {
      Sequence sequence(*transformer, {.max_context = 64, .prefill_chunk = 8});
      sequence.forward(start, false, {});
      return last_logits(sequence, more);
    };
    Sequence original(*transformer, {.max_context = 64, .prefill_chunk = 8});
    original.forward(start, false, {});
    const auto fork = original.fork();
    auto grandchild = fork->fork();
    CHECK(fork->position() == 21);
    CHECK(last_logits(*fork, right) == alone(right));
    CHECK(last_logits(original, left) == alone(left));
    CHECK(last_logits(*grandchild, left) == alone(left));
  }
}

TEST_CASE("sequence: copy_from takes what differs") {
  for (const Case& c : kCases) {
    INFO(c.model << " window " << c.window << " sinks " << c.sinks);
    const auto transformer = load(c.model, c.window, c.sinks);
    const std::int64_t vocab = transformer->spec().vocab;
    const Ids start = some_ids(13, 1, vocab), a = some_ids(9, 2, vocab), b = some_ids(9, 3, vocab);
    Sequence one(*transformer, {.max_context = 64, .prefill_chunk = 8});
    one.forward(start, false, {});
    const auto two = one.sibling();
    two->copy_from(one, 0);
    for (std::size_t i = 0; i < a.size(); ++i) {
      one.forward(std::span(a).subspan(i, 1), false, {});
      two->forward(std::span(b).subspan(i, 1), false, {});
    }
    two->copy_from(one, static_cast<std::int64_t>(start.size()));
    CHECK(last_logits(*two, {7}) == last_logits(one, {7}));
  }
}
