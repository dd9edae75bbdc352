// SPDX-License-Identifier: Apache-2.0
// Layers on two devices, which are both CPUs here: the numbers must be those of one, bit by bit.
#include "model/placement.h"

#include <span>
#include <sstream>
#include <string>

#include "model/sequence/session_file.h"
#include "tests/model/small_backend.h"
#include "tests/model/small_models.h"
#include "tests/support/catch.h"
#include "tests/support/throws.h"

using namespace transom::model;
using transom::OutOfMemory;
using transom::testing::contains;
using transom::testing::error_of;
using transom::testing::Ids;
using transom::testing::last_logits;
using transom::testing::load_small_model;
using transom::testing::some_ids;
using transom::testing::two_threads;

namespace {

using Settings = transom::testing::Settings;

std::unique_ptr<Transformer> load_placed(const std::string& name, const Settings& settings,
                                         std::int64_t layers) {
  return load_small_model(name, settings, [&](std::int64_t n_layers) {
    return Placement(two_threads(), two_threads(), n_layers, layers);
  });
}

std::vector<float> all_logits(Sequence& sequence, const Ids& ids) {
  std::vector<float> logits(ids.size() * static_cast<std::size_t>(sequence.vocab()));
  sequence.forward(ids, true, logits);
  return logits;
}

/// Has memory to itself, which can run out.
class SmallDevice final : public transom::testing::ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;
  bool full = false;
  std::int64_t free = std::int64_t{1} << 40;

  transom::backend::DeviceMemory memory() const override { return {free, free}; }
  transom::backend::Buffer allocate(std::size_t bytes, const char* purpose,
                                    transom::backend::Buffer::Pages pages) override {
    if (full) throw OutOfMemory(purpose);
    return ForwardingBackend::allocate(bytes, purpose, pages);
  }
};

constexpr SequenceOptions kOptions{.max_context = 900, .prefill_chunk = 32};

/// What a model gives for prompts, single tokens, forks, siblings, cut texts and states: whatever crosses
/// from device to device.
std::vector<std::vector<float>> behaviour(const Transformer& transformer) {
  const std::int64_t vocab = transformer.spec().vocab;
  std::vector<std::vector<float>> results;
  Sequence sequence(transformer, kOptions);
  results.push_back(all_logits(sequence, some_ids(70, 1, vocab)));
  sequence.forward(some_ids(230, 2, vocab), false, {});  // into the second block of slots
  const auto fork = sequence.fork();
  results.push_back(last_logits(*fork, some_ids(3, 3, vocab)));
  results.push_back(last_logits(sequence, some_ids(1, 4, vocab)));
  sequence.truncate(299);
  results.push_back(last_logits(sequence, some_ids(2, 5, vocab)));
  const auto sibling = fork->sibling();
  sibling->copy_from(*fork, 0);
  fork->forward(some_ids(1, 6, vocab), false, {});
  Sequence* const both[] = {fork.get(), sibling.get()};
  results.emplace_back(static_cast<std::size_t>(2 * vocab));
  Sequence::step(both, some_ids(2, 7, vocab), results.back());
  results.emplace_back(static_cast<std::size_t>(20 * sequence.hidden()));
  sequence.states(some_ids(20, 8, vocab), results.back());
  return results;
}

}  // namespace

TEST_CASE("placement: which span a layer lies in") {
  const auto host = two_threads(), device = two_threads();
  const Placement one(device, 3), two(host, device, 3, 1), head(host, device, 3, 0);
  CHECK(one.spans().size() == 1);
  CHECK(&one.first() == &one.last());
  CHECK(&one.device_of(2) == device.get());
  CHECK(two.span_of(1) == 0);
  CHECK(&two.device_of(2) == device.get());
  CHECK(&two.first() == host.get());
  CHECK(&head.device_of(2) == host.get());
  CHECK(&head.last() == device.get());
  CHECK(head.spans().back().layers() == 0);
}

TEST_CASE("placement: a model on two devices gives what it gives on one") {
  struct Case {
    const char* model;
    Settings settings;
  };
  const Case cases[] = {{"llama-mha", {}},
                        {"llama-mha", {{"attention_window", 300}, {"attention_sinks", 3}}},
                        {"qwen2-gqa7-tied", {{"kv_cache_dtype", "int8"}}},
                        {"qwen2-layer-types", {{"quantization", "int8"}}}};
  for (const Case& c : cases) {
    INFO(c.model);
    const auto alone = load_small_model(c.model, c.settings);
    const auto expected = behaviour(*alone);
    for (std::int64_t layers = 0; layers < alone->spec().n_layers; ++layers) {
      INFO(layers << " layers");
      CHECK(behaviour(*load_placed(c.model, c.settings, layers)) == expected);
    }
  }
}

TEST_CASE("placement: a text that was saved goes on with other layers on the device") {
  const auto one = load_placed("llama-mha", {}, 1), two = load_placed("llama-mha", {}, 2);
  const std::int64_t vocab = one->spec().vocab;
  const Ids ids = some_ids(280, 1, vocab);
  Sequence sequence(*one, kOptions);
  sequence.forward(ids, false, {});
  std::ostringstream file;
  write_session(file, sequence, ids, "a model");
  const std::string bytes = file.str();
  const SavedText text = read_session(std::as_bytes(std::span(bytes)), "a test", *two, "a model");
  CHECK(last_logits(*text.sequence, {3}) == last_logits(sequence, {3}));
}

TEST_CASE("placement: the advice is for the device whose memory ran out") {
  const auto host = std::make_shared<transom::testing::SmallBackend>(two_threads());
  const auto device = std::make_shared<SmallDevice>(two_threads());
  const auto load = [&] {
    return load_small_model("llama-mha", {},
                            [&](std::int64_t n_layers) { return Placement(host, device, n_layers, 1); });
  };
  const auto transformer = load();
  const auto complaint = [&] { return error_of<OutOfMemory>([&] { Sequence(*transformer, kOptions); }); };
  host->full = true;
  const std::string more = "the CPU is short of memory, with 2 layers, and the GPU, with 1, would hold 3";
  CHECK(contains(complaint(), more));
  CHECK(contains(error_of<OutOfMemory>(load), more));
  device->free = 1;
  CHECK(contains(complaint(), "and the GPU, with 1, has no room for more"));
  CHECK(contains(error_of<OutOfMemory>(load), "has no room for more"));
  host->full = false;
  device->full = true;
  CHECK(contains(complaint(), "1 layers and a session of 900 tokens need "));
}
