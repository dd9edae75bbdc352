// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "transom/config.h"
#include "transom/model.h"

namespace transom {

/// Loads models.
struct TRANSOM_API AutoModel {
  /// @param path_or_id A Hugging Face directory (config.json, *.safetensors, tokenizer.json), or `org/name`
  ///   in the local Hugging Face cache: HF_HUB_CACHE, else HF_HOME/hub, else XDG_CACHE_HOME/huggingface/hub,
  ///   else ~/.cache/huggingface/hub; there `models--org--name/snapshots/<revision of refs/main>`. Nothing is
  ///   downloaded.
  /// @return The model; an empty one when loading was cancelled.
  /// @throws NotFound naming every place that was looked at; FormatError naming file, tensor, expected and
  ///   found; UnsupportedError for a family, dtype or quantisation that this version can not run;
  ///   InvalidArgument for impossible options; OutOfMemory.
  static Model from_pretrained(std::string_view path_or_id, const ModelOptions& options = {});
  /// The same with a changed configuration.
  static Model from_pretrained(std::string_view path_or_id, const Config& config,
                               const ModelOptions& options = {});
};

}  // namespace transom
