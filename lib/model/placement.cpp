// SPDX-License-Identifier: Apache-2.0
#include "model/placement.h"

#include <utility>

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

}  // namespace transom::model
