// SPDX-License-Identifier: Apache-2.0
// SmolLM2-135M-Instruct against transformers: token ids of five prompts and 64 greedy tokens each, computed
// in f32 from the bf16 weights. See tests/golden/README.md.
#include "io/json.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"
#include "transom/transom.h"

namespace {

std::vector<transom::TokenId> ids_of(const transom::io::Json& json) {
  std::vector<transom::TokenId> ids;
  for (const auto& id : json.as_array("ids")) ids.push_back(static_cast<transom::TokenId>(id.as_int("id")));
  return ids;
}

}  // namespace

TEST_CASE("smollm2: five prompts as transformers continues them") {
  const auto directory =
      transom::testing::source_directory() / "examples" / "models" / "smollm2-135m-instruct";
  const auto golden = transom::testing::source_directory() / "tests" / "golden" / "smollm2" / "greedy.json";
  auto config = transom::AutoConfig::from_pretrained(directory.string());
  config.update({{"dtype", "f32"}, {"kv_cache_dtype", "f32"}});
  const auto model = transom::AutoModel::from_pretrained(directory.string(), config);
  const auto tokenizer = model.tokenizer();
  const auto json = transom::io::Json::parse_file(golden);
  const auto& prompts = json.at("prompts", "golden").as_array("prompts");
  REQUIRE(prompts.size() >= 5);
  transom::GenerationConfig generation;
  generation.max_new_tokens = 64;
  generation.do_sample = false;
  generation.ignore_eos = true;
  for (const auto& item : prompts) {
    const std::string& prompt = item.at("prompt", "prompt").as_string("prompt");
    INFO(prompt);
    const auto ids = ids_of(item.at("input_ids", "prompt"));
    CHECK(tokenizer.encode(prompt) == ids);
    const auto& expected = item.at("bf16_weights", "prompt");
    const auto result = model.generate(ids, generation);
    CHECK(result.tokens == ids_of(expected.at("greedy", "prompt")));
  }
}
