// SPDX-License-Identifier: Apache-2.0
#include "model/quant/checkpoint_quantization.h"

#include <initializer_list>
#include <system_error>
#include <utility>

#include "core/checks.h"
#include "model/quant/compressed_config.h"
#include "transom/error.h"

namespace transom::model {

using core::message;
using io::Json;
namespace fs = std::filesystem;

namespace {

constexpr std::size_t kMaxRuleSteps = 1 << 16;  // of all rules; bounds what finding a module's rule costs

std::string lower(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

/// The first of several spellings of a key that is set.
struct Setting {
  const Json* value = nullptr;
  std::string path;
};
Setting find_setting(const Json& json, const std::string& where, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (const Json* value = json.find_value(key)) return {value, where + "." + key};
  }
  return {};
}

std::string text_setting(const Json& json, const std::string& where, std::initializer_list<const char*> keys,
                         std::string fallback) {
  const Setting setting = find_setting(json, where, keys);
  return setting.value == nullptr ? fallback : lower(setting.value->as_string(setting.path));
}

/// Takes what the JSON sets from it; the rest stays as it is.
void read_scheme(const Json& json, const std::string& where, ModuleScheme& scheme) {
  if (const Setting bits = find_setting(json, where, {"bits", "w_bit"}); bits.value != nullptr)
    scheme.bits = checked_bits(bits.value->as_int(bits.path), bits.path);
  if (const Setting size = find_setting(json, where, {"group_size", "q_group_size"}); size.value != nullptr)
    scheme.group_size = checked_group_size(size.value->as_int(size.path), size.path);
  if (const Setting order = find_setting(json, where, {"desc_act"}); order.value != nullptr)
    scheme.act_order = order.value->as_bool(order.path);
}

void read_rules(const Json& json, CheckpointQuantization& result) {
  const Setting dynamic = find_setting(json, result.where, {"dynamic"});
  if (dynamic.value == nullptr || dynamic.value->kind() == Json::Kind::boolean) return;
  std::size_t steps = 0;
  for (const auto& [key, overrides] : dynamic.value->as_object(dynamic.path)) {
    const std::string path = message(dynamic.path, ".\"", key.substr(0, 200), "\"");
    const bool negative = key.starts_with("-:");
    const std::string text = negative || key.starts_with("+:") ? key.substr(2) : key;
    ModuleRule rule{NamePattern(text, path), text, negative, result.scheme};
    steps += rule.pattern.size();
    if (steps > kMaxRuleSteps) throw UnsupportedError(message(path, ": too many or too large rules"));
    if (!negative) {
      overrides.as_object(path);
      read_scheme(overrides, path, rule.scheme);
    }
    result.rules.push_back(std::move(rule));
  }
}

void read_gptq(const Json& json, CheckpointQuantization& result) {
  const std::string format = text_setting(json, result.where, {"checkpoint_format", "format"}, "gptq");
  const Json* marlin = json.find_value("is_marlin_format");
  if (marlin != nullptr && marlin->as_bool(result.where + ".is_marlin_format")) {
    throw UnsupportedError(
        message(result.where, ": the layout \"marlin\" is not supported (gptq, gptq_v2 are)"));
  }
  if (format != "gptq" && format != "gptq_v2") {
    throw UnsupportedError(
        message(result.where, ": the layout \"", format, "\" is not supported (gptq, gptq_v2 are)"));
  }
  result.plain_zeros = format == "gptq_v2";
}

void read_awq(const Json& json, CheckpointQuantization& result) {
  const std::string version =
      text_setting(json, result.where, {"version", "checkpoint_format", "format"}, "gemm");
  if (version != "gemm") {
    throw UnsupportedError(
        message(result.where, ": the layout \"", version, "\" is not supported (gemm is)"));
  }
}

}  // namespace

const ModuleScheme& CheckpointQuantization::scheme_of(const std::string& module) const {
  if (method == CheckpointMethod::compressed_tensors) {
    const SchemeTarget* best = nullptr;
    for (const SchemeTarget& target : targets) {
      if (best != nullptr && target.kind >= best->kind) continue;
      if (target.kind == SchemeTarget::Kind::name && target.name != module) continue;
      if (target.kind == SchemeTarget::Kind::pattern && !target.pattern->matches(module)) continue;
      best = &target;
    }
    if (best != nullptr) return best->scheme;
    throw FormatError(
        message(where, ": expected a group for the quantised module \"", module, "\", found none"));
  }
  for (const ModuleRule& rule : rules) {
    if (!rule.pattern.matches(module)) continue;
    if (!rule.stays_float) return rule.scheme;
    throw FormatError(message(where, ": \"", module, "\" is not quantised by the rule \"-:", rule.text,
                              "\", but its tensors are"));
  }
  return scheme;
}

CheckpointQuantization parse_checkpoint_quantization(const Json& json, const std::string& where,
                                                     const std::string& default_method) {
  json.as_object(where);
  CheckpointQuantization result;
  result.where = where;
  const std::string method = text_setting(json, where, {"quant_method", "method"}, default_method);
  if (method == "compressed-tensors") {
    result.method = CheckpointMethod::compressed_tensors;
    read_compressed_config(json, result);
    return result;
  }
  if (method != "gptq" && method != "awq") {
    throw UnsupportedError(message(where, ": checkpoints quantised by \"", method,
                                   "\" are not supported (gptq, awq, compressed-tensors are)"));
  }
  result.method = method == "gptq" ? CheckpointMethod::gptq : CheckpointMethod::awq;
  read_scheme(json, where, result.scheme);
  if (result.scheme.bits == 0) throw FormatError(message(where, ": missing member \"bits\""));
  if (method == "gptq") {
    read_gptq(json, result);
  } else {
    read_awq(json, result);
  }
  read_rules(json, result);
  return result;
}

std::optional<CheckpointQuantization> read_checkpoint_quantization(const fs::path& directory) {
  std::error_code ignored;
  const fs::path config = directory / "config.json";
  if (fs::exists(config, ignored)) {
    const Json json = Json::parse_file(config);
    if (const Json* stored = json.find_value("quantization_config"))
      return parse_checkpoint_quantization(*stored, config.string() + ": quantization_config");
  }
  // AutoAWQ writes quant_config.json without a method; the other file is GPTQ's.
  const std::pair<const char*, const char*> files[] = {{"quantize_config.json", "gptq"},
                                                       {"quant_config.json", "awq"}};
  for (const auto& [name, method] : files) {
    const fs::path file = directory / name;
    if (fs::exists(file, ignored))
      return parse_checkpoint_quantization(Json::parse_file(file), file.string(), method);
  }
  return std::nullopt;
}

std::string with_quantization_config(const Config& config, const std::string& quantization_config) {
  std::string text = config.without({"quantization_config"}).to_json();
  text.resize(text.find_last_not_of(" \n}", text.rfind('}')) + 1);
  return text + ",\n  \"quantization_config\": " + quantization_config + "\n}";
}

}  // namespace transom::model
