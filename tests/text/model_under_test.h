// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "io/json.h"
#include "text/json_path.h"
#include "text/models/model.h"

namespace transom::text {

using Ids = std::vector<TokenId>;

/// The model that the "model" member of a tokenizer.json describes.
inline std::unique_ptr<Model> load(std::string_view json) {
  return load_model(io::Json::parse(json, "test.json"), JsonPath("test.json").member("model"));
}

inline Ids ids(const Model& model, std::string_view piece) {
  Ids out;
  model.tokenize(piece, out);
  return out;
}

}  // namespace transom::text
