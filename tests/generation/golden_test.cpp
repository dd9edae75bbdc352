// SPDX-License-Identifier: Apache-2.0
// Logits processors and truncations against transformers: tests/golden/generation says how the expected
// numbers were made.
#include <cmath>
#include <filesystem>
#include <limits>

#include "generation/generation_file.h"
#include "generation/processors/processors.h"
#include "generation/processors/watermark.h"
#include "generation/sampling/sampler.h"
#include "generation/settings.h"
#include "tests/support/catch.h"

namespace {

namespace fs = std::filesystem;
using transom::Config;
using transom::GenerationConfig;
using transom::TokenId;
using transom::io::Json;
using namespace transom::generation;

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

std::vector<float> floats(const Json& json) {
  std::vector<float> values;
  for (const Json& item : json.as_array(""))
    values.push_back(item.is_null() ? kForbidden : static_cast<float>(item.as_double("")));
  return values;
}

struct Context {
  std::vector<TokenId> ids;
  std::vector<float> logits;
};

/// What the library makes of a context.
std::vector<float> process(const GenerationConfig& config, const Context& context, std::int64_t prompt) {
  std::vector<float> logits = context.logits;
  const auto vocab = static_cast<std::int64_t>(logits.size());
  Settings settings =
      resolve({}, config, std::min(prompt, static_cast<std::int64_t>(context.ids.size())), vocab);
  Processors processors(settings, vocab, vocab, nullptr);
  processors.apply(context.ids, logits);
  Sampler sampler(settings, vocab);
  if (settings.do_sample) sampler.truncate(logits);
  if (settings.watermark) Watermark(*settings.watermark, logits.size()).apply(context.ids, logits);
  return logits;
}

std::string difference(const std::vector<float>& actual, const std::vector<float>& expected) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const bool same = actual[i] == expected[i] ||
                      std::fabs(actual[i] - expected[i]) <= 1e-5f * std::max(1.0f, std::fabs(expected[i]));
    if (!same)
      return "token " + std::to_string(i) + ": " + std::to_string(actual[i]) + ", expected " +
             std::to_string(expected[i]);
  }
  return "";
}

}  // namespace

TEST_CASE("golden: processors alone and in pairs change logits as transformers' do") {
  const fs::path path = fs::path(TRANSOM_SOURCE_DIR) / "tests" / "golden" / "generation" / "processors.json";
  const Json file = Json::parse_file(path);
  const Json& content = file.at("content", "");
  std::vector<Context> contexts;
  for (const Json& json : content.at("contexts", "").as_array("")) {
    Context context{{}, floats(json.at("logits", ""))};
    for (const Json& id : json.at("ids", "").as_array(""))
      context.ids.push_back(static_cast<TokenId>(id.as_int("")));
    contexts.push_back(std::move(context));
  }
  const std::int64_t prompt = content.at("prompt", "").as_int("");
  std::size_t compared = 0, changed = 0;
  for (const Json& item : content.at("cases", "").as_array("")) {
    const Json& fields = item.at("config", "");
    std::string names;
    for (const auto& [key, value] : fields.as_object("")) names += key + " ";
    GenerationConfig config = read_generation_config(&fields, "case", Config::from_json("{}"));
    config.max_length = static_cast<int>(content.at("max_length", "").as_int(""));
    config.eos_token_ids = {2, 30};
    if (!config.top_k) config.top_k = 0;
    const auto& which = item.at("contexts", "").as_array("");
    for (std::size_t i = 0; i < which.size(); ++i) {
      const Context& context = contexts[static_cast<std::size_t>(which[i].as_int(""))];
      const auto expected = floats(item.at("expected", "").as_array("")[i]);
      INFO(names << "context of " << context.ids.size());
      CHECK(difference(process(config, context, prompt), expected) == "");
      ++compared;
      changed += expected != context.logits ? 1 : 0;
    }
  }
  CHECK(compared > 300);
  CHECK(changed > compared / 2);
}
