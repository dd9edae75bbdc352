// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/model_impl.h"
#include "transom/scoring.h"

namespace transom::api {

/// The bodies of Model::score.
std::vector<Score> score(const ModelImpl& model, std::string_view prompt,
                         std::span<const std::string> continuations);
std::vector<Score> score(const ModelImpl& model, std::span<const TokenId> prompt,
                         std::span<const std::vector<TokenId>> continuations);

}  // namespace transom::api
