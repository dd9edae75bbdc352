// SPDX-License-Identifier: Apache-2.0
#include "model/placement.h"

#include <utility>

#include "core/checks.h"
#include "transom/error.h"

namespace transom::model {

Placement::Placement(std::shared_ptr<backend::Backend> device, std::int64_t n_layers) {
  spans_.push_back({std::move(device), 0, n_layers});
}

Placement::Placement(backend::Backend& device, std::int64_t n_layers)
    : Placement(std::shared_ptr<backend::Backend>(std::shared_ptr<void>(), &device), n_layers) {}

Placement::Placement(std::shared_ptr<backend::Backend> host, std::shared_ptr<backend::Backend> device,
                     std::int64_t n_layers, std::int64_t layers) {
  spans_.push_back({std::move(host), 0, n_layers - layers});
  spans_.push_back({std::move(device), n_layers - layers, n_layers});
}

std::size_t Placement::span_of(std::int64_t layer) const {
  std::size_t span = 0;
  while (layer >= spans_[span].end) ++span;
  return span;
}

backend::BackendInfo Placement::describe() const {
  backend::BackendInfo info = last().describe();
  if (spans_.size() == 1) return info;
  const backend::BackendInfo host = first().describe();
  info.isa += ", " + host.isa;
  info.threads = host.threads;
  return info;
}

Placement open_placement(std::string_view device, const backend::BackendOptions& options,
                         std::int64_t n_layers, std::int64_t gpu_layers) {
  using core::message;
  if (gpu_layers < -1)
    throw InvalidArgument(message("gpu_layers: expected 0 or more, or -1 for all, found ", gpu_layers));
  auto opened = backend::open_backend(device, options);
  if (opened->uses_host_memory()) {
    // Who asks for layers on a GPU and forgets to name it should hear so, and not wonder about the speed.
    if (gpu_layers > 0) {
      throw InvalidArgument(message("gpu_layers: ", gpu_layers, " layers need a GPU, found device \"", device,
                                    "\"; device: \"cuda\" names the first one"));
    }
    return {std::move(opened), n_layers};
  }
  if (gpu_layers < 0 || gpu_layers >= n_layers) return {std::move(opened), n_layers};
  return {backend::open_backend("cpu", options), std::move(opened), n_layers, gpu_layers};
}

}  // namespace transom::model
