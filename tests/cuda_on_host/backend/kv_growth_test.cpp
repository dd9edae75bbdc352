// SPDX-License-Identifier: Apache-2.0
// How much memory of a device the keys and values of texts take.
#include <cstdint>
#include <memory>
#include <vector>

#include "backend/cuda/cuda_backend.h"
#include "model/sequence/prefix_cache.h"
#include "tests/cuda_on_host/backend/scarce_device.h"
#include "tests/model/small_models.h"
#include "tests/support/catch.h"
#include "tests/support/throws.h"

namespace transom {
namespace {

using backend::CudaBackend;
using testing::Ids;

constexpr std::int64_t kContext = 8192;  // 32 blocks a layer

struct Loaded {
  std::shared_ptr<CudaBackend> gpu = std::make_shared<CudaBackend>(0, true);
  std::unique_ptr<model::Transformer> model = testing::load_small_model("llama-mha", {}, gpu);

  Loaded() {  // kernels have their scratch, which is the model's
    const std::unique_ptr<model::Sequence> text = sequence();
    text->forward(ids(200, 1), false, {});
    testing::last_logits(*text, {1});
  }

  std::int64_t free() const { return gpu->memory().free; }
  std::unique_ptr<model::Sequence> sequence() const {
    return std::make_unique<model::Sequence>(
        *model, model::SequenceOptions{.max_context = kContext, .prefill_chunk = 64});
  }
  Ids ids(std::size_t n, std::size_t seed) const { return testing::some_ids(n, seed, model->spec().vocab); }
  /// Of keys and values of a block in all layers.
  std::int64_t block_bytes(const model::Sequence& text) const {
    const model::KvCache& cache = text.cache();
    return 2 * static_cast<std::int64_t>(cache.layers()) * model::kv_block_bytes(cache.layer(0));
  }
};

TEST_CASE("a session on a GPU takes memory as its text grows") {
  const Loaded on;
  const std::unique_ptr<model::Sequence> text = on.sequence();
  const std::int64_t block = on.block_bytes(*text), before = on.free();
  text->forward(on.ids(200, 1), false, {});
  CHECK(before - on.free() == block);
  for (std::int32_t id = 0; id < 60; ++id) testing::last_logits(*text, {id});
  CHECK(before - on.free() == 2 * block);
}

TEST_CASE("texts that are kept on a GPU take what they need, not what their sessions could") {
  const Loaded on;
  const std::int64_t block = on.block_bytes(*on.sequence());
  model::PrefixCache kept(4 * block + 100000);
  const std::int64_t before = on.free();
  for (std::size_t i = 0; i < 12; ++i) {
    const std::unique_ptr<model::Sequence> text = on.sequence();
    const Ids ids = on.ids(100, i);
    text->forward(ids, false, {});
    kept.remember(ids, *text);
  }
  CHECK(kept.bytes() >= 4 * block);
  CHECK(before - on.free() == 4 * block);
  const std::unique_ptr<model::Sequence> again = on.sequence();
  Ids ids = on.ids(100, 11);
  ids.push_back(1);
  CHECK(kept.recall(ids, *again) == 100);
}

TEST_CASE("a session whose longest text would not fit a GPU is refused at once") {
  const Loaded on;
  const std::int64_t whole = 32 * on.block_bytes(*on.sequence());
  const testing::LimitedMemory limited(static_cast<std::size_t>(whole));  // and some of it is in use
  const std::string found = testing::error_of<OutOfMemory>([&] { on.sequence(); });
  INFO(found);
  CHECK(testing::contains(found, "max_context"));
  CHECK(testing::contains(found, std::to_string(whole)));
}

}  // namespace
}  // namespace transom
