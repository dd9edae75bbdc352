// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "compress/model_quantizer.h"
#include "io/safetensors.h"
#include "transom/config.h"

namespace transom::compress {

struct CheckpointJob {
  const Config& config;  // of the source, as stored
  const io::Checkpoint& checkpoint;
  QuantizerInput input;  // from the same
  ModelQuantizerOptions options;
  std::filesystem::path output;
  bool resume = false;
};

/// Throws what is wrong with options for this model before any work is done: InvalidArgument, and
/// UnsupportedError for sizes that the file format can not hold.
void check_options(const model::ModelSpec& spec, const model::WeightNames& names,
                   const ModelQuantizerOptions& options);

/// Writes a quantised copy of a model directory (compress/gptq_file.h), with everything else as stored. The
/// output appears in one step at the end; see compress/partial_output.h for what an interrupted run leaves.
/// @return The bytes of its tensors; 0 when `progress` cancelled.
/// @throws As quantize_model and PartialOutput; DeviceError when the disk is full.
std::int64_t quantize_checkpoint(const CheckpointJob& job, backend::Backend& backend,
                                 const PartProgress& progress);

}  // namespace transom::compress
