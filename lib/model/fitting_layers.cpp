// SPDX-License-Identifier: Apache-2.0
#include "model/fitting_layers.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "core/checks.h"
#include "core/count.h"
#include "core/host_memory.h"
#include "model/cache/kv_layout.h"
#include "model/layers/span_workspace.h"
#include "model/sequence_options.h"

namespace transom::model {

namespace {

// What comes on top of weights and sessions. Scratch of kernels (parts of attention, activations as products
// take them, both halves of the MLP) grows with the chunk as the workspace does, to twice as much; graphs and
// code that the driver loads take some of the device's memory, and it hands memory out in pieces.
constexpr std::int64_t kScratchOfWorkspace = 2, kShareOfDriver = 64;

/// Weights of each layer, as the last device has them or would.
std::vector<std::int64_t> layer_bytes(const ModelSpec& spec, const ModelWeights& weights) {
  std::int64_t typical = 0;
  for (const LayerWeights& layer : weights.layers) typical = std::max(typical, layer.device_bytes);
  if (typical == 0) {  // none is there: as many bits an element as the head has
    const std::int64_t attended = spec.n_heads * spec.head_dim;
    const std::int64_t elements = spec.hidden * (spec.qkv_columns() + attended + 3 * spec.intermediate);
    const double bytes_of_element =
        static_cast<double>(weights.head.bytes()) / static_cast<double>(spec.vocab * spec.hidden);
    typical = static_cast<std::int64_t>(static_cast<double>(elements) * bytes_of_element);
  }
  std::vector<std::int64_t> bytes(static_cast<std::size_t>(spec.n_layers), typical);
  for (std::size_t i = 0; i < weights.layers.size(); ++i)
    if (weights.layers[i].device_bytes > 0) bytes[i] = weights.layers[i].device_bytes;
  return bytes;
}

}  // namespace

std::string fitting_layers(const OutOfMemory& error, const ModelSpec& spec, const Placement& placement,
                           const ModelWeights& weights, std::int64_t context, std::int64_t chunk,
                           bool made) try {
  const LayerSpan& span = placement.spans().back();
  const backend::DeviceMemory memory = span.device->memory();
  if (memory.total == 0 || weights.head.parts.empty()) return {};
  // What stands on the device counts as room: with fewer layers it would not be there. The embedding is the
  // CPU's then.
  const bool split = placement.spans().size() > 1;
  const auto embedding = static_cast<std::int64_t>(weights.embedding_bytes().size());
  std::int64_t room = memory.free + (split ? 0 : embedding);
  for (const LayerWeights& layer : weights.layers) room += layer.device_bytes;
  const std::vector<backend::KvCacheView> caches = kv_layouts(spec, kv_dtype(spec, weights), context, chunk);
  const std::vector<std::int64_t> layers = layer_bytes(spec, weights);
  const std::int64_t most = span.layers();
  const auto workspace = [&](bool has_layers) {
    return static_cast<std::int64_t>(
        SpanWorkspace::bytes(spec, has_layers, chunk, std::min(chunk, kScoreRows)));
  };
  const auto session = [&](std::int64_t n) {
    std::int64_t sum = workspace(n > 0);
    for (std::size_t i = layers.size() - core::count(n); i < layers.size(); ++i)
      sum += 2 * caches[i].blocks() * kv_block_bytes(caches[i]);
    return sum;
  };
  const auto needed = [&](std::int64_t n) {
    std::int64_t sum = memory.total / kShareOfDriver + (n == spec.n_layers ? embedding : 0);
    sum += session(n) + kScratchOfWorkspace * workspace(true);
    return std::accumulate(layers.end() - n, layers.end(), sum);
  };
  if (made) room += session(most);
  if (dynamic_cast<const core::OutOfHostMemory*>(&error) != nullptr) {
    if (!split) return {};
    std::int64_t more = most;
    while (more < spec.n_layers && needed(more + 1) <= room) ++more;
    const std::string found = core::message("; gpu_layers: the CPU is short of memory, with ", span.first,
                                            " layers, and the GPU, with ", most, ", ");
    return found + (more > most ? core::message("would hold ", more) : "has no room for more");
  }
  if (needed(most) <= room) return {};
  std::int64_t fitting = most - 1;
  while (fitting >= 0 && needed(fitting) > room) --fitting;
  const std::string length = context < kUnbounded ? core::message(context, " tokens") : "any length";
  const std::string found =
      core::message("; gpu_layers: ", most, " layers and a session of ", length, " need ", needed(most),
                    " bytes, and ", room, " are there for them: ");
  if (fitting < 0) return found + "not even the head fits; device \"cpu\" needs no GPU";
  return core::message(found, fitting, " layers would fit");
} catch (const Error&) {
  return {};  // what ran out of memory is worth more than why no number can be told
}

}  // namespace transom::model
