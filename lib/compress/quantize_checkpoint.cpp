// SPDX-License-Identifier: Apache-2.0
#include "compress/quantize_checkpoint.h"

#include <ostream>
#include <unordered_set>

#include "compress/model_parts.h"
#include "compress/partial_output.h"
#include "core/checks.h"
#include "core/count.h"
#include "io/checksum.h"
#include "io/companion_files.h"
#include "io/safetensors_write.h"
#include "io/weight_sample.h"
#include "model/quant/checkpoint_quantization.h"
#include "transom/error.h"
#include "transom/version.h"

namespace transom::compress {

using core::message;

namespace {

// The size that writers of this format usually give to shards.
constexpr std::size_t kShardBytes = 5'000'000'000;

/// All that decides the output.
std::string manifest_of(const CheckpointJob& job) {
  io::Checksum ids;
  ids.add(std::as_bytes(job.input.ids));
  return message("{\"transom\": \"", version(), "\", \"method\": \"",
                 job.options.method == Method::gptq ? "gptq" : "rtn",
                 "\", \"range\": ", static_cast<int>(job.options.matrix.grid.range), ", \"weights\": \"",
                 io::sample_weights(job.checkpoint), "\", \"calibration\": \"", ids.value(),
                 "\", \"sequence_length\": ", job.input.sequence_length,
                 ", \"quantization_config\": ", quantization_config(job.options), "}\n");
}

/// config.json of the output.
std::string output_config(const CheckpointJob& job) {
  Config config = job.config.without({"quantization_config"});
  if (job.options.head && job.input.spec.tie_embeddings) config.update({{"tie_word_embeddings", false}});
  return model::with_quantization_config(config, quantization_config(job.options)) + "\n";
}

std::vector<io::StoredTensor> output_tensors(const CheckpointJob& job, PartialOutput& partial) {
  std::vector<io::StoredTensor> quantized = partial.tensors();
  std::unordered_set<std::string> replaced;
  constexpr std::string_view kEnding = ".qweight";
  for (const io::StoredTensor& tensor : quantized) {
    if (tensor.name.ends_with(kEnding))
      replaced.insert(tensor.name.substr(0, tensor.name.size() - kEnding.size()) + ".weight");
  }
  std::vector<io::StoredTensor> all;
  const std::string head = job.input.names.head + ".weight", table = job.input.names.embedding + ".weight";
  for (const io::StoredTensor& tensor : job.checkpoint.tensors()) {
    if (!replaced.contains(tensor.name)) {
      all.push_back(tensor);
    } else if (tensor.name == head && job.checkpoint.find(table) == nullptr) {
      all.push_back(tensor);  // a shared table under the head's name: the embedding still needs it
      all.back().name = table;
    }
  }
  all.insert(all.end(), quantized.begin(), quantized.end());
  return all;
}

void write_text(const std::filesystem::path& path, const std::string& text) {
  io::replace_file(path, [&](std::ostream& out) { out << text; });
}

}  // namespace

void check_options(const model::ModelSpec& spec, const model::WeightNames& names,
                   const ModelQuantizerOptions& options) {
  const MatrixOptions& matrix = options.matrix;
  if (matrix.grid.bits != 2 && matrix.grid.bits != 3 && matrix.grid.bits != 4 && matrix.grid.bits != 8)
    throw InvalidArgument(message("bits: expected 2, 3, 4 or 8, found ", matrix.grid.bits));
  constexpr std::int64_t kUnit = 32, kMaxGroup = 1 << 20;
  if (matrix.group_size != -1 &&
      (matrix.group_size < kUnit || matrix.group_size > kMaxGroup || matrix.group_size % kUnit != 0)) {
    throw InvalidArgument(message("group_size: expected -1 or a multiple of ", kUnit, " up to ", kMaxGroup,
                                  ", found ", matrix.group_size));
  }
  if (!(matrix.damping > 0 && matrix.damping < 1))
    throw InvalidArgument(message("damping: expected more than 0 and less than 1, found ", matrix.damping));
  if (!(matrix.grid.search_norm >= 0 && matrix.grid.search_norm <= 10))
    throw InvalidArgument(message("search_norm: expected 0 to 10, found ", matrix.grid.search_norm));
  for (const model::BlockStage stage : model::kBlockStages) {
    for (const Part& part : parts_of(stage, spec, names.layer(0)).parts)
      check_packable(part.name, part.rows, part.cols);
  }
  if (!options.head) return;
  const Part head = head_part(spec, names);
  check_packable(head.name, head.rows, head.cols);
}

std::int64_t quantize_checkpoint(const CheckpointJob& job, backend::Backend& backend,
                                 const PartProgress& progress) {
  check_options(job.input.spec, job.input.names, job.options);
  PartialOutput partial(job.output, manifest_of(job), job.resume, job.options.matrix);
  if (!quantize_model(job.input, job.options, backend, partial, progress)) return 0;
  const std::filesystem::path result = partial.result();
  io::make_directory(result);
  const std::vector<io::StoredTensor> tensors = output_tensors(job, partial);
  io::write_checkpoint(result, tensors, kShardBytes);
  write_text(result / "config.json", output_config(job));
  write_text(result / "quantize_config.json", quantization_config(job.options) + "\n");
  io::copy_companion_files(job.checkpoint.directory(), result);
  std::int64_t bytes = 0;
  for (const io::StoredTensor& tensor : tensors) bytes += static_cast<std::int64_t>(tensor.bytes.size());
  partial.finish();
  return bytes;
}

}  // namespace transom::compress
