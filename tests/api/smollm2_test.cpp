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

TEST_CASE("smollm2: fifty prompts, with guesses and without: the same greedy text") {
  const auto directory =
      transom::testing::source_directory() / "examples" / "models" / "smollm2-135m-instruct";
  const auto model = transom::AutoModel::from_pretrained(directory.string());
  const char* topics[] = {"the moon", "bread", "a steam engine", "the Nile", "chess",
                          "rust",     "sleep", "a violin",       "taxes",    "photosynthesis"};
  const char* questions[] = {"Explain %s in three sentences.", "List five facts about %s, one a line:\n1.",
                             "Write a Python function about %s:\ndef ",
                             "Repeat after me: %s, %s, %s. Now you: %s,", "What I like about %s is"};
  transom::GenerationConfig plain;
  plain.max_new_tokens = 40;
  plain.do_sample = false;
  transom::GenerationConfig guessing = plain;
  guessing.prompt_lookup_num_tokens = 10;
  std::int64_t drafted = 0, accepted = 0;
  for (const char* topic : topics) {
    for (std::string prompt : questions) {
      for (std::size_t at = prompt.find("%s"); at != std::string::npos; at = prompt.find("%s"))
        prompt.replace(at, 2, topic);
      INFO(prompt);
      const auto guessed = model.generate(prompt, guessing);
      CHECK(guessed.tokens == model.generate(prompt, plain).tokens);
      drafted += guessed.timings.drafted_tokens;
      accepted += guessed.timings.accepted_tokens;
    }
  }
  CHECK(accepted > 0);
  WARN("of " << drafted << " guessed tokens " << accepted << " were right");
}
