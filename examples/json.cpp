// SPDX-License-Identifier: Apache-2.0
// A schema in, a struct out: the text is JSON of this shape by construction, so that reading it can not fail.
#include <transom/transom.h>

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace {

struct Character {
  std::string name;
  int age = 0;
  std::string mood;
  std::vector<std::string> friends;
};

constexpr const char* kSchema = R"({
  "type": "object",
  "properties": {
    "name": {"type": "string", "minLength": 1, "maxLength": 20},
    "age": {"type": "integer", "minimum": 1, "maximum": 99},
    "mood": {"enum": ["happy", "sad", "angry", "curious"]},
    "friends": {"type": "array", "items": {"type": "string", "maxLength": 20}, "maxItems": 3}
  },
  "required": ["name", "age", "mood", "friends"],
  "additionalProperties": false
})";

Character read(const std::string& text) {
  const auto json = nlohmann::json::parse(text);
  return {json.at("name"), json.at("age"), json.at("mood"), json.at("friends")};
}

transom::Generation ask(const transom::Model& model, const std::string& question,
                        const transom::GenerationConfig& config) {
  if (!model.tokenizer().has_chat_template()) return model.generate(question + "\n", config);
  const std::vector<transom::ChatMessage> messages{{"user", question + " Answer in JSON."}};
  return model.chat(messages, config);
}

}  // namespace

int main(int argc, char** argv) try {
  std::string directory, question = "Invent a character for a story.";
  std::uint64_t seed = 1;
  CLI::App app("Fills a struct by asking a language model");
  app.add_option("model", directory, "Model directory, or org/name in the local Hugging Face cache")
      ->required();
  app.add_option("question", question, "What to ask");
  app.add_option("--seed", seed, "Seed of sampling");
  CLI11_PARSE(app, argc, argv);

  const auto model = transom::AutoModel::from_pretrained(directory);
  transom::GenerationConfig config{
      .max_new_tokens = 400, .do_sample = true, .temperature = 0.8f, .seed = seed};
  config.json_schema = kSchema;
  const transom::Generation answer = ask(model, question, config);
  if (answer.finish_reason == transom::FinishReason::length) {
    std::cerr << "cut off after " << answer.tokens.size() << " tokens: " << answer.text << '\n';
    return 1;
  }
  const Character character = read(answer.text);
  std::cout << character.name << " is " << character.age << " and " << character.mood << ", and has "
            << character.friends.size() << " friends";
  for (std::size_t i = 0; i < character.friends.size(); ++i)
    std::cout << (i == 0 ? ": " : ", ") << character.friends[i];
  std::cout << '\n';
  return 0;
} catch (const transom::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
