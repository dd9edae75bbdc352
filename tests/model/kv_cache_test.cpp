// SPDX-License-Identifier: Apache-2.0
// Caches that share blocks: what each holds is what it would hold alone, and what they share is there once.
#include "model/cache/kv_cache.h"

#include <array>
#include <cstring>
#include <optional>
#include <set>
#include <thread>

#include "backend/ops.h"
#include "tests/model/small_backend.h"
#include "tests/model/small_models.h"
#include "tests/support/catch.h"

using namespace transom::model;
using transom::core::TensorView;
using transom::testing::Ids;
using transom::testing::last_logits;
using transom::testing::load_small_model;
using transom::testing::Settings;
using transom::testing::SmallBackend;
using transom::testing::some_ids;

namespace {

struct Case {
  const char* name;
  Settings settings;
};

// Caches of more than one block of 256 slots, and texts that go beyond what the rings hold.
const std::array<Case, 5> kCases{{
    {"full", {}},
    {"ring", {{"attention_window", 200}}},
    {"sinks", {{"attention_window", 230}, {"attention_sinks", 3}}},
    {"log stride", {{"attention_window", 70}, {"attention_pattern", "log_stride"}}},
    {"exact log stride", {{"attention_window", 40}, {"attention_pattern", "log_stride_exact"}}},
}};
constexpr SequenceOptions kOptions{.max_context = 900, .prefill_chunk = 64};

/// A text piece by piece. The last piece goes one by one.
struct Text {
  std::vector<Ids> pieces;

  Text with(const Ids& more) const {
    Text result = *this;
    result.pieces.push_back(more);
    return result;
  }
};

std::vector<float> read_one_by_one(Sequence& sequence, const Ids& ids) {
  std::vector<float> logits;
  for (const std::int32_t id : ids) logits = last_logits(sequence, {id});
  return logits;
}

std::vector<float> read_alone(const Transformer& transformer, const Text& text) {
  Sequence sequence(transformer, kOptions);
  sequence.forward(text.pieces.front(), false, {});
  std::vector<float> logits;
  for (std::size_t i = 1; i < text.pieces.size(); ++i) logits = read_one_by_one(sequence, text.pieces[i]);
  return logits;
}

/// Every slot of positions [0, end) of every layer, in a cache that keeps all.
std::vector<std::byte> contents(transom::backend::Backend& backend, const KvCache& cache, std::int64_t end) {
  std::vector<std::byte> all;
  for (std::size_t i = 0; i < cache.layers(); ++i) {
    std::vector<std::byte> bytes(
        static_cast<std::size_t>(end * transom::backend::ops::kv_slot_bytes(cache.layer(i))));
    transom::backend::ops::kv_read(backend, cache.layer(i), 0, end, bytes);
    all.insert(all.end(), bytes.begin(), bytes.end());
  }
  return all;
}

void fill(transom::backend::Backend& backend, KvCache& cache, std::int64_t first, std::int64_t end,
          int value) {
  cache.make_writable(first, end);
  for (std::size_t i = 0; i < cache.layers(); ++i) {
    const std::vector<std::byte> bytes(
        static_cast<std::size_t>((end - first) * transom::backend::ops::kv_slot_bytes(cache.layer(i))),
        static_cast<std::byte>(value));
    transom::backend::ops::kv_write(backend, bytes, first, end - first, cache.layer(i));
  }
}

std::size_t distinct_blocks(const std::vector<const Sequence*>& sequences) {
  std::set<const KvBlock*> blocks;
  for (const Sequence* sequence : sequences)
    sequence->cache().for_each_block([&](const KvBlock& block) { blocks.insert(&block); });
  return blocks.size();
}

}  // namespace

TEST_CASE("kv cache: forks of forks and their origins go on as texts that were read alone") {
  for (const Case& c : kCases) {
    INFO(c.name);
    const auto transformer = load_small_model("llama-mha", c.settings);
    const std::int64_t vocab = transformer->spec().vocab;
    for (const std::size_t length : {250, 256, 600}) {
      INFO("from " << length);
      const Text start{{some_ids(length, 1, vocab)}};
      const Ids a = some_ids(9, 2, vocab), b = some_ids(9, 3, vocab), d = some_ids(5, 4, vocab);
      const auto alone = [&](const Text& text) { return read_alone(*transformer, text); };
      auto origin = std::make_unique<Sequence>(*transformer, kOptions);
      origin->forward(start.pieces.front(), false, {});
      const auto child = origin->fork();
      CHECK(read_one_by_one(*child, a) == alone(start.with(a)));
      const auto grandchild = child->fork();
      CHECK(read_one_by_one(*origin, b) == alone(start.with(b)));
      const auto late = origin->fork();
      CHECK(read_one_by_one(*grandchild, b) == alone(start.with(a).with(b)));
      CHECK(read_one_by_one(*child, d) == alone(start.with(a).with(d)));
      origin.reset();
      CHECK(read_one_by_one(*late, a) == alone(start.with(b).with(a)));
      CHECK(read_one_by_one(*late, d) == alone(start.with(b).with(a).with(d)));
      CHECK(read_one_by_one(*grandchild, d) == alone(start.with(a).with(b).with(d)));
    }
  }
}

TEST_CASE("kv cache: a fork that is cut back, and one that begins anew, leave the others as they were") {
  const auto transformer = load_small_model("llama-mha", {});
  const std::int64_t vocab = transformer->spec().vocab;
  const Ids start = some_ids(600, 1, vocab), more = some_ids(7, 2, vocab);
  const auto alone = [&](std::size_t length, const Ids& ids) {
    return read_alone(*transformer, {{Ids(start.begin(), start.begin() + std::ptrdiff_t(length)), ids}});
  };
  Sequence origin(*transformer, kOptions);
  origin.forward(start, false, {});
  const auto cut = origin.fork(), anew = origin.fork();
  cut->truncate(192);  // in whole chunks, so that reading alone does the same arithmetic
  CHECK(read_one_by_one(*cut, more) == alone(192, more));
  anew->truncate(0);
  CHECK(distinct_blocks({anew.get()}) == 0);  // nothing is copied that nobody needs
  CHECK(last_logits(*anew, {start.begin(), start.begin() + 64}) == [&] {
    Sequence sequence(*transformer, kOptions);
    return last_logits(sequence, {start.begin(), start.begin() + 64});
  }());
  CHECK(read_one_by_one(origin, more) == alone(600, more));
}

TEST_CASE("kv cache: forks that write a little hold one text and a block each") {
  const auto transformer = load_small_model("llama-mha", {});
  const std::size_t layers = transformer->spec().layers.size();
  const std::int64_t vocab = transformer->spec().vocab;
  Sequence origin(*transformer, kOptions);
  origin.forward(some_ids(700, 1, vocab), false, {});
  REQUIRE(distinct_blocks({&origin}) == 3 * layers);
  std::vector<std::unique_ptr<Sequence>> forks;
  std::vector<const Sequence*> all{&origin};
  constexpr std::size_t kForks = 10;
  for (std::size_t i = 0; i < kForks; ++i) {
    forks.push_back(origin.fork());
    all.push_back(forks.back().get());
  }
  CHECK(distinct_blocks(all) == 3 * layers);
  for (std::size_t i = 0; i < kForks; ++i) forks[i]->forward(some_ids(3, i, vocab), false, {});
  CHECK(distinct_blocks(all) == (3 + kForks) * layers);
  const std::int64_t before = forks[0]->cache().resident_bytes();
  CHECK(before == origin.cache().resident_bytes());
  // A fork of a fork that was written to, into the next block.
  forks[0]->forward(some_ids(80, 1, vocab), false, {});
  const auto late = forks[0]->fork();
  late->forward(some_ids(1, 1, vocab), false, {});
  all.push_back(late.get());
  CHECK(distinct_blocks(all) == (3 + kForks + 2) * layers);
}

TEST_CASE("kv cache: an empty sequence that takes a text over shares its blocks") {
  const auto transformer = load_small_model("llama-mha", {});
  const std::size_t layers = transformer->spec().layers.size();
  const std::int64_t vocab = transformer->spec().vocab;
  const Ids start = some_ids(600, 1, vocab), more = some_ids(9, 2, vocab);
  auto first = std::make_unique<Sequence>(*transformer, kOptions);
  first->forward(start, false, {});
  const auto second = std::make_unique<Sequence>(*transformer, kOptions);
  second->forward(some_ids(300, 5, vocab), false, {});  // blocks of its own, which go
  second->truncate(0);
  second->adopt(first->cache(), 320, first->furthest());
  CHECK(distinct_blocks({first.get(), second.get()}) == 3 * layers);
  const Text text{{Ids(start.begin(), start.begin() + 320), more}};
  CHECK(read_one_by_one(*second, more) == read_alone(*transformer, text));
  CHECK(distinct_blocks({first.get(), second.get()}) == 4 * layers);
  CHECK(read_one_by_one(*first, more) == read_alone(*transformer, {{start, more}}));
  first.reset();
  CHECK(read_one_by_one(*second, more) == read_alone(*transformer, text.with(more)));
}

TEST_CASE("kv cache: many threads go on from one text, whose own cache goes meanwhile") {
  for (const Case& c : kCases) {
    INFO(c.name);
    const auto transformer = load_small_model("llama-mha", c.settings);
    const std::int64_t vocab = transformer->spec().vocab;
    const Text start{{some_ids(300, 1, vocab)}};
    constexpr std::size_t kThreads = 4;
    const auto own = [&](std::size_t i, std::size_t n) { return some_ids(n, 10 + i, vocab); };
    std::vector<std::vector<float>> expected;
    for (std::size_t i = 0; i < kThreads; ++i)
      expected.push_back(read_alone(*transformer, start.with(own(i, 6)).with(own(i, 12))));
    auto origin = std::make_unique<Sequence>(*transformer, kOptions);
    origin->forward(start.pieces.front(), false, {});
    std::vector<std::unique_ptr<Sequence>> forks;
    for (std::size_t i = 0; i < kThreads; ++i) forks.push_back(origin->fork());
    std::vector<int> wrong(kThreads, 0);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        for (int round = 0; round < 3; ++round) {
          const auto mine = forks[i]->fork();
          read_one_by_one(*mine, own(i, 6));
          const auto again = mine->fork();
          if (read_one_by_one(*again, own(i, 12)) != expected[i]) ++wrong[i];
          if (read_one_by_one(*mine, own(i, 12)) != expected[i]) ++wrong[i];
        }
        forks[i].reset();
      });
    }
    read_one_by_one(*origin, own(0, 6));
    origin.reset();
    for (std::thread& thread : threads) thread.join();
    CHECK(wrong == std::vector<int>(kThreads, 0));
  }
}

TEST_CASE("kv cache: memory that runs out at a write leaves everything as it was") {
  const auto transformer = load_small_model("llama-mha", {});
  SmallBackend backend(transformer->placement().first());
  KvCache origin(transformer->spec(), transom::DType::bf16, 900, 64,
                 Placement(backend, transformer->spec().n_layers));
  CHECK_THROWS_AS(contents(backend, origin, 1), transom::InvalidArgument);  // no block yet
  fill(backend, origin, 0, 300, 7);
  KvCache fork(origin, 300);
  const std::vector<std::byte> before = contents(backend, origin, 300);
  const void* const shared = origin.layer(0).key_blocks[1];
  backend.full = true;
  CHECK_THROWS_AS(origin.make_writable(290, 600), transom::OutOfMemory);
  CHECK_THROWS_AS(fork.make_writable(300, 301), transom::OutOfMemory);
  for (const KvCache* cache : {&origin, &fork}) {
    CHECK(contents(backend, *cache, 300) == before);
    CHECK(cache->layer(0).key_blocks[1] == shared);
    CHECK(cache->layer(0).key_blocks[2] == nullptr);
  }
  // What nobody else uses, and what the reservation still has, takes no memory.
  origin.make_writable(512, 900);
  backend.full = false;
  fill(backend, fork, 300, 301, 9);
  CHECK(contents(backend, origin, 300) == before);
  CHECK(contents(backend, fork, 300) == before);
  CHECK(fork.layer(0).key_blocks[1] != shared);
  CHECK(origin.layer(0).key_blocks[1] == shared);
  CHECK(fork.layer(0).key_blocks[0] == origin.layer(0).key_blocks[0]);
  backend.full = true;
  fill(backend, origin, 290, 291, 5);  // the fork has left the block
  CHECK(contents(backend, fork, 300) == before);
  CHECK(contents(backend, origin, 300) != before);
}

TEST_CASE("kv cache: a block that nobody uses any more gives its pages back before its neighbours go") {
  const auto transformer = load_small_model("llama-mha", {});
  SmallBackend backend(transformer->placement().first());
  std::optional<KvCache> origin(std::in_place, transformer->spec(), transom::DType::f32, 100000, 64,
                                Placement(backend, transformer->spec().n_layers));
  fill(backend, *origin, 0, 1000, 7);
  const transom::backend::KvCacheView& layer = origin->layer(0);
  const auto* const kept = static_cast<const char*>(layer.key_blocks[0]);
  const auto* const gone = static_cast<const char*>(layer.value_blocks[2]);
  const std::int64_t bytes = layer.keys.extent[0] * layer.block_slots * layer.keys.extent[2] * 4;
  REQUIRE(bytes >= 3 * 4096);  // whole pages lie in it, wherever it begins
  const KvCache fork(*origin, 256);
  CHECK(gone[bytes / 2] == 7);
  origin.reset();
  CHECK(kept[bytes / 2] == 7);
  CHECK(gone[bytes / 2] == 0);
}
