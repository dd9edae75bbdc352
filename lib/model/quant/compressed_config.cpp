// SPDX-License-Identifier: Apache-2.0
// Source: quantization/{quant_config,quant_scheme,quant_args}.py and utils/match.py of compressed-tensors.
#include "model/quant/compressed_config.h"

#include <string_view>

#include "core/checks.h"
#include "transom/error.h"

namespace transom::model {

using core::message;
using io::Json;

namespace {

constexpr std::size_t kMaxTargetSteps = 1 << 16;

void check_format(const Json* format, const std::string& path) {
  if (format == nullptr) return;
  const std::string& name = format->as_string(path);
  if (name == "pack-quantized" || name == "int-quantized" || name == "naive-quantized" ||
      name == "mixed-precision")
    return;
  throw UnsupportedError(
      message(path, ": the layout \"", name, "\" is not supported (pack-quantized, int-quantized are)"));
}

/// The settings of `weights` of one group.
ModuleScheme read_weights(const Json& weights, const std::string& path) {
  weights.as_object(path);
  if (const Json* type = weights.find_value("type"); type != nullptr) {
    const std::string& name = type->as_string(path + ".type");
    if (name != "int")
      throw UnsupportedError(
          message(path, ".type: weights of type \"", name, "\" are not supported (int are)"));
  }
  ModuleScheme scheme;
  scheme.bits = checked_bits(weights.at("num_bits", path).as_int(path + ".num_bits"), path + ".num_bits");
  const Json* const symmetric = weights.find_value("symmetric");
  scheme.zero_points = symmetric != nullptr && !symmetric->as_bool(path + ".symmetric");
  const Json* const size = weights.find_value("group_size");
  const Json* const given = weights.find_value("strategy");
  const std::string strategy = given != nullptr  ? given->as_string(path + ".strategy")
                               : size != nullptr ? "group"
                                                 : "tensor";
  if (strategy == "group") {
    if (size == nullptr) throw FormatError(message(path, ": missing member \"group_size\""));
    scheme.group_size = checked_group_size(size->as_int(path + ".group_size"), path + ".group_size");
  } else if (strategy != "channel" && strategy != "tensor") {
    throw UnsupportedError(
        message(path, ".strategy: \"", strategy, "\" is not supported (group, channel and tensor are)"));
  }
  return scheme;
}

SchemeTarget read_target(const std::string& name, const std::string& path, const ModuleScheme& scheme) {
  SchemeTarget target;
  target.scheme = scheme;
  target.name = name;
  if (name.starts_with("re:")) {
    target.kind = SchemeTarget::Kind::pattern;
    target.pattern.emplace(std::string_view(name).substr(3), path);
  } else if (name != "Linear") {
    target.kind = SchemeTarget::Kind::name;
  }
  return target;
}

/// Settings under which the stored integers alone would not give the model's output.
void refuse_transforms(const Json& json, const std::string& where) {
  if (const Json* sparsity = json.find_value("sparsity_config"); sparsity != nullptr) {
    const Json* format = sparsity->find_value("format");
    if (format != nullptr && format->as_string(where + ".sparsity_config.format") != "dense")
      throw UnsupportedError(message(where, ".sparsity_config: sparse layouts are not supported"));
  }
  if (const Json* transforms = json.find_value("transform_config"); transforms != nullptr) {
    const Json* groups = transforms->find_value("config_groups");
    if (groups != nullptr && !groups->as_object(where + ".transform_config.config_groups").empty())
      throw UnsupportedError(message(where, ".transform_config: transforms are not supported"));
  }
}

}  // namespace

void read_compressed_config(const Json& json, CheckpointQuantization& result) {
  check_format(json.find_value("format"), result.where + ".format");
  refuse_transforms(json, result.where);
  const std::string path = result.where + ".config_groups";
  std::size_t steps = 0;
  for (const auto& [name, group] : json.at("config_groups", result.where).as_object(path)) {
    const std::string at = path + "." + name;
    check_format(group.find_value("format"), at + ".format");
    const Json* const weights = group.find_value("weights");
    if (weights == nullptr) continue;  // a group of activations alone
    const ModuleScheme scheme = read_weights(*weights, at + ".weights");
    if (result.targets.empty()) result.scheme = scheme;
    for (const Json& target : group.at("targets", at).as_array(at + ".targets")) {
      result.targets.push_back(read_target(target.as_string(at + ".targets"), at + ".targets", scheme));
      if (result.targets.back().pattern) steps += result.targets.back().pattern->size();
      if (steps > kMaxTargetSteps) throw UnsupportedError(message(at, ": too many or too large targets"));
    }
  }
}

}  // namespace transom::model
