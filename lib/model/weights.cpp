// SPDX-License-Identifier: Apache-2.0
#include "model/weights.h"

#include <cstring>
#include <utility>

#include "core/checks.h"
#include "core/float_convert.h"
#include "transom/error.h"

namespace transom::model {

using core::message;
using io::StoredTensor;

namespace {

using Shape = std::vector<std::int64_t>;

std::string shape_text(const Shape& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + "]";
}

/// Thrown through the loader when the application cancels; caught by load_weights.
struct Cancelled {};

/// The format of weights that become integers while they are loaded.
backend::IntegerFormat integers_on_load(const Quantization& quantization) {
  backend::IntegerFormat format;
  format.bits = quantization.bits;
  format.group_size = quantization.group_size;
  if (format.group_size == 0) format.group_size = quantization.bits == 8 ? 64 : 32;
  if (format.group_size < 0) format.group_size = 0;
  if (format.group_size > 0) format.scale_dtype = DType::f16;
  return format;
}

class Loader {
 public:
  Loader(const ModelSpec& spec, const WeightNames& names, WeightSource& source, backend::Backend& backend,
         const TensorProgress& progress)
      : spec_(spec), names_(names), source_(source), backend_(backend), progress_(progress) {}

  std::unique_ptr<ModelWeights> load() {
    weights_ = std::make_unique<ModelWeights>();
    load_embedding();
    // The head first: it is the largest, and while it is packed the stored copy is resident too.
    load_head();
    for (std::int64_t i = 0; i < spec_.n_layers; ++i) load_layer(names_.layer(i));
    weights_->final_norm = load_vector(names_.final_norm + ".weight", spec_.hidden);
    return std::move(weights_);
  }

 private:
  StoredTensor require(const std::string& name, const Shape& shape) {
    auto tensor = source_.find(name, shape);
    if (!tensor) {
      throw FormatError(
          message(source_.describe(), ": tensor \"", name, "\" is missing; expected ", shape_text(shape)));
    }
    return check(*tensor, shape);
  }

  StoredTensor check(const StoredTensor& tensor, const Shape& shape) const {
    const std::string where = tensor.file == nullptr ? source_.describe() : tensor.file->path().string();
    if (tensor.shape != shape) {
      throw FormatError(message(where, ": tensor \"", tensor.name, "\": expected shape ", shape_text(shape),
                                ", found ", tensor.describe()));
    }
    if (!core::is_floating(tensor.dtype)) {
      throw FormatError(message(where, ": tensor \"", tensor.name,
                                "\": expected a floating-point dtype, found ", tensor.describe()));
    }
    return tensor;
  }

  void finish(const StoredTensor& tensor) {
    weights_->parameters += tensor.elements();
    bytes_done_ += static_cast<std::int64_t>(tensor.bytes.size());
    source_.release(tensor);
    if (progress_ && !progress_(tensor.name, bytes_done_)) throw Cancelled{};
  }

  /// A norm's weight or a bias as f32.
  std::vector<float> read_vector(const std::string& name, std::int64_t n) {
    const StoredTensor tensor = require(name, {n});
    std::vector<float> values(static_cast<std::size_t>(n));
    core::to_float(tensor.dtype, tensor.bytes.data(), values);
    finish(tensor);
    return values;
  }

  TensorView load_vector(const std::string& name, std::int64_t n) {
    const std::vector<float> values = read_vector(name, n);
    backend::Buffer& buffer = weights_->buffers.emplace_back(
        backend_.allocate(values.size() * sizeof(float), "norm weights", backend::Buffer::Pages::huge));
    const TensorView view = TensorView::dense(buffer.data(), DType::f32, {n});
    backend_.upload(view, values);
    weights_->bytes += static_cast<std::int64_t>(buffer.size());
    return view;
  }

  /// The rows of one stored weight. Dtypes that the packing kernels do not take are converted to f32 first;
  /// the converted copy lives until the linear layer is prepared.
  backend::WeightRows rows_of(const StoredTensor& tensor, bool as_f32,
                              std::vector<std::vector<float>>& converted) {
    const bool direct =
        tensor.dtype == DType::f32 || tensor.dtype == DType::f16 || tensor.dtype == DType::bf16;
    if (direct && !(as_f32 && tensor.dtype != DType::f32)) {
      return {tensor.dtype, tensor.bytes.data(), tensor.shape[0]};
    }
    std::vector<float>& values = converted.emplace_back(static_cast<std::size_t>(tensor.elements()));
    core::to_float(tensor.dtype, tensor.bytes.data(), values);
    return {DType::f32, reinterpret_cast<const std::byte*>(values.data()), tensor.shape[0]};
  }

  backend::WeightFormat format_of(DType stored) {
    const bool narrow = dtype_size(stored) < 2 || stored == DType::bf16;
    weights_->sixteen_bit = weights_->sixteen_bit || dtype_size(stored) <= 2;
    if (spec_.quantization.bits > 0) return backend::WeightFormat::integer;
    if (spec_.dtype == WeightDType::f32) return backend::WeightFormat::f32;
    if (spec_.dtype == WeightDType::bf16 || narrow) return backend::WeightFormat::bf16;
    return backend::WeightFormat::f32;  // f32, f64, and f16, which bf16 could not hold
  }

  struct Part {
    std::string name;  // without ".weight"
    std::int64_t rows = 0;
  };

  /// Stacks the parts into one linear layer.
  LinearLayer load_linear(const std::vector<Part>& parts, std::int64_t cols, bool bias) {
    std::vector<StoredTensor> tensors;
    bool mixed = false;
    for (const Part& part : parts) {
      tensors.push_back(require(part.name + ".weight", {part.rows, cols}));
      mixed = mixed || tensors.back().dtype != tensors.front().dtype;
    }
    backend::LinearWeights linear;
    linear.name = parts.front().name;
    linear.cols = cols;
    linear.format = format_of(tensors.front().dtype);
    linear.integers = integers_on_load(spec_.quantization);
    linear.float_activations = spec_.float_activations;
    std::vector<std::vector<float>> converted;
    converted.reserve(tensors.size());
    for (const StoredTensor& tensor : tensors) linear.parts.push_back(rows_of(tensor, mixed, converted));
    for (const Part& part : parts) {
      if (!bias) break;
      const std::vector<float> values = read_vector(part.name + ".bias", part.rows);
      linear.bias.insert(linear.bias.end(), values.begin(), values.end());
    }
    LinearLayer layer;
    layer.parts.push_back(backend_.prepare_linear(linear));
    weights_->bytes += layer.bytes();
    weights_->decode_bytes += layer.bytes();
    for (const StoredTensor& tensor : tensors) finish(tensor);
    return layer;
  }

  void load_layer(const LayerNames& names) {
    LayerWeights layer;
    const std::int64_t q = spec_.n_heads * spec_.head_dim, kv = spec_.n_kv_heads * spec_.head_dim;
    layer.input_norm = load_vector(names.input_norm + ".weight", spec_.hidden);
    layer.qkv = load_linear({{names.q, q}, {names.k, kv}, {names.v, kv}}, spec_.hidden, spec_.qkv_bias);
    if (spec_.qk_norm) {
      layer.q_norm = load_vector(names.q_norm + ".weight", spec_.head_dim);
      layer.k_norm = load_vector(names.k_norm + ".weight", spec_.head_dim);
    }
    layer.output = load_linear({{names.o, spec_.hidden}}, q, spec_.output_bias);
    layer.mlp_norm = load_vector(names.mlp_norm + ".weight", spec_.hidden);
    layer.gate_up = load_linear({{names.gate, spec_.intermediate}, {names.up, spec_.intermediate}},
                                spec_.hidden, spec_.mlp_bias);
    layer.down = load_linear({{names.down, spec_.hidden}}, spec_.intermediate, spec_.mlp_bias);
    weights_->layers.push_back(std::move(layer));
  }

  /// The table stays in the mapped file where dtype and alignment allow: only the rows that are used become
  /// resident.
  void load_embedding() {
    const Shape shape{spec_.vocab, spec_.hidden};
    const StoredTensor tensor = require(embedding_name(shape), shape);
    const bool direct =
        tensor.dtype == DType::f32 || tensor.dtype == DType::f16 || tensor.dtype == DType::bf16;
    const auto address = reinterpret_cast<std::uintptr_t>(tensor.bytes.data());
    if (direct && address % dtype_size(tensor.dtype) == 0) {
      weights_->embedding = TensorView::dense(const_cast<std::byte*>(tensor.bytes.data()), tensor.dtype,
                                              {spec_.vocab, spec_.hidden});
    } else {
      const DType dtype = direct ? tensor.dtype : DType::f32;
      backend::Buffer& buffer = weights_->buffers.emplace_back(
          backend_.allocate(static_cast<std::size_t>(tensor.elements()) * dtype_size(dtype), "the embedding",
                            backend::Buffer::Pages::huge));
      if (direct) {
        std::memcpy(buffer.data(), tensor.bytes.data(), tensor.bytes.size());
      } else {
        core::to_float(tensor.dtype, tensor.bytes.data(),
                       {buffer.as<float>(), static_cast<std::size_t>(tensor.elements())});
      }
      weights_->embedding = TensorView::dense(buffer.data(), dtype, {spec_.vocab, spec_.hidden});
    }
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
    if (!spec_.tie_embeddings) {
      weights_->head = load_linear({{names_.head, spec_.vocab}}, spec_.hidden, false);
      return;
    }
    const std::string name = embedding_name({spec_.vocab, spec_.hidden});
    weights_->head = load_linear({{name.substr(0, name.size() - std::strlen(".weight")), spec_.vocab}},
                                 spec_.hidden, false);
    weights_->parameters -= spec_.vocab * spec_.hidden;  // tied: counted once
  }

  const ModelSpec& spec_;
  const WeightNames& names_;
  WeightSource& source_;
  backend::Backend& backend_;
  const TensorProgress& progress_;
  std::unique_ptr<ModelWeights> weights_;
  std::int64_t bytes_done_ = 0;
};

}  // namespace

std::unique_ptr<ModelWeights> load_weights(const ModelSpec& spec, const WeightNames& names,
                                           WeightSource& source, backend::Backend& backend,
                                           const TensorProgress& progress) {
  try {
    return Loader(spec, names, source, backend, progress).load();
  } catch (const Cancelled&) {
    return nullptr;
  }
}

}  // namespace transom::model
