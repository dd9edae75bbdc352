// SPDX-License-Identifier: Apache-2.0
#include "transom/quantize.h"

#include <chrono>
#include <optional>

#include "backend/registry.h"
#include "compress/calibration.h"
#include "compress/quantize_checkpoint.h"
#include "core/checks.h"
#include "io/file.h"
#include "io/model_directory.h"
#include "text/tokenizer_loader.h"
#include "transom/auto_config.h"
#include "transom/error.h"
#include "transom/tokenizer.h"

namespace transom {

using core::message;
namespace fs = std::filesystem;

namespace {

// More text than any calibration needs; a mistaken path to a large file is told and not read.
constexpr std::size_t kMaxText = std::size_t{1} << 28;

compress::ModelQuantizerOptions inner_options(const QuantizeOptions& options) {
  compress::ModelQuantizerOptions inner;
  inner.matrix.grid.bits = options.bits;
  inner.matrix.grid.zero_points = !options.symmetric;
  inner.matrix.grid.scale_dtype = DType::f16;
  inner.matrix.grid.range =
      options.published_range ? core::SymmetricRange::cut : core::SymmetricRange::signed_scale;
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

/// BOS, where the tokenizer puts it in front of every text: what a model was trained to see first.
std::optional<TokenId> usual_first(const Tokenizer& tokenizer) {
  const std::vector<TokenId> added = tokenizer.encode("");
  return added.empty() || tokenizer.bos_id() != added.front() ? std::nullopt : std::optional(added.front());
}

std::vector<TokenId> calibration_ids(const fs::path& directory, const model::ModelSpec& spec,
                                     const QuantizeOptions& options) {
  if (options.samples < 1)
    throw InvalidArgument(message("samples: expected 1 or more, found ", options.samples));
  if (options.sequence_length < 2 || options.sequence_length > spec.max_position) {
    throw InvalidArgument(
        message("sequence_length: expected 2 to ", spec.max_position, ", found ", options.sequence_length));
  }
  const Tokenizer tokenizer(text::load_tokenizer(directory));
  const std::string own =
      options.calibration.empty() ? std::string() : io::read_text_file(options.calibration, kMaxText);
  const std::string_view text =
      options.calibration.empty() ? compress::bundled_text() : std::string_view(own);
  const std::vector<TokenId> ids =
      tokenizer.encode(text, {.add_special_tokens = false, .parse_special = false});
  const std::string where = options.calibration.empty() ? "the bundled text" : options.calibration.string();
  for (const TokenId id : ids) {
    if (id >= spec.vocab)
      throw FormatError(message(where, ": token ", id, " is outside the model's vocabulary of ", spec.vocab));
  }
  std::vector<TokenId> cut =
      compress::cut_sequences(ids, options.samples, options.sequence_length, usual_first(tokenizer));
  if (cut.empty()) {
    throw FormatError(message(where, ": expected a calibration text of at least ", options.sequence_length,
                              " tokens, found ", ids.size()));
  }
  return cut;
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
  if (options.method == QuantizationMethod::gptq) ids = calibration_ids(directory, spec, options);
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
