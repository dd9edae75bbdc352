// SPDX-License-Identifier: Apache-2.0
// Models with layers on the CPU and on the emulated GPU, seen from inside.
#include "model/placement.h"

#include <cctype>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "backend/cuda/cuda_backend.h"
#include "backend/cuda/device_arena.h"
#include "model/weights/weight_loader.h"
#include "tests/cuda_on_host/backend/scarce_device.h"
#include "tests/model/small_models.h"
#include "tests/support/catch.h"
#include "tests/support/throws.h"

namespace transom {
namespace {

using backend::CudaBackend;
using testing::Ids;
using testing::LimitedMemory;

/// All tensors of any model, full of zeros.
class ZeroSource final : public model::WeightSource {
 public:
  std::optional<io::StoredTensor> find(const std::string& name,
                                       const std::vector<std::int64_t>& shape) override {
    io::StoredTensor tensor;
    tensor.name = name;
    tensor.dtype = DType::bf16;
    tensor.shape = shape;
    tensor.bytes = std::span(zeros_).first(static_cast<std::size_t>(tensor.elements()) * 2);
    return tensor;
  }
  void release(const io::StoredTensor&) override {}
  std::string describe() const override { return "zeros"; }
  std::int64_t total_bytes() const override { return 0; }

 private:
  std::vector<std::byte> zeros_ = std::vector<std::byte>(std::size_t{2} << 20);
};

constexpr std::int64_t kLayers = 8;

std::unique_ptr<model::Transformer> load_zeros(std::int64_t layers, std::int64_t context) {
  Config config = Config::from_json(R"({"model_type": "llama", "hidden_size": 256, "intermediate_size": 512,
    "num_hidden_layers": 8, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 2000,
    "max_position_embeddings": 4096, "rms_norm_eps": 1e-6, "rope_theta": 10000.0, "tie_word_embeddings": false})");
  config.update({{"max_context", context}});
  model::ModelSpec spec = model::read_spec(config);
  const auto gpu = std::make_shared<CudaBackend>(0, true);
  model::Placement placement(gpu, kLayers);
  if (layers < kLayers) placement = model::Placement(testing::two_threads(), gpu, kLayers, layers);
  const auto source = std::make_shared<ZeroSource>();
  const auto go_on = [](std::string_view, std::int64_t) { return true; };
  auto weights = model::load_weights(spec, model::find_family("llama")->names(), *source, placement, go_on);
  return std::make_unique<model::Transformer>(std::move(spec), std::move(weights), source,
                                              std::move(placement));
}

/// The number that stands before some words, or -1.
std::int64_t number_before(const std::string& text, const std::string& words) {
  std::size_t end = text.find(words);
  if (end == std::string::npos) return -1;
  std::size_t begin = end;
  while (begin > 0 && std::isdigit(static_cast<unsigned char>(text[begin - 1])) != 0) --begin;
  return begin == end ? -1 : std::stoll(text.substr(begin, end - begin));
}

/// What a model of so many layers says when it is loaded, gets a session and reads a token.
std::string complaint(std::int64_t layers, std::int64_t context) try {
  const auto transformer = load_zeros(layers, context);
  model::Sequence sequence(*transformer, {.max_context = context});
  testing::last_logits(sequence, {1});
  return "";
} catch (const OutOfMemory& error) {
  return error.what();
}

TEST_CASE("placement: the GPU's part of a decode step is a graph, with layers before it as without") {
  for (const std::int64_t layers : {3, 2, 0}) {
    INFO(layers << " layers");
    const auto gpu = std::make_shared<CudaBackend>(0, true);
    const auto transformer = testing::load_small_model("llama-mha", {}, [&](std::int64_t n_layers) {
      if (layers == n_layers) return model::Placement(gpu, n_layers);
      return model::Placement(testing::two_threads(), gpu, n_layers, layers);
    });
    model::Sequence sequence(*transformer, {.max_context = 64, .prefill_chunk = 16});
    sequence.forward(Ids{1, 2, 3, 4, 5}, false, {});
    const std::int64_t before = gpu->replays();
    for (std::int32_t id = 0; id < 6; ++id) testing::last_logits(sequence, {id});
    CHECK(gpu->replays() - before == 4);  // the first was launched, the second captured
  }
}

TEST_CASE("placement: a GPU that is too small says how many layers would fit, and they do") {
  // Weights and sessions that share the memory in different ways.
  for (const std::int64_t context : {600, 4000}) {
    std::int64_t last = kLayers;
    for (const std::size_t megabytes : {48, 36, 28, 20, 16, 4}) {
      INFO("context " << context << ", " << megabytes << " MB");
      const LimitedMemory limited(megabytes << 20);
      const std::string found = complaint(kLayers, context);
      if (found.empty()) continue;
      INFO(found);
      CHECK(testing::contains(found, "bytes are free"));
      const std::int64_t fitting = number_before(found, " layers would fit");
      if (fitting < 0) {
        CHECK(testing::contains(found, "device \"cpu\""));
        continue;
      }
      CHECK(fitting < kLayers);
      CHECK(fitting <= last);
      last = fitting;
      CHECK(complaint(fitting, context) == "");
    }
    CHECK(last < kLayers / 2);  // some limits were tight
  }
}

TEST_CASE("placement: a session that does not fit beside its model says how many layers would leave room") {
  const LimitedMemory limited(std::size_t{24} << 20);
  const auto transformer = load_zeros(6, 600);
  const std::string found =
      testing::error_of<OutOfMemory>([&] { model::Sequence(*transformer, {.max_context = 12000}); });
  CHECK(testing::contains(found, "gpu_layers: 6 layers and a session of 12000 tokens need "));
  CHECK(number_before(found, " layers would fit") < 6);
}

TEST_CASE("placement: a prompt that finds no memory for scratch says how many layers would leave room") {
  const auto transformer = load_zeros(6, 600);
  model::Sequence sequence(*transformer, {.max_context = 600});
  const Ids prompt(500, 1);
  std::make_shared<backend::DeviceArena>(0)->make_room();  // what other tests have left
  {
    const LimitedMemory limited(cuda_on_host::device_memory_in_use());
    const std::string found = testing::error_of<OutOfMemory>([&] { sequence.forward(prompt, false, {}); });
    INFO(found);
    CHECK(testing::contains(found, "bytes are free; gpu_layers"));
    CHECK(testing::contains(found, "gpu_layers: 6 layers and a session of 600 tokens need "));
    CHECK(number_before(found, " layers would fit") < 6);
  }
  sequence.forward(prompt, false, {});
}

}  // namespace
}  // namespace transom
