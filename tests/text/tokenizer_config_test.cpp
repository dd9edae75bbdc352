// SPDX-License-Identifier: Apache-2.0
/// Post-processors, and what tokenizer_config.json changes.
#include "support/catch.h"
#include "test_data.h"
#include "text/tokenizer_loader.h"

namespace transom::text {
namespace {

using Ids = std::vector<TokenId>;

const std::string kModel =
    R"("model": {"type": "BPE", "vocab": {"a": 0, "<s>": 1, "</s>": 2, "<c>": 3}, "merges": []})";
const std::string kTemplate = R"("post_processor": {"type": "TemplateProcessing",
    "single": [{"SpecialToken": {"id": "B", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
               {"SpecialToken": {"id": "E", "type_id": 0}}], "pair": [],
    "special_tokens": {"B": {"id": "B", "ids": [1, 3], "tokens": ["<s>", "<c>"]},
                       "E": {"id": "E", "ids": [2], "tokens": ["</s>"]}}},)";

std::shared_ptr<const TokenizerImpl> load(const std::string& members, const std::string& config_text = "",
                                          const std::string& map_text = "") {
  const io::Json tokenizer = io::Json::parse("{" + members + kModel + "}", "t.json");
  io::Json config;
  io::Json map;
  NamedJson named_config;
  NamedJson named_map;
  if (!config_text.empty()) {
    config = io::Json::parse(config_text, "c.json");
    named_config = {&config, "c.json"};
  }
  if (!map_text.empty()) {
    map = io::Json::parse(map_text, "m.json");
    named_map = {&map, "m.json"};
  }
  return tokenizer_from_json({&tokenizer, "t.json"}, named_config, named_map);
}

Ids encoded(const std::shared_ptr<const TokenizerImpl>& tokenizer) { return tokenizer->encode("a", {}); }

TEST_CASE("a template frames the text", "[post_processor]") {
  const auto tokenizer = load(kTemplate);
  CHECK(encoded(tokenizer) == Ids{1, 3, 0, 2});
  CHECK(tokenizer->encode("a", {.add_special_tokens = false}) == Ids{0});
  CHECK(tokenizer->encode("", {}) == Ids{1, 3, 2});
}

TEST_CASE("other post-processors", "[post_processor]") {
  const std::string bert = R"({"type": "BertProcessing", "sep": ["</s>", 2], "cls": ["<c>", 3]})";
  CHECK(encoded(load("\"post_processor\": " + bert + ",")) == Ids{3, 0, 2});
  CHECK(encoded(load(R"("post_processor": {"type": "ByteLevel"},)")) == Ids{0});
  CHECK(encoded(load(R"("post_processor": {"type": "Sequence", "processors": [)" + bert +
                     R"(, {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1]}]},)")) ==
        Ids{1, 3, 0, 2, 2});
}

TEST_CASE("wrong post-processors are errors that say where", "[post_processor]") {
  const auto says = [](const std::string& json, const std::vector<std::string>& parts) {
    return test::error_says([&] { load("\"post_processor\": " + json + ","); }, parts);
  };
  const std::string head =
      R"({"type": "TemplateProcessing", "special_tokens": {"B": {"ids": [77]}}, "single": )";
  CHECK(says(R"({"type": "Magic"})", {"t.json: post_processor.type", "Magic"}));
  CHECK(says(head + R"([{"SpecialToken": {"id": "B"}}, {"Sequence": {"id": "A"}}]})",
             {"post_processor", "77"}));
  CHECK(says(head + R"([{"SpecialToken": {"id": "Q"}}, {"Sequence": {"id": "A"}}]})",
             {"special_tokens", "\"Q\""}));
  CHECK(says(head + R"([{"SpecialToken": {"id": "B"}}]})", {"sequence A exactly once"}));
  CHECK(says(head + R"([{"Sequence": {"id": "A"}}, {"Sequence": {"id": "B"}}]})", {"single[1]"}));
  CHECK(says(head + R"([{"Other": 1}]})", {"single[0]"}));
  CHECK(says(R"({"type": "BertProcessing", "sep": ["</s>"], "cls": ["<c>", 3]})", {"post_processor."}));
}

TEST_CASE("bos and eos come from the configuration", "[tokenizer_config]") {
  const auto tokenizer =
      load("", R"({"bos_token": "<s>", "eos_token": {"content": "</s>", "lstrip": false}})");
  CHECK(tokenizer->bos_id() == 1);
  CHECK(tokenizer->eos_ids() == Ids{2});
  CHECK(tokenizer->special_ids() == Ids{1, 2});  // named tokens are special
  CHECK(tokenizer->encode("a</s>", {}) == Ids{0, 2});
  CHECK(encoded(tokenizer) == Ids{0});
  const auto none = load("", R"({"bos_token": null, "eos_token": "<missing>"})");
  CHECK(none->bos_id() == std::nullopt);
  CHECK(none->eos_ids().empty());
}

TEST_CASE("the older map is asked where the configuration is silent", "[tokenizer_config]") {
  const auto tokenizer = load("", R"({"bos_token": null})", R"({"bos_token": "<s>", "eos_token": "</s>"})");
  CHECK(tokenizer->bos_id() == std::nullopt);
  CHECK(tokenizer->eos_ids() == Ids{2});
}

TEST_CASE("classes of the Llama kind build the template from their flags", "[tokenizer_config]") {
  const std::string names = R"("bos_token": "<s>", "eos_token": "</s>")";
  CHECK(encoded(load("", R"({"tokenizer_class": "LlamaTokenizerFast", )" + names + "}")) == Ids{1, 0});
  CHECK(encoded(load("", R"({"tokenizer_class": "LlamaTokenizer", "add_eos_token": true, )" + names + "}")) ==
        Ids{1, 0, 2});
  CHECK(encoded(load(kTemplate, R"({"tokenizer_class": "LlamaTokenizerFast", "add_bos_token": false, )" +
                                    names + "}")) == Ids{0});
  CHECK(encoded(load(kTemplate, R"({"tokenizer_class": "Qwen2Tokenizer", "add_bos_token": false, )" + names +
                                    "}")) == Ids{1, 3, 0, 2});
  CHECK(encoded(load(kTemplate, R"({"tokenizer_class": "LlamaTokenizerFast"})")) == Ids{1, 3, 0, 2});
}

TEST_CASE("added_tokens_decoder adds tokens and sets their flags", "[tokenizer_config]") {
  const auto tokenizer = load(R"("added_tokens": [{"id": 9, "content": "<x>", "special": false}],)",
                              R"({"added_tokens_decoder": {"9": {"content": "<x>", "special": true},
                                                           "12": {"content": "<y>"}}})");
  CHECK(tokenizer->is_special(9));
  CHECK(tokenizer->encode("<y>", {}) == Ids{12});
}

TEST_CASE("a configuration that contradicts the tokenizer is an error", "[tokenizer_config]") {
  const auto says = [](const std::string& config, const std::vector<std::string>& parts) {
    return test::error_says([&] { load("", config); }, parts);
  };
  CHECK(says(R"({"added_tokens_decoder": {"0": {"content": "<x>"}}})",
             {"c.json: added_tokens_decoder.0", "<x>"}));
  CHECK(says(R"({"added_tokens_decoder": {"1x": {"content": "<x>"}}})", {"added_tokens_decoder", "1x"}));
  CHECK(says(R"({"added_tokens_decoder": {"9999999999": {"content": "<x>"}}})", {"added_tokens_decoder"}));
  CHECK(says(R"({"tokenizer_class": "LlamaTokenizer", "bos_token": "<b>"})", {"c.json: bos_token", "<b>"}));
  CHECK(says(R"({"tokenizer_class": "LlamaTokenizer", "add_bos_token": true})", {"c.json: add_bos_token"}));
  CHECK(says(R"({"bos_token": 7})", {"c.json: bos_token"}));
  CHECK(says("[]", {"c.json"}));
}

}  // namespace
}  // namespace transom::text
