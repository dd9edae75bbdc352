// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

namespace transom::io {

/// Finds a model directory: a directory as it is, or `org/name` in the local Hugging Face cache
/// (HF_HUB_CACHE, else HF_HOME/hub, else XDG_CACHE_HOME/huggingface/hub, else ~/.cache/huggingface/hub; there
/// models--org--name/snapshots/<commit of refs/main>, or the only snapshot).
/// @throws NotFound naming every place that was looked at.
std::filesystem::path find_model_directory(std::string_view path_or_id);

}  // namespace transom::io
