// SPDX-License-Identifier: Apache-2.0
#include <cmath>
#include <filesystem>
#include <limits>

#include "model/family.h"
#include "model/layers/rope.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"
#include "tests/support/throws.h"
#include "transom/transom.h"

using namespace transom;
using transom::testing::contains;
using transom::testing::error_of;

namespace {

Config story_config() { return AutoConfig::from_pretrained(testing::tinystories().string()); }

Config llama(const std::string& more = "") {
  return Config::from_json(
      R"({"model_type": "llama", "hidden_size": 64, "num_attention_heads": 4, "num_hidden_layers": 2,
                               "intermediate_size": 96, "vocab_size": 100)" +
          more + "}",
      "config.json");
}

std::string format_problem(const std::string& more) {
  return error_of<FormatError>([&] { llama(more).hidden_size(); });
}

}  // namespace

TEST_CASE("config: getters apply the family's defaults") {
  const Config config = llama();
  CHECK(config.model_type() == "llama");
  CHECK(config.num_key_value_heads() == 4);
  CHECK(config.head_dim() == 16);
  CHECK(config.rms_norm_eps() == 1e-6);
  CHECK(config.rope_theta() == 10000);
  CHECK(config.max_position_embeddings() == 2048);
  CHECK_FALSE(config.tie_word_embeddings());
  CHECK(config.attention_window() == 0);
  const Config mistral = Config::from_json(R"({"model_type": "mistral"})");
  CHECK(mistral.num_key_value_heads() == 8);
  CHECK(mistral.attention_window() == 4096);  // absent: the class default
  CHECK(Config::from_json(R"({"model_type": "mistral", "sliding_window": null})").attention_window() == 0);
  CHECK(
      Config::from_json(R"({"model_type": "mistral", "num_key_value_heads": null})").num_key_value_heads() ==
      32);
  CHECK(Config::from_json(R"({"model_type": "qwen3", "head_dim": null})").head_dim() == 128);
}

TEST_CASE("config: update is all or nothing") {
  Config config = story_config();
  config.update({{"attention_window", 128}, {"quantization", "int8"}});
  CHECK(config.get("attention_window").as<int>() == 128);
  CHECK(config.attention_window() == 128);
  CHECK_THROWS_AS(config.update({{"attention_window", 64}, {"quantization", "int7"}}), InvalidArgument);
  CHECK(config.get("attention_window").as<int>() == 128);
  config.update_from_json(R"({"max_context": 99, "rope_theta": 5e5})");
  CHECK(config.get("max_context").as<std::int64_t>() == 99);
  CHECK(config.rope_theta() == 5e5);
}

TEST_CASE("config: an unknown key names the nearest") {
  Config config = story_config();
  const auto message = error_of<InvalidArgument>([&] { config.update({{"atention_window", 1}}); });
  CHECK(contains(message, "atention_window"));
  CHECK(contains(message, "\"attention_window\""));
  CHECK(contains(error_of<InvalidArgument>([&] { config.update({{"hiden_size", 1}}); }), "\"hidden_size\""));
  CHECK(contains(error_of<InvalidArgument>([&] { config.update_from_json("[]"); }), "expected an object"));
  CHECK(contains(error_of<InvalidArgument>([&] { config.update_from_json("{"); }), "not valid JSON"));
}

TEST_CASE("config: runtime keys of the wrong kind or value") {
  Config config = story_config();
  CHECK_THROWS_AS(config.update({{"attention_window", "wide"}}), InvalidArgument);
  CHECK_THROWS_AS(config.update({{"attention_window", -2}}), InvalidArgument);
  CHECK_THROWS_AS(config.update({{"attention_window", 1.5}}), InvalidArgument);
  CHECK(contains(error_of<InvalidArgument>([&] { config.update({{"kv_cache_dtype", "fp8_e5m2"}}); }),
                 "\"int8\", \"fp8\", \"fp8_e4m3\""));
  CHECK_THROWS_AS(config.update({{"dtype", "int8"}}), InvalidArgument);
  CHECK_THROWS_AS(config.update({{"threads", -1}}), InvalidArgument);
  CHECK_THROWS_AS(config.update({{"gpu_layers", -2}}), InvalidArgument);
  CHECK_THROWS_AS(config.update({{"gpu_layers", "all"}}), InvalidArgument);
  CHECK_THROWS_AS(config.update({{"quantization_group_size", 48}}), InvalidArgument);
  CHECK_THROWS_AS(config.update({{"activation_dtype", "bf16"}}), InvalidArgument);
  CHECK_THROWS_AS(config.update({{"num_attention_heads", 7}}), InvalidArgument);
  CHECK_NOTHROW(config.update({{"device", "cpu"}, {"threads", 2}}));
}

TEST_CASE("config: values know their key and kind") {
  const Config config = story_config();
  CHECK(contains(error_of<InvalidArgument>([&] { config.get("hidden_act").as<int>(); }),
                 "hidden_act: expected an integer"));
  CHECK(
      contains(error_of<InvalidArgument>([&] { config.get("hidden_size").as<std::string>(); }), "found 128"));
  CHECK(config.get("rope_theta").as<float>() == 10000.0f);
  CHECK(config.get("architectures").as<Value::List>().size() == 1);
  CHECK(config.get("rope_scaling").is_null());
  CHECK(config.contains("rope_scaling"));
  CHECK_FALSE(config.contains("attention_window"));
  CHECK(config.get("attention_window").as<int>() == 0);
  CHECK_THROWS_AS(config.get("no such key"), NotFound);
  CHECK_THROWS_AS(Value(std::int64_t{1} << 40).as<int>(), InvalidArgument);
  CHECK(Value(2.0).as<int>() == 2);
  CHECK_THROWS_AS(Value(UINT64_MAX).as<std::int64_t>(), InvalidArgument);
  CHECK(Value(Value::Map{{"a", Value::List{1, "x", nullptr, true, 0.5}}}).to_json() ==
        R"({"a": [1, "x", null, true, 0.5]})");
}

TEST_CASE("config: messages show numbers that JSON has no word for") {
  const double inf = std::numeric_limits<double>::infinity();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Config config = Config::from_json(R"({"model_type": "llama", "num_hidden_layers": 1})");
  const auto refusal = [&](const char* key, const Value& value) {
    return error_of<InvalidArgument>([&] { config.update({{key, value}}); });
  };
  CHECK(contains(refusal("attention_window", nan), "expected an integer, found NaN"));
  CHECK(
      contains(refusal("attention_window", Value::List{-inf}), "[0]: expected an integer, found -Infinity"));
  CHECK(contains(refusal("rms_norm_eps", inf), "found Infinity"));
  CHECK(contains(refusal("attention_pattern", Value::List{Value::List{nan, 1}}), "found [NaN, 1]"));
  CHECK(contains(refusal("dtype", Value::Map{{"a", inf}}), R"(found {"a": Infinity})"));
  CHECK(contains(error_of<InvalidArgument>([&] { Value(nan).as<int>(); }), "expected an integer, found NaN"));
  CHECK(Value(nan).to_json() == "null");
}

TEST_CASE("config: JSON out reads back in") {
  Config config = story_config();
  config.update({{"attention_window", 32}});
  const Config again = Config::from_json(config.to_json());
  CHECK(again.to_json() == config.to_json());
  CHECK(again.to_json(-1).find('\n') == std::string::npos);
  CHECK(again.attention_window() == 32);
}

TEST_CASE("config: values that make no model say which key, what was expected and what was found") {
  CHECK(contains(format_problem(R"(, "num_key_value_heads": 3)"), "config.json: num_key_value_heads"));
  CHECK(contains(format_problem(R"(, "head_dim": -4)"), "head_dim: expected an integer from 2"));
  CHECK(contains(format_problem(R"(, "head_dim": 5)"), "even"));
  CHECK(contains(format_problem(R"(, "rms_norm_eps": "tiny")"), "found \"tiny\""));
  CHECK(contains(format_problem(R"(, "max_position_embeddings": 0)"), "max_position_embeddings"));
  CHECK(contains(format_problem(R"(, "tie_word_embeddings": 1)"), "true or false"));
  CHECK(contains(format_problem(R"(, "rope_scaling": {"rope_type": "linear"})"), "factor"));
  CHECK(contains(format_problem(R"(, "rope_scaling": {"rope_type": "linear", "factor": 0})"), "positive"));
  CHECK(contains(
      format_problem(
          R"(, "rope_scaling": {"type": "longrope", "factor": 2, "short_factor": [1], "long_factor": [1]})"),
      "short_factor: expected 8 numbers"));
  CHECK(contains(format_problem(R"(, "rope_scaling": 7)"), "expected an object"));
  CHECK(contains(
      error_of<UnsupportedError>([] { llama(R"(, "rope_scaling": {"rope_type": "spiral"})").hidden_size(); }),
      "spiral"));
  CHECK(
      contains(error_of<UnsupportedError>([] { llama(R"(, "hidden_act": "gelu")").hidden_size(); }), "gelu"));
  CHECK(
      contains(error_of<UnsupportedError>([] { Config::from_json(R"({"model_type": "t5"})").hidden_size(); }),
               "llama"));
  CHECK(contains(error_of<FormatError>([] { Config::from_json("{}").hidden_size(); }), "model_type"));
  CHECK(contains(error_of<FormatError>([] { Config::from_json("[]", "c.json"); }), "c.json"));
}

TEST_CASE("config: both spellings of transformers") {
  const Config v4 = llama(R"(, "rope_theta": 5e5, "torch_dtype": "bfloat16",
                             "rope_scaling": {"type": "linear", "factor": 4.0})");
  const Config v5 = llama(
      R"(, "dtype": "bfloat16", "rope_parameters": {"rope_type": "linear", "rope_theta": 5e5, "factor": 4.0})");
  CHECK(model::read_spec(v4).ropes == model::read_spec(v5).ropes);
  const Config both =
      llama(R"(, "rope_theta": 1e4, "rope_parameters": {"rope_type": "default", "rope_theta": 7e5})");
  CHECK(both.rope_theta() == 7e5);
  const auto nested = model::read_spec(Config::from_json(
      R"({"model_type": "qwen2", "num_hidden_layers": 2, "layer_types": ["sliding_attention", "full_attention"],
          "use_sliding_window": true, "sliding_window": 8,
          "rope_parameters": {"sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
                              "full_attention": {"rope_type": "default", "rope_theta": 1e6}}})"));
  REQUIRE(nested.ropes.size() == 2);
  CHECK(nested.ropes[nested.layers[0].rope].theta == 1e4);
  CHECK(nested.ropes[nested.layers[1].rope].theta == 1e6);
  CHECK(nested.layers[0].window == 8);
  CHECK(nested.layers[1].window == 0);
}

TEST_CASE("rope: published frequencies") {
  const auto spec_of = [](const std::string& scaling, int heads) {
    return model::read_spec(
               Config::from_json(R"({"model_type": "llama", "hidden_size": 1024, "num_attention_heads": )" +
                                 std::to_string(heads) + R"(, "num_hidden_layers": 1, )" + scaling + "}"))
        .ropes.front();
  };
  std::vector<float> inv(64);
  model::compute_inv_freq(spec_of(R"("rope_theta": 5e5, "rope_scaling": {"rope_type": "llama3", "factor": 8.0,
                                     "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                                     "original_max_position_embeddings": 8192})",
                                  8),
                          0, inv);
  CHECK(inv[28] == Approx(std::pow(5e5, -56.0 / 128)).epsilon(1e-6));
  CHECK(inv[29] == Approx(2.166570764e-3).epsilon(1e-6));
  CHECK(inv[34] == Approx(1.785078128e-4).epsilon(1e-6));
  CHECK(inv[35] == Approx(9.556212354e-5).epsilon(1e-6));

  std::vector<float> yarn(32);
  const auto deepseek =
      spec_of(R"("max_position_embeddings": 163840, "rope_scaling": {"type": "yarn", "factor": 40,
                                   "beta_fast": 32, "beta_slow": 1, "mscale": 1.0, "mscale_all_dim": 1.0,
                                   "original_max_position_embeddings": 4096})",
              16);
  model::compute_inv_freq(deepseek, 0, yarn);
  CHECK(yarn[16] == Approx(5.5e-3).epsilon(1e-6));
  CHECK(yarn[31] == Approx(3.333803580e-6).epsilon(1e-6));
  CHECK(deepseek.magnitude == Approx(1.0));
  const auto plain =
      spec_of(R"("max_position_embeddings": 8192, "rope_scaling": {"type": "yarn", "factor": 32,
                                "original_max_position_embeddings": 256})",
              16);
  CHECK(plain.magnitude == Approx(1.3465735903));
}

TEST_CASE("config: the real files of many models parse") {
  const auto data = testing::shared_data();
  if (!data) {
    WARN("skipped: no shared test data");
    return;
  }
  int supported = 0, others = 0;
  for (const char* folder : {"hf", "deepseek-native", "gptq"}) {
    for (const auto& entry : std::filesystem::directory_iterator(*data / "configs" / folder)) {
      const std::string name = entry.path().filename().string();
      if (entry.path().extension() != ".json") continue;
      INFO(name);
      const Config config = Config::from_json(testing::read_file(entry.path()), name);
      if (name.find("config.json") == name.npos || !config.contains("model_type")) continue;
      const auto type = config.model_type();
      if (model::find_family(type) != nullptr) {
        CHECK(config.hidden_size() > 0);
        CHECK(config.num_hidden_layers() > 0);
        ++supported;
      } else {
        CHECK_THROWS_AS(config.hidden_size(), UnsupportedError);
        ++others;
      }
    }
  }
  CHECK(supported >= 9);
  CHECK(others >= 4);
}
