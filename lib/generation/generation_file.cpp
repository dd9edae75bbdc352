// SPDX-License-Identifier: Apache-2.0
#include "generation/generation_file.h"

#include "core/checks.h"
#include "core/log.h"
#include "generation/fields.h"
#include "transom/error.h"

namespace transom::generation {

using core::message;

namespace {

// What transformers knows and this library has not. Set in a file, these change nothing here; the log says
// so.
constexpr const char* kUnknown[] = {"penalty_alpha", "dola_layers", "encoder_repetition_penalty",
                                    "encoder_no_repeat_ngram_size"};

TokenId to_id(const io::Json& value, const std::string& path) {
  const std::int64_t number = value.as_int(path);
  if (number > std::numeric_limits<TokenId>::max())
    throw FormatError(message(path, ": expected a token id, found ", number));
  return static_cast<TokenId>(std::max(number, std::int64_t{-1}));
}

/// An id or a list of them. Negative ids mean "none" in some files.
std::vector<TokenId> to_ids(const io::Json& value, const std::string& path) {
  std::vector<TokenId> ids;
  const auto add = [&](const io::Json& item) {
    if (const TokenId id = to_id(item, path); id >= 0) ids.push_back(id);
  };
  if (value.is_array()) {
    for (const io::Json& item : value.as_array(path)) add(item);
  } else {
    add(value);
  }
  return ids;
}

/// Reads the members of one file into a configuration.
class Reader {
 public:
  Reader(const io::Json& json, const std::string& where) : json_(json), where_(where) {
    json.as_object(where);
    if (const io::Json* value = json.find_value("do_sample"))
      samples_ = value->is_bool() && value->as_bool(path("do_sample"));
  }

  GenerationConfig read() {
    for_each_field([&](const char* key, auto member, const Limits& limits) {
      if (const io::Json* value = json_.find_value(key)) set(config_.*member, *value, key, limits);
    });
    ids("eos_token_id", config_.eos_token_ids);
    ids("forced_eos_token_id", config_.forced_eos_token_ids);
    ids("suppress_tokens", config_.suppress_tokens);
    ids("begin_suppress_tokens", config_.begin_suppress_tokens);
    with("forced_bos_token_id", [&](const io::Json& value, const std::string& where) {
      if (const TokenId id = to_id(value, where); id >= 0) config_.forced_bos_token_id = id;
    });
    with("bad_words_ids", [&](const io::Json& value, const std::string& where) {
      for (const io::Json& word : value.as_array(where)) config_.bad_words.push_back(to_ids(word, where));
    });
    with("sequence_bias", [&](const io::Json& value, const std::string& where) {
      for (const io::Json& item : value.as_array(where)) {
        const auto [sequence, bias] = pair(item, where);
        config_.sequence_bias[to_ids(*sequence, where)] = static_cast<float>(bias);
      }
    });
    with("exponential_decay_length_penalty", [&](const io::Json& value, const std::string& where) {
      const auto [start, factor] = pair(value, where);
      config_.exponential_decay_length_penalty = {to_id(*start, where), static_cast<float>(factor)};
    });
    with("early_stopping", [&](const io::Json& value, const std::string& where) { early(value, where); });
    with("stop_strings", [&](const io::Json& value, const std::string& where) {
      if (value.is_string()) config_.stop = {value.as_string(where)};
      if (value.is_string()) return;
      for (const io::Json& item : value.as_array(where)) config_.stop.push_back(item.as_string(where));
    });
    with("watermarking_config",
         [&](const io::Json& value, const std::string& where) { watermark(value, where); });
    for (const char* key : kUnknown) {
      if (json_.find_value(key) != nullptr)
        core::log_message(LogLevel::warning, path(key), " is not supported and has no effect");
    }
    return std::move(config_);
  }

 private:
  std::string path(const char* key) const { return where_ + ": " + key; }

  template <typename Use>
  void with(const char* key, Use use) {
    if (const io::Json* value = json_.find_value(key)) use(*value, path(key));
  }
  void ids(const char* key, std::vector<TokenId>& out) {
    with(key, [&](const io::Json& value, const std::string& where) { out = to_ids(value, where); });
  }

  static std::pair<const io::Json*, double> pair(const io::Json& value, const std::string& where) {
    const std::vector<io::Json>& two = value.as_array(where);
    if (two.size() != 2) throw FormatError(message(where, ": expected pairs, found ", two.size(), " values"));
    return {&two[0], two[1].as_double(where)};
  }

  void watermark(const io::Json& value, const std::string& where) {
    WatermarkingConfig& watermark = config_.watermarking_config.emplace();
    for (const auto& [key, item] : value.as_object(where)) {
      const std::string here = where + "." + key;
      if (key == "greenlist_ratio") watermark.greenlist_ratio = static_cast<float>(item.as_double(here));
      if (key == "bias") watermark.bias = static_cast<float>(item.as_double(here));
      if (key == "hashing_key") watermark.hashing_key = item.as_int(here);
      if (key == "seeding_scheme") watermark.seeding_scheme = item.as_string(here);
      if (key == "context_width") watermark.context_width = static_cast<int>(item.as_int(here));
    }
  }

  void early(const io::Json& value, const std::string& where) {
    if (value.is_string() && value.as_string(where) == "never") {
      config_.early_stopping = EarlyStopping::never;
    } else {
      config_.early_stopping = value.as_bool(where) ? EarlyStopping::yes : EarlyStopping::no;
    }
  }

  void set(std::optional<bool>& field, const io::Json& value, const char* key, const Limits&) {
    field = value.as_bool(path(key));
  }
  void set(std::optional<float>& field, const io::Json& value, const char* key, const Limits& limits) {
    const double number = value.as_double(path(key));
    if (in_range(number, key, limits)) field = static_cast<float>(number);
  }
  void set(std::optional<int>& field, const io::Json& value, const char* key, const Limits& limits) {
    const std::int64_t number = value.as_int(path(key));
    if (number > std::numeric_limits<int>::max() || number < std::numeric_limits<int>::min())
      throw FormatError(message(path(key), ": ", number, " does not fit 32 bits"));
    if (in_range(static_cast<double>(number), key, limits)) field = static_cast<int>(number);
  }
  /// Files of models that do not sample may hold neutral values from elsewhere (temperature 0): these are as
  /// good as absent.
  bool in_range(double number, const char* key, const Limits& limits) const {
    if (limits.contain(number)) return true;
    if (limits.sampling && !samples_) return false;
    throw FormatError(message(path(key), ": expected ", limits.description(), ", found ", number));
  }

  const io::Json& json_;
  const std::string& where_;
  bool samples_ = false;
  GenerationConfig config_;
};

/// eos_token_id of config.json: an integer or a list.
std::vector<TokenId> config_eos(const Config& config) {
  if (!config.contains("eos_token_id")) return {};
  const std::string where = config.source() + ": eos_token_id";
  const io::Json value = io::Json::parse(config.get("eos_token_id").to_json(), where);
  return value.is_null() ? std::vector<TokenId>() : to_ids(value, where);
}

}  // namespace

GenerationConfig read_generation_config(const io::Json* file, const std::string& where,
                                        const Config& config) {
  GenerationConfig result;
  if (file != nullptr) result = Reader(*file, where).read();
  if (result.eos_token_ids.empty()) result.eos_token_ids = config_eos(config);
  return result;
}

}  // namespace transom::generation
