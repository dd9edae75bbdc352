// SPDX-License-Identifier: Apache-2.0
/// What quantising a directory and quantising while loading share.
#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include "compress/model_quantizer.h"
#include "transom/quantize.h"
#include "transom/tokenizer.h"

namespace transom::api {

/// The calibration text as ids [sequences, options.sequence_length].
/// @throws NotFound without a tokenizer, FormatError for a text too short, InvalidArgument for impossible
/// lengths.
std::vector<TokenId> calibration_ids(const std::filesystem::path& directory, const model::ModelSpec& spec,
                                     const QuantizeOptions& options);

/// How a model is quantised when its configuration asks for it: the head too, in the formats of
/// model::integers_on_load.
compress::ModelQuantizerOptions options_on_load(const model::ModelSpec& spec, int threads);

/// Quantises a model in memory by GPTQ on the bundled text.
/// @param progress Hears of each matrix; false cancels.
/// @return The source of its weights; nothing when cancelled. The head is stored apart from the embedding.
std::shared_ptr<model::WeightSource> quantize_on_load(const std::filesystem::path& directory,
                                                      const model::ModelSpec& spec,
                                                      std::shared_ptr<model::WeightSource> floats,
                                                      backend::Backend& backend, int threads,
                                                      const compress::PartProgress& progress);

/// Writes the checkpoint of a model that was quantised while it was loaded: the same integers again.
void save_quantized(const Config& config, const io::Checkpoint& checkpoint, const model::ModelSpec& spec,
                    const std::filesystem::path& output);

}  // namespace transom::api
