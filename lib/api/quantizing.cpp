// SPDX-License-Identifier: Apache-2.0
#include "api/quantizing.h"

#include <optional>

#include "backend/registry.h"
#include "compress/calibration.h"
#include "compress/quantize_checkpoint.h"
#include "compress/quantized_source.h"
#include "core/checks.h"
#include "io/file.h"
#include "model/weights/linear_loader.h"
#include "text/tokenizer_loader.h"
#include "transom/error.h"

namespace transom::api {

using core::message;
namespace fs = std::filesystem;

namespace {

// More text than any calibration needs; a mistaken path to a large file is told and not read.
constexpr std::size_t kMaxText = std::size_t{1} << 28;

/// BOS, where the tokenizer puts it in front of every text: what a model was trained to see first.
std::optional<TokenId> usual_first(const Tokenizer& tokenizer) {
  const std::vector<TokenId> added = tokenizer.encode("");
  return added.empty() || tokenizer.bos_id() != added.front() ? std::nullopt : std::optional(added.front());
}

/// Calibration of a model that is quantised while it is loaded.
QuantizeOptions calibration_on_load(const model::ModelSpec& spec) {
  QuantizeOptions options;
  options.sequence_length = std::min(options.sequence_length, spec.max_position);
  return options;
}

}  // namespace

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

compress::ModelQuantizerOptions options_on_load(const model::ModelSpec& spec, int threads) {
  const backend::IntegerFormat format = model::integers_on_load(spec.quantization);
  compress::ModelQuantizerOptions options;
  options.matrix.grid = format.grid();
  options.matrix.group_size = format.group_size == 0 ? -1 : format.group_size;
  options.method = spec.quantization.method == model::QuantizationMethod::gptq ? compress::Method::gptq
                                                                               : compress::Method::rtn;
  options.head = true;
  options.threads = threads;
  return options;
}

std::shared_ptr<model::WeightSource> quantize_on_load(const fs::path& directory, const model::ModelSpec& spec,
                                                      std::shared_ptr<model::WeightSource> floats,
                                                      backend::Backend& backend, int threads,
                                                      const compress::PartProgress& progress) {
  const compress::ModelQuantizerOptions options = options_on_load(spec, threads);
  const model::WeightNames names = model::find_family(spec.family)->names();
  compress::check_options(spec, names, options);
  const QuantizeOptions calibration = calibration_on_load(spec);
  const std::vector<TokenId> ids = calibration_ids(directory, spec, calibration);
  auto source = std::make_shared<compress::QuantizedSource>(floats, options);
  const compress::QuantizerInput input{spec, names, *floats, ids, calibration.sequence_length};
  if (!compress::quantize_model(input, options, backend, *source, progress)) return nullptr;
  return source;
}

void save_quantized(const Config& config, const io::Checkpoint& checkpoint, const model::ModelSpec& spec,
                    const fs::path& output) {
  const compress::ModelQuantizerOptions options = options_on_load(spec, 0);
  const model::WeightNames names = model::find_family(spec.family)->names();
  compress::check_options(spec, names, options);
  const QuantizeOptions calibration = calibration_on_load(spec);
  std::vector<TokenId> ids;
  if (options.method == compress::Method::gptq)
    ids = calibration_ids(checkpoint.directory(), spec, calibration);
  model::CheckpointSource source(
      std::shared_ptr<const io::Checkpoint>(std::shared_ptr<const io::Checkpoint>(), &checkpoint));
  const auto device = backend::open_backend("cpu", {0, true});
  const compress::CheckpointJob job{
      config, checkpoint, {spec, names, source, ids, calibration.sequence_length}, options, output, false};
  compress::quantize_checkpoint(job, *device, {});
}

}  // namespace transom::api
