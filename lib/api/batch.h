// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "api/model_impl.h"

namespace transom::api {

/// The body of Model::generate_batch.
std::vector<Generation> generate_batch(const ModelImpl& model, std::span<const std::vector<TokenId>> prompts,
                                       const GenerationConfig& config, const BatchCallback& on_text);

}  // namespace transom::api
