// SPDX-License-Identifier: Apache-2.0
#include "compress/model_quantizer.h"

#include <algorithm>
#include <iterator>

#include "compress/calibration_run.h"
#include "compress/gptq.h"
#include "compress/model_parts.h"
#include "compress/round_to_nearest.h"
#include "core/count.h"

namespace transom::compress {

using core::count;
using core::TensorView;
using model::BlockStage;

namespace {

/// Thrown through the quantiser when the application cancels; caught by quantize_model.
struct Cancelled {};

/// |W - Q|^2 / |W|^2
double weight_error(std::span<const float> weight, const QuantizedMatrix& matrix) {
  double error = 0, all = 0;
  std::vector<float> row(count(matrix.cols));
  for (std::int64_t o = 0; o < matrix.rows; ++o) {
    matrix.dequantize_row(o, row);
    for (std::size_t i = 0; i < row.size(); ++i) {
      const auto w = static_cast<double>(weight[count(o * matrix.cols) + i]);
      const double difference = w - static_cast<double>(row[i]);
      error += difference * difference;
      all += w * w;
    }
  }
  return all > 0 ? error / all : 0;
}

model::LinearLayer& layer_of(BlockStage stage, model::LayerWeights& weights) {
  switch (stage) {
    case BlockStage::qkv:
      return weights.qkv;
    case BlockStage::output:
      return weights.output;
    case BlockStage::gate_up:
      return weights.gate_up;
    case BlockStage::down:
      break;
  }
  return weights.down;
}

class ModelQuantizer {
 public:
  ModelQuantizer(const QuantizerInput& input, const ModelQuantizerOptions& options, backend::Backend& backend,
                 PartStore& store, const PartProgress& progress)
      : input_(input),
        options_(options),
        backend_(backend),
        store_(store),
        progress_(progress),
        pool_(options.threads, false) {}

  void run() {
    if (options_.method == Method::gptq) start_calibration();
    for (std::int64_t layer = 0; layer < input_.spec.n_layers; ++layer) run_layer(layer);
    if (options_.head) run_head();
  }

 private:
  void start_calibration() {
    const model::ModelSpec& spec = input_.spec;
    run_ =
        std::make_unique<CalibrationRun>(spec, input_.ids, input_.sequence_length, options_.spill, backend_);
    const std::string table = embedding_name(spec, input_.names, input_.source);
    run_->embed(require_floats(input_.source, table, {spec.vocab, spec.hidden}), input_.ids);
  }

  void run_layer(std::int64_t layer) {
    std::optional<std::vector<QuantizedPart>> finished = store_.find(layer);
    const model::LayerNames names = input_.names.layer(layer);
    model::LayerWeights weights;
    norms_.clear();
    if (run_) {
      load_norms(names, weights);
      run_->begin_layer(count(layer));
    }
    std::vector<QuantizedPart> all;
    for (const BlockStage stage : model::kBlockStages) {
      const StageParts wanted = parts_of(stage, input_.spec, names);
      std::vector<QuantizedPart> parts = finished ? take_finished(*finished, all.size(), wanted, layer)
                                                  : quantize_stage(stage, wanted, weights, layer);
      if (run_) {
        layer_of(stage, weights) = dense_layer(wanted, parts);
        run_->advance(stage, weights);
      }
      std::ranges::move(parts, std::back_inserter(all));
    }
    if (!finished) store_.keep(layer, std::move(all));
  }

  void run_head() {
    const std::int64_t layer = input_.spec.n_layers;
    const Part head = head_part(input_.spec, input_.names);
    if (auto finished = store_.find(layer)) {
      take_finished(*finished, 0, {{head}, false}, layer);
      return;
    }
    const std::string stored = input_.spec.tie_embeddings
                                   ? embedding_name(input_.spec, input_.names, input_.source)
                                   : head.name + ".weight";
    std::optional<Gptq> gptq;
    if (run_) {
      norms_.clear();
      Hessian hessian = run_->measure_head(load_norm(input_.names.final_norm, input_.spec.hidden));
      gptq.emplace(hessian.take(), head.cols, options_.matrix, pool_, head.name);
    }
    std::vector<QuantizedPart> parts;
    parts.push_back(quantize_part(head, stored, gptq ? &*gptq : nullptr, layer));
    store_.keep(layer, std::move(parts));
  }

  std::vector<QuantizedPart> take_finished(std::vector<QuantizedPart>& finished, std::size_t first,
                                           const StageParts& wanted, std::int64_t layer) {
    std::vector<QuantizedPart> parts;
    for (std::size_t i = 0; i < wanted.parts.size(); ++i) {
      parts.push_back(std::move(finished.at(first + i)));
      report(parts.back(), layer);
    }
    return parts;
  }

  std::vector<QuantizedPart> quantize_stage(BlockStage stage, const StageParts& wanted,
                                            const model::LayerWeights& weights, std::int64_t layer) {
    std::optional<Gptq> gptq;
    if (run_) {
      Hessian hessian = run_->measure(stage, weights);
      gptq.emplace(hessian.take(), wanted.parts.front().cols, options_.matrix, pool_,
                   wanted.parts.front().name);
    }
    std::vector<QuantizedPart> parts;
    for (const Part& part : wanted.parts)
      parts.push_back(quantize_part(part, part.name + ".weight", gptq ? &*gptq : nullptr, layer));
    return parts;
  }

  QuantizedPart quantize_part(const Part& part, const std::string& stored, const Gptq* gptq,
                              std::int64_t layer) {
    const std::vector<float> weight = read_floats(input_.source, stored, {part.rows, part.cols});
    QuantizedPart result;
    result.name = part.name;
    if (gptq != nullptr) {
      GptqResult quantized = gptq->quantize(weight, part.rows);
      result = {part.name, std::move(quantized.matrix), quantized.loss, quantized.output_error,
                quantized.damping};
    } else {
      result.matrix = round_to_nearest(weight, part.rows, part.cols, options_.matrix, pool_);
      result.output_error = weight_error(weight, result.matrix);
    }
    report(result, layer);
    return result;
  }

  void report(const QuantizedPart& part, std::int64_t layer) const {
    if (progress_ && !progress_(part, layer)) throw Cancelled{};
  }

  /// The quantised parts as the floats that they stand for.
  model::LinearLayer dense_layer(const StageParts& stage, std::span<const QuantizedPart> parts) const {
    backend::LinearWeights linear;
    linear.name = stage.parts.front().name;
    linear.cols = stage.parts.front().cols;
    linear.format = backend::WeightFormat::f32;
    std::vector<std::vector<float>> floats;
    for (const QuantizedPart& part : parts) {
      const QuantizedMatrix& matrix = part.matrix;
      std::vector<float>& values = floats.emplace_back(count(matrix.rows * matrix.cols));
      for (std::int64_t row = 0; row < matrix.rows; ++row)
        matrix.dequantize_row(row, std::span(values).subspan(count(row * matrix.cols), count(matrix.cols)));
      linear.parts.push_back(
          {DType::f32, reinterpret_cast<const std::byte*>(values.data()), matrix.rows, {}});
      if (!stage.bias) continue;
      const std::vector<float> bias = read_floats(input_.source, part.name + ".bias", {matrix.rows});
      linear.bias.insert(linear.bias.end(), bias.begin(), bias.end());
    }
    model::LinearLayer layer;
    layer.parts.push_back(backend_.prepare_linear(linear));
    return layer;
  }

  void load_norms(const model::LayerNames& names, model::LayerWeights& weights) {
    const model::ModelSpec& spec = input_.spec;
    weights.input_norm = load_norm(names.input_norm, spec.hidden);
    weights.mlp_norm = load_norm(names.mlp_norm, spec.hidden);
    if (!spec.qk_norm) return;
    weights.q_norm = load_norm(names.q_norm, spec.head_dim);
    weights.k_norm = load_norm(names.k_norm, spec.head_dim);
  }

  TensorView load_norm(const std::string& name, std::int64_t n) {
    const std::vector<float> values = read_floats(input_.source, name + ".weight", {n});
    backend::Buffer& buffer = norms_.emplace_back(
        backend_.allocate(values.size() * sizeof(float), "norm weights", backend::Buffer::Pages::lazy));
    const TensorView view = TensorView::dense(buffer.data(), DType::f32, {n});
    backend_.upload(view, std::as_bytes(std::span(values)));
    return view;
  }

  const QuantizerInput& input_;
  const ModelQuantizerOptions& options_;
  backend::Backend& backend_;
  PartStore& store_;
  const PartProgress& progress_;
  core::ThreadPool pool_;
  std::unique_ptr<CalibrationRun> run_;  // null without GPTQ
  std::vector<backend::Buffer> norms_;   // of the layer in work
};

}  // namespace

bool quantize_model(const QuantizerInput& input, const ModelQuantizerOptions& options,
                    backend::Backend& backend, PartStore& store, const PartProgress& progress) {
  try {
    ModelQuantizer(input, options, backend, store, progress).run();
    return true;
  } catch (const Cancelled&) {
    return false;
  }
}

std::int64_t count_parts(const model::ModelSpec& spec, bool head) {
  return 7 * spec.n_layers + (head ? 1 : 0);
}

}  // namespace transom::compress
