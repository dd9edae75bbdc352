// SPDX-License-Identifier: Apache-2.0
#include "generation/settings.h"

#include <cmath>
#include <limits>
#include <random>

#include "core/checks.h"
#include "core/log.h"
#include "transom/error.h"

namespace transom::generation {

using core::message;

namespace {

constexpr int kMaxLogprobs = 100;
constexpr float kMaxFloat = std::numeric_limits<float>::max();

/// Optional reads of one generation_config.json.
class FileReader {
 public:
  FileReader(const io::Json& json, const std::string& where) : json_(json), where_(where) {}

  std::optional<int> integer(const char* key) const {
    const io::Json* value = json_.find_value(key);
    if (value == nullptr) return std::nullopt;
    const std::int64_t number = value->as_int(where_ + ": " + key);
    if (number < std::numeric_limits<int>::min() || number > std::numeric_limits<int>::max()) {
      throw FormatError(message(where_, ": ", key, ": ", number, " does not fit 32 bits"));
    }
    return static_cast<int>(number);
  }
  std::optional<float> number(const char* key) const {
    const io::Json* value = json_.find_value(key);
    if (value == nullptr) return std::nullopt;
    return static_cast<float>(value->as_double(where_ + ": " + key));
  }
  /// A number of a sampling setting. Files that do not sample may hold neutral values from elsewhere
  /// (temperature 0): these are as good as absent. @throws FormatError when the file samples.
  std::optional<float> sampling(const char* key, float low, float high, bool low_included) const {
    const std::optional<float> value = number(key);
    if (!value || ((low_included ? *value >= low : *value > low) && *value <= high)) return value;
    if (!boolean("do_sample").value_or(false)) return std::nullopt;
    throw FormatError(message(where_, ": ", key, ": expected a number in ", low_included ? "[" : "(", low,
                              ", ", high, "], found ", *value));
  }
  /// A count; negative ones make no sense in any mode.
  std::optional<int> non_negative(const char* key) const {
    const std::optional<int> value = integer(key);
    if (value && *value < 0)
      throw FormatError(message(where_, ": ", key, ": expected 0 or more, found ", *value));
    return value;
  }
  std::optional<bool> boolean(const char* key) const {
    const io::Json* value = json_.find_value(key);
    if (value == nullptr) return std::nullopt;
    return value->as_bool(where_ + ": " + key);
  }
  std::vector<TokenId> ids(const char* key) const {
    const io::Json* value = json_.find_value(key);
    if (value == nullptr) return {};
    const std::string path = where_ + ": " + key;
    std::vector<TokenId> result;
    if (value->is_array()) {
      for (const io::Json& item : value->as_array(path)) add_id(item, path, result);
    } else {
      add_id(*value, path, result);
    }
    return result;
  }

  /// Says in the log that a setting of the file is not honoured.
  void warn_unless(const char* key, double neutral) const {
    const io::Json* value = json_.find_value(key);
    if (value == nullptr || !value->is_number() || value->as_double(key) == neutral) return;
    core::log_message(LogLevel::warning, where_, ": ", key, " is not supported and has no effect");
  }

 private:
  /// Negative ids mean "none" in some files.
  static void add_id(const io::Json& value, const std::string& path, std::vector<TokenId>& ids) {
    const std::int64_t number = value.as_int(path);
    if (number > std::numeric_limits<TokenId>::max()) {
      throw FormatError(message(path, ": expected a token id, found ", number));
    }
    if (number >= 0) ids.push_back(static_cast<TokenId>(number));
  }

  const io::Json& json_;
  const std::string& where_;
};

/// eos_token_id of config.json: an integer or a list; negative ids mean "none" in some files.
std::vector<TokenId> config_eos(const Config& config) {
  std::vector<TokenId> ids;
  if (!config.contains("eos_token_id")) return ids;
  const Value value = config.get("eos_token_id");
  const auto add = [&](const Value& item) {
    if (!item.is_integer()) {
      throw FormatError(
          message(config.source(), ": eos_token_id: expected a token id, found ", item.to_json()));
    }
    const auto id = item.as<std::int64_t>();
    if (id >= 0 && id <= std::numeric_limits<TokenId>::max()) ids.push_back(static_cast<TokenId>(id));
  };
  if (value.is_list()) {
    for (const Value& item : value.as<Value::List>()) add(item);
  } else if (!value.is_null()) {
    add(value);
  }
  return ids;
}

void check_range(const char* name, float value, float low, float high, bool low_included) {
  const bool ok = (low_included ? value >= low : value > low) && value <= high;
  if (!ok) {
    throw InvalidArgument(message(name, ": expected a number in ", low_included ? "[" : "(", low, ", ", high,
                                  "], found ", value));
  }
}

void refuse(const char* name, bool wanted) {
  if (wanted) throw UnsupportedError(message(name, " is not supported by this version"));
}

void check_unsupported(const GenerationConfig& config) {
  refuse("num_beams above 1", config.num_beams.value_or(1) != 1);
  refuse("num_return_sequences above 1", config.num_return_sequences.value_or(1) != 1);
  refuse("typical_p below 1", config.typical_p.value_or(1.0f) != 1.0f);
  refuse("no_repeat_ngram_size", config.no_repeat_ngram_size.value_or(0) != 0);
  refuse("bad_words", !config.bad_words.empty());
}

std::int64_t new_token_limit(const GenerationConfig& config, const Defaults& defaults,
                             std::int64_t prompt_tokens) {
  const auto from_length = [&](int max_length) {
    if (max_length <= prompt_tokens) {
      throw InvalidArgument(message("max_length: expected more than the prompt's ", prompt_tokens,
                                    " tokens, found ", max_length));
    }
    return max_length - prompt_tokens;
  };
  if (config.max_new_tokens) return *config.max_new_tokens;
  if (config.max_length) return from_length(*config.max_length);
  if (defaults.max_new_tokens) return *defaults.max_new_tokens;
  if (defaults.max_length) return from_length(*defaults.max_length);
  return Settings{}.max_new_tokens;
}

void check(const Settings& settings, std::int64_t vocab) {
  if (settings.max_new_tokens < 0) {
    throw InvalidArgument(message("max_new_tokens: expected 0 or more, found ", settings.max_new_tokens));
  }
  if (settings.min_new_tokens < 0) {
    throw InvalidArgument(message("min_new_tokens: expected 0 or more, found ", settings.min_new_tokens));
  }
  if (settings.top_k < 0) throw InvalidArgument(message("top_k: expected 0 or more, found ", settings.top_k));
  check_range("temperature", settings.temperature, 0, kMaxFloat, false);
  check_range("top_p", settings.top_p, 0, 1, false);
  check_range("min_p", settings.min_p, 0, 1, true);
  check_range("repetition_penalty", settings.repetition_penalty, 0, kMaxFloat, false);
  if (settings.logprobs < 0 || settings.logprobs > kMaxLogprobs) {
    throw InvalidArgument(message("logprobs: expected 0 to ", kMaxLogprobs, ", found ", settings.logprobs));
  }
  for (const std::string& stop : settings.stop) {
    if (stop.empty())
      throw InvalidArgument("stop: expected strings of at least one character, found an empty one");
  }
  for (const auto& [id, bias] : settings.logit_bias) {
    if (id < 0 || id >= vocab) {
      throw InvalidArgument(message("logit_bias: id ", id, " is outside the vocabulary of ", vocab));
    }
    if (std::isnan(bias))
      throw InvalidArgument(message("logit_bias: the bias of id ", id, " is not a number"));
  }
  for (const LogitsProcessor& processor : settings.processors) {
    if (!processor) throw InvalidArgument("processors: found an empty function");
  }
}

}  // namespace

Defaults read_defaults(const io::Json* file, const std::string& where, const Config& config) {
  Defaults defaults;
  if (file != nullptr) {
    file->as_object(where);
    const FileReader reader(*file, where);
    defaults.max_new_tokens = reader.non_negative("max_new_tokens");
    defaults.max_length = reader.non_negative("max_length");
    defaults.min_new_tokens = reader.non_negative("min_new_tokens");
    defaults.top_k = reader.non_negative("top_k");
    defaults.do_sample = reader.boolean("do_sample");
    defaults.temperature = reader.sampling("temperature", 0, kMaxFloat, false);
    defaults.top_p = reader.sampling("top_p", 0, 1, false);
    defaults.min_p = reader.sampling("min_p", 0, 1, true);
    defaults.repetition_penalty = reader.sampling("repetition_penalty", 0, kMaxFloat, false);
    defaults.eos_token_ids = reader.ids("eos_token_id");
    for (const char* key : {"num_beams", "num_return_sequences", "typical_p"}) reader.warn_unless(key, 1);
    reader.warn_unless("no_repeat_ngram_size", 0);
  }
  if (defaults.eos_token_ids.empty()) defaults.eos_token_ids = config_eos(config);
  return defaults;
}

Settings resolve(const GenerationConfig& config, const Defaults& defaults, std::int64_t prompt_tokens,
                 std::int64_t vocab) {
  check_unsupported(config);
  Settings settings;
  const auto pick = [](const auto& own, const auto& file, auto fallback) {
    return own ? *own : file ? *file : fallback;
  };
  settings.max_new_tokens = new_token_limit(config, defaults, prompt_tokens);
  settings.min_new_tokens = pick(config.min_new_tokens, defaults.min_new_tokens, 0);
  settings.do_sample = pick(config.do_sample, defaults.do_sample, false);
  settings.temperature = pick(config.temperature, defaults.temperature, 1.0f);
  settings.top_k = pick(config.top_k, defaults.top_k, 50);
  settings.top_p = pick(config.top_p, defaults.top_p, 1.0f);
  settings.min_p = pick(config.min_p, defaults.min_p, 0.0f);
  settings.repetition_penalty = pick(config.repetition_penalty, defaults.repetition_penalty, 1.0f);
  settings.seed =
      config.seed ? *config.seed : (std::uint64_t{std::random_device{}()} << 32) ^ std::random_device{}();
  settings.stop = config.stop;
  if (!config.ignore_eos) {
    settings.eos_token_ids = config.eos_token_ids.empty() ? defaults.eos_token_ids : config.eos_token_ids;
  }
  settings.logit_bias = config.logit_bias;
  settings.processors = config.processors;
  settings.logprobs = config.logprobs;
  settings.stop_token = config.stop_token;
  check(settings, vocab);
  return settings;
}

}  // namespace transom::generation
