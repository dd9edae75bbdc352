// SPDX-License-Identifier: Apache-2.0
/// The golden models as transformers, and texts for them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backend/registry.h"
#include "io/safetensors.h"
#include "model/family.h"
#include "model/sequence/sequence.h"
#include "model/weights/weight_loader.h"
#include "transom/transom.h"

namespace transom::testing {

using Ids = std::vector<std::int32_t>;
using Settings = std::initializer_list<std::pair<std::string_view, Value>>;

inline std::shared_ptr<backend::Backend> two_threads() {
  return backend::open_backend("cpu", {.threads = 2, .pin_threads = false});
}

using PlaceLayers = std::function<model::Placement(std::int64_t n_layers)>;

/// In f32.
inline std::unique_ptr<model::Transformer> load_small_model(const std::string& name, const Settings& settings,
                                                            const PlaceLayers& place) {
  const std::filesystem::path directory =
      std::filesystem::path(TRANSOM_SOURCE_DIR) / "tests" / "golden" / name;
  Config config = AutoConfig::from_pretrained(directory.string());
  config.update({{"dtype", "f32"}});
  config.update(settings);
  model::ModelSpec spec = model::read_spec(config);
  auto checkpoint = std::make_shared<const io::Checkpoint>(directory);
  auto source = std::make_shared<model::CheckpointSource>(checkpoint);
  const auto go_on = [](std::string_view, std::int64_t) { return true; };
  const model::Family& family = *model::find_family(spec.family);
  model::Placement placement = place(spec.n_layers);
  auto weights = model::load_weights(spec, family.names(), *source, placement, go_on);
  return std::make_unique<model::Transformer>(std::move(spec), std::move(weights), source,
                                              std::move(placement));
}

inline std::unique_ptr<model::Transformer> load_small_model(
    const std::string& name, const Settings& settings,
    const std::shared_ptr<backend::Backend>& device = two_threads()) {
  return load_small_model(name, settings,
                          [&](std::int64_t n_layers) { return model::Placement(device, n_layers); });
}

inline Ids some_ids(std::size_t n, std::size_t seed, std::int64_t vocab) {
  Ids ids;
  for (std::size_t i = 0; i < n; ++i)
    ids.push_back(
        static_cast<std::int32_t>((i * i * 7 + i * 31 + seed * 101) % static_cast<std::size_t>(vocab)));
  return ids;
}

inline std::vector<float> last_logits(model::Sequence& sequence, const Ids& ids) {
  std::vector<float> logits(static_cast<std::size_t>(sequence.vocab()));
  sequence.forward(ids, false, logits);
  return logits;
}

}  // namespace transom::testing
