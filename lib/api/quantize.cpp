// SPDX-License-Identifier: Apache-2.0
#include "transom/quantize.h"

#include <chrono>

#include "api/quantizing.h"
#include "backend/registry.h"
#include "compress/quantize_checkpoint.h"
#include "io/model_directory.h"
#include "transom/auto_config.h"
#include "transom/error.h"

namespace transom {

namespace fs = std::filesystem;

namespace {

compress::ModelQuantizerOptions inner_options(const QuantizeOptions& options) {
  compress::ModelQuantizerOptions inner;
  inner.matrix.grid.bits = options.bits;
  inner.matrix.grid.zero_points = !options.symmetric;
  inner.matrix.grid.scale_dtype = DType::f16;
  inner.matrix.grid.range =
      options.published_range ? core::SymmetricRange::cut : core::closest_range(options.bits);
  inner.matrix.grid.search_norm = options.mse_search ? 2.4 : 0;
  inner.matrix.group_size = options.group_size;
  inner.matrix.act_order = options.act_order;
  inner.matrix.static_groups = options.static_groups;
  inner.matrix.damping = options.damping;
  inner.method = options.method == QuantizationMethod::gptq ? compress::Method::gptq : compress::Method::rtn;
  inner.head = options.lm_head;
  inner.spill = options.spill;
  inner.threads = options.threads;
  return inner;
}

}  // namespace

QuantizeResult quantize(std::string_view source, const fs::path& output, const QuantizeOptions& options) {
  const auto start = std::chrono::steady_clock::now();
  const fs::path directory = io::find_model_directory(source);
  const Config config = AutoConfig::from_pretrained(directory.string());
  const model::ModelSpec spec = model::read_spec(config);
  const model::WeightNames names = model::find_family(spec.family)->names();
  const compress::ModelQuantizerOptions inner = inner_options(options);
  compress::check_options(spec, names, inner);
  std::vector<TokenId> ids;
  if (options.method == QuantizationMethod::gptq) ids = api::calibration_ids(directory, spec, options);
  const auto checkpoint = std::make_shared<const io::Checkpoint>(directory);
  model::CheckpointSource weights(checkpoint);
  const auto device = backend::open_backend("cpu", {options.threads, true});

  QuantizeResult result;
  const std::int64_t total = compress::count_parts(spec, options.lm_head);
  const auto progress = [&](const compress::QuantizedPart& part, std::int64_t layer) {
    result.matrices.push_back(
        {part.name, layer, part.matrix.rows, part.matrix.cols, part.loss, part.output_error, part.damping});
    if (options.stop_token.stop_requested()) return false;
    return !options.on_progress ||
           options.on_progress({result.matrices.back(), spec.n_layers + (options.lm_head ? 1 : 0),
                                static_cast<std::int64_t>(result.matrices.size()), total});
  };
  const compress::CheckpointJob job{config, *checkpoint, {spec, names, weights, ids, options.sequence_length},
                                    inner,  output,      options.resume};
  result.bytes_after = compress::quantize_checkpoint(job, *device, progress);
  result.finished = result.bytes_after > 0;
  result.bytes_before = checkpoint->total_bytes();
  result.calibration_tokens = static_cast<std::int64_t>(ids.size());
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace transom
