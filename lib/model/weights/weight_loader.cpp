// SPDX-License-Identifier: Apache-2.0
#include "model/weights/weight_loader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/float_convert.h"
#include "model/fitting_layers.h"
#include "model/sequence_options.h"
#include "model/weights/linear_loader.h"
#include "transom/error.h"

namespace transom::model {

using io::StoredTensor;

namespace {

class Loader {
 public:
  Loader(const ModelSpec& spec, const WeightNames& names, WeightSource& source, const Placement& placement,
         const TensorProgress& progress)
      : spec_(spec),
        names_(names),
        source_(source),
        placement_(placement),
        tensors_(source, progress),
        linears_(spec, tensors_) {}

  std::unique_ptr<ModelWeights> load() try {
    weights_ = std::make_unique<ModelWeights>();
    load_embedding();
    // The head first: it is the largest, and while it is packed the stored copy is resident too.
    load_head();
    for (std::int64_t i = 0; i < spec_.n_layers; ++i) load_layer(names_.layer(i), placement_.device_of(i));
    weights_->final_norm = load_vector(names_.final_norm + ".weight", spec_.hidden, placement_.last());
    weights_->parameters += linears_.parameters();
    weights_->bytes += linears_.bytes();
    weights_->decode_bytes = linears_.bytes();
    weights_->sixteen_bit = linears_.sixteen_bit();
    return std::move(weights_);
  } catch (const OutOfMemory& error) {
    weights_->sixteen_bit = linears_.sixteen_bit();
    const auto [context, chunk] = sequence_size(spec_, {});
    throw OutOfMemory(error.what() + fitting_layers(error, spec_, placement_, *weights_, context, chunk));
  }

 private:
  TensorView load_vector(const std::string& name, std::int64_t n, backend::Backend& device) {
    const std::vector<float> values = tensors_.read_vector(name, n);
    weights_->parameters += n;
    backend::Buffer& buffer = weights_->buffers.emplace_back(
        device.allocate(values.size() * sizeof(float), "norm weights", backend::Buffer::Pages::huge));
    const TensorView view = TensorView::dense(buffer.data(), DType::f32, {n});
    device.upload(view, std::as_bytes(std::span(values)));
    weights_->bytes += static_cast<std::int64_t>(buffer.size());
    return view;
  }

  void load_layer(const LayerNames& names, backend::Backend& device) {
    LayerWeights layer;
    const backend::DeviceMemory before = device.memory();
    const std::int64_t q = spec_.n_heads * spec_.head_dim, kv = spec_.n_kv_heads * spec_.head_dim;
    layer.input_norm = load_vector(names.input_norm + ".weight", spec_.hidden, device);
    layer.qkv =
        linears_.load({{names.q, q}, {names.k, kv}, {names.v, kv}}, spec_.hidden, spec_.qkv_bias, device);
    if (spec_.qk_norm) {
      layer.q_norm = load_vector(names.q_norm + ".weight", spec_.head_dim, device);
      layer.k_norm = load_vector(names.k_norm + ".weight", spec_.head_dim, device);
    }
    layer.output = linears_.load({{names.o, spec_.hidden}}, q, spec_.output_bias, device);
    layer.mlp_norm = load_vector(names.mlp_norm + ".weight", spec_.hidden, device);
    layer.gate_up = linears_.load({{names.gate, spec_.intermediate}, {names.up, spec_.intermediate}},
                                  spec_.hidden, spec_.mlp_bias, device);
    layer.down = linears_.load({{names.down, spec_.hidden}}, spec_.intermediate, spec_.mlp_bias, device);
    // At least the weights, whatever other programs give back meanwhile.
    if (before.total > 0)
      layer.device_bytes = std::max(before.free - device.memory().free, layer.linear_bytes());
    weights_->layers.push_back(std::move(layer));
  }

  /// The table stays in the mapped file where device, dtype and alignment allow: only the rows that are used
  /// become resident.
  void load_embedding() {
    backend::Backend& device = placement_.first();
    const Shape shape{spec_.vocab, spec_.hidden};
    const StoredTensor tensor = tensors_.require(embedding_name(shape), shape);
    const bool direct =
        tensor.dtype == DType::f32 || tensor.dtype == DType::f16 || tensor.dtype == DType::bf16;
    const auto address = reinterpret_cast<std::uintptr_t>(tensor.bytes.data());
    if (direct && address % dtype_size(tensor.dtype) == 0 && device.uses_host_memory()) {
      weights_->embedding = TensorView::dense(const_cast<std::byte*>(tensor.bytes.data()), tensor.dtype,
                                              {spec_.vocab, spec_.hidden});
      weights_->embedding_file = tensor.file;
    } else {
      const DType dtype = direct ? tensor.dtype : DType::f32;
      backend::Buffer& buffer = weights_->buffers.emplace_back(
          device.allocate(static_cast<std::size_t>(tensor.elements()) * dtype_size(dtype), "the embedding",
                          backend::Buffer::Pages::huge));
      weights_->embedding = TensorView::dense(buffer.data(), dtype, {spec_.vocab, spec_.hidden});
      std::vector<float> converted;
      if (!direct) {
        converted.resize(static_cast<std::size_t>(tensor.elements()));
        core::to_float(tensor.dtype, tensor.bytes.data(), converted);
      }
      device.upload(weights_->embedding, direct ? tensor.bytes : std::as_bytes(std::span(converted)));
    }
    if (weights_->embedding_file == nullptr)
      weights_->bytes += static_cast<std::int64_t>(tensor.bytes.size());
    weights_->parameters += tensor.elements();
  }

  /// Some tied checkpoints store the shared table under the head's name only.
  std::string embedding_name(const Shape& shape) {
    const std::string name = names_.embedding + ".weight";
    const std::string head = names_.head + ".weight";
    return spec_.tie_embeddings && !source_.find(name, shape) && source_.find(head, shape) ? head : name;
  }

  void load_head() {
    backend::Backend& device = placement_.last();
    if (!spec_.tie_embeddings) {
      weights_->head = linears_.load({{names_.head, spec_.vocab}}, spec_.hidden, false, device);
      return;
    }
    std::string name = embedding_name({spec_.vocab, spec_.hidden});
    name.resize(name.size() - std::strlen(".weight"));
    // Quantising may have made a head of its own from the shared table.
    if (find_quantized_module(source_, {names_.head, spec_.vocab, spec_.hidden})) name = names_.head;
    weights_->head = linears_.load({{name, spec_.vocab}}, spec_.hidden, false, device);
    weights_->parameters -= spec_.vocab * spec_.hidden;  // tied: counted once
  }

  const ModelSpec& spec_;
  const WeightNames& names_;
  WeightSource& source_;
  const Placement& placement_;
  TensorReader tensors_;
  LinearLoader linears_;
  std::unique_ptr<ModelWeights> weights_;
};

}  // namespace

std::unique_ptr<ModelWeights> load_weights(const ModelSpec& spec, const WeightNames& names,
                                           WeightSource& source, const Placement& placement,
                                           const TensorProgress& progress) {
  try {
    return Loader(spec, names, source, placement, progress).load();
  } catch (const Cancelled&) {
    return nullptr;
  }
}

}  // namespace transom::model
