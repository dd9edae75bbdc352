// SPDX-License-Identifier: Apache-2.0
#include "transom/config.h"

#include <algorithm>

#include "core/checks.h"
#include "io/json.h"
#include "io/json_write.h"
#include "model/config/rope_keys.h"
#include "model/config/runtime_keys.h"
#include "model/family.h"
#include "transom/error.h"

namespace transom {

using core::message;

namespace {

constexpr const char* kWhere = "config";
constexpr std::string_view kStorageKey = "quantization_config";

Value to_value(const io::Json& json) {
  switch (json.kind()) {
    case io::Json::Kind::null:
      return nullptr;
    case io::Json::Kind::boolean:
      return json.as_bool(kWhere);
    case io::Json::Kind::integer:
      return json.as_int(kWhere);
    case io::Json::Kind::number:
      return json.as_double(kWhere);
    case io::Json::Kind::string:
      return json.as_string(kWhere);
    case io::Json::Kind::array: {
      Value::List list;
      for (const io::Json& item : json.as_array(kWhere)) list.push_back(to_value(item));
      return list;
    }
    case io::Json::Kind::object: {
      Value::Map map;
      for (const auto& [name, item] : json.as_object(kWhere)) map.emplace(name, to_value(item));
      return map;
    }
  }
  return nullptr;
}

const Value* runtime_default(std::string_view key) {
  for (const model::RuntimeKey& known : model::runtime_keys()) {
    if (known.name == key) return &known.fallback;
  }
  return nullptr;
}

std::string pretty(const Value& value, int indent, int depth) {
  if (indent < 0 || !value.is_map() || value.as<Value::Map>().empty()) return value.to_json();
  const auto pad = [&](int levels) {
    return "\n" + std::string(static_cast<std::size_t>(indent * levels), ' ');
  };
  std::string text = "{";
  for (const auto& [name, item] : value.as<Value::Map>()) {
    text += (text.size() == 1 ? "" : ",") + pad(depth + 1) + io::json_string(name) + ": " +
            pretty(item, indent, depth + 1);
  }
  return text + pad(depth) + "}";
}

/// Checks a changed configuration. What was legal in a file is the file's fault; here the caller changed it.
void validate(const Config& config) {
  const model::ConfigReader reader(config);
  try {
    model::check_runtime_keys(reader);
    if (reader.has("model_type") && model::find_family(reader.text("model_type", "")) != nullptr) {
      model::read_spec(config);
    }
  } catch (const FormatError& error) {
    throw InvalidArgument(error.what());
  }
}

}  // namespace

Config Config::from_json(std::string_view json, std::string source) {
  const io::Json parsed = io::Json::parse(json, source);
  Config config;
  for (const auto& [name, item] : parsed.as_object(source)) config.values_.emplace(name, to_value(item));
  config.source_ = std::move(source);
  return config;
}

Config& Config::update(std::initializer_list<std::pair<std::string_view, Value>> values) {
  Value::Map map;
  for (const auto& [key, value] : values) map.insert_or_assign(std::string(key), value);
  return update(std::move(map));
}

Config& Config::update_from_json(std::string_view json) {
  Value::Map map;
  try {
    const io::Json parsed = io::Json::parse(json, "update_from_json");
    for (const auto& [name, item] : parsed.as_object("update_from_json")) map.emplace(name, to_value(item));
  } catch (const FormatError& error) {
    throw InvalidArgument(error.what());
  }
  return update(std::move(map));
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): the interface is by value
Config& Config::update(Value::Map values) {
  Config changed = *this;
  for (const auto& [key, value] : values) {
    if (key == kStorageKey && !(contains(key) && get(key) == value)) {
      throw InvalidArgument(
          message("\"", key, "\" tells how the files of a checkpoint are stored: it can not be changed"));
    }
    if (!contains(key) && runtime_default(key) == nullptr && !model::is_known_config_key(key)) {
      throw InvalidArgument(message("unknown configuration key \"", key, "\"; did you mean \"",
                                    model::nearest_known_key(key), "\"?"));
    }
    changed.values_.insert_or_assign(key, value);
  }
  model::settle_rope_keys(values_, values, changed.values_);
  validate(changed);
  *this = std::move(changed);
  return *this;
}

bool Config::contains(std::string_view key) const { return values_.find(std::string(key)) != values_.end(); }

Value Config::get(std::string_view key) const {
  const auto found = values_.find(std::string(key));
  if (found != values_.end()) return found->second.named(std::string(key));
  if (const Value* fallback = runtime_default(key)) return fallback->named(std::string(key));
  throw NotFound(message(source_.empty() ? "config" : source_, ": no key \"", key, "\""));
}

Config Config::without(std::initializer_list<std::string_view> keys) const {
  Config result = *this;
  for (const std::string_view key : keys) result.values_.erase(std::string(key));
  return result;
}

std::string Config::to_json(int indent) const { return pretty(Value(values_), indent, 0); }

std::string Config::model_type() const {
  const model::ConfigReader reader(*this);
  if (!reader.has("model_type"))
    reader.fail("model_type", "expected the name of a model family, found nothing");
  return reader.text("model_type", "");
}
std::int64_t Config::hidden_size() const { return model::read_spec(*this).hidden; }
std::int64_t Config::intermediate_size() const { return model::read_spec(*this).intermediate; }
std::int64_t Config::num_hidden_layers() const { return model::read_spec(*this).n_layers; }
std::int64_t Config::num_attention_heads() const { return model::read_spec(*this).n_heads; }
std::int64_t Config::num_key_value_heads() const { return model::read_spec(*this).n_kv_heads; }
std::int64_t Config::head_dim() const { return model::read_spec(*this).head_dim; }
std::int64_t Config::vocab_size() const { return model::read_spec(*this).vocab; }
std::int64_t Config::max_position_embeddings() const { return model::read_spec(*this).max_position; }
double Config::rms_norm_eps() const { return model::read_spec(*this).norm_epsilon; }
double Config::rope_theta() const { return model::read_spec(*this).ropes.front().theta; }
bool Config::tie_word_embeddings() const { return model::read_spec(*this).tie_embeddings; }

std::int64_t Config::attention_window() const {
  const model::ModelSpec spec = model::read_spec(*this);
  std::int64_t largest = 0;
  for (const model::LayerSpec& layer : spec.layers) {
    if (layer.window == 0) return 0;
    largest = std::max(largest, layer.window);
  }
  return largest;
}

}  // namespace transom
