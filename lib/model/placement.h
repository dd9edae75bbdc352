// SPDX-License-Identifier: Apache-2.0
/// Which device computes what.
///
/// Layers lie on devices in spans, one after the other, so that a step hands the hidden state on only where
/// two spans meet. The device of the first span also embeds tokens, that of the last also has the final norm
/// and the head and chooses tokens: so a step that began with ids ends with ids, and no state comes back.
/// For the same reason the span on a GPU is the last one, and embeddings stay where their file is mapped.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "backend/backend.h"
#include "backend/registry.h"

namespace transom::model {

/// Layers [first, end) of a model on one device; in the last span there may be none.
struct LayerSpan {
  std::shared_ptr<backend::Backend> device;
  std::int64_t first = 0, end = 0;

  std::int64_t layers() const { return end - first; }
};

class Placement {
 public:
  /// Everything on one device.
  Placement(std::shared_ptr<backend::Backend> device, std::int64_t n_layers);
  /// The same for a device that outlives the placement.
  Placement(backend::Backend& device, std::int64_t n_layers);
  /// The last `layers` of the model, and what comes after them, on `device`; the others on `host`, which uses
  /// the memory of this process.
  Placement(std::shared_ptr<backend::Backend> host, std::shared_ptr<backend::Backend> device,
            std::int64_t n_layers, std::int64_t layers);

  std::span<const LayerSpan> spans() const { return spans_; }
  /// Index of the span that a layer lies in.
  std::size_t span_of(std::int64_t layer) const;
  backend::Backend& device_of(std::int64_t layer) const { return *spans_[span_of(layer)].device; }
  /// Embeds tokens.
  backend::Backend& first() const { return *spans_.front().device; }
  /// Makes logits and chooses tokens.
  backend::Backend& last() const { return *spans_.back().device; }
  /// The last device, with the kernels of both and the threads of the first.
  backend::BackendInfo describe() const;

 private:
  std::vector<LayerSpan> spans_;
};

/// Opens a device by its name, and the CPU beside it where it gets less than all layers.
/// @param gpu_layers How many of the last layers a GPU gets; -1, or as many as there are: all of the model.
/// @throws InvalidArgument for fewer than -1, and for layers on a GPU where the device is the CPU; as
///   backend::open_backend().
Placement open_placement(std::string_view device, const backend::BackendOptions& options,
                         std::int64_t n_layers, std::int64_t gpu_layers);

}  // namespace transom::model
