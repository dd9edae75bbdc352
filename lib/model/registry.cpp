// SPDX-License-Identifier: Apache-2.0
// The families, one line each. An explicit list: objects that register themselves vanish from static
// libraries.
#include <string>

#include "core/checks.h"
#include "model/config/runtime_keys.h"
#include "model/family.h"

namespace transom::model {

namespace {

const Family* const kFamilies[] = {&kLlama, &kMistral, &kQwen2, &kQwen3};

std::string supported_families() {
  std::string names;
  for (const Family* family : kFamilies)
    names += (names.empty() ? "" : ", ") + std::string(family->model_type);
  return names;
}

}  // namespace

const Family* find_family(std::string_view model_type) {
  for (const Family* family : kFamilies) {
    if (family->model_type == model_type) return family;
  }
  return nullptr;
}

ModelSpec read_spec(const Config& config) {
  const ConfigReader reader(config);
  if (!reader.has("model_type"))
    reader.fail("model_type", "expected the name of a model family, found nothing");
  const std::string type = reader.text("model_type", "");
  const Family* family = find_family(type);
  if (family == nullptr) {
    reader.unsupported("model_type", core::message("the family \"", type, "\" is not supported (",
                                                   supported_families(), " are)"));
  }
  ModelSpec spec = family->read(reader);
  apply_runtime_keys(reader, spec);
  return spec;
}

}  // namespace transom::model
