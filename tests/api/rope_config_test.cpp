// SPDX-License-Identifier: Apache-2.0
// Rotary embedding in configurations: which spelling wins, what a caller may change, how far a text may go.
#include "model/family.h"
#include "model/sequence/sequence.h"
#include "tests/support/catch.h"
#include "tests/support/paths.h"
#include "tests/support/throws.h"
#include "transom/transom.h"

using namespace transom;
using transom::testing::contains;
using transom::testing::error_of;
using Map = Value::Map;
using model::RopeSpec;
using model::RopeType;

namespace {

const Map kYarn = {{"rope_type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 32768}};

Config qwen2(const std::string& more = "") {
  return Config::from_json(
      R"({"model_type": "qwen2", "num_hidden_layers": 2, "max_position_embeddings": 32768)" + more + "}");
}

const char* kNested = R"(, "layer_types": ["sliding_attention", "full_attention"], "use_sliding_window": true,
    "sliding_window": 8, "rope_parameters": {"sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
                                             "full_attention": {"rope_type": "linear", "factor": 2, "rope_theta": 1e6}})";

/// The rope of a layer.
RopeSpec rope_of(const Config& config, std::size_t layer = 0) {
  const model::ModelSpec spec = model::read_spec(config);
  return spec.ropes[spec.layers[layer].rope];
}

std::int64_t context_of(const Config& config) { return model::default_context(model::read_spec(config)); }

std::string refusal(const Value& scaling, const char* key = "rope_scaling") {
  Config config = qwen2(R"(, "rope_parameters": {"rope_type": "default", "rope_theta": 1e6})");
  const std::string before = config.to_json();
  const std::string error = error_of<InvalidArgument>([&] { config.update({{key, scaling}}); });
  CHECK(config.to_json() == before);
  return error;
}

}  // namespace

TEST_CASE("rope keys: of two spellings in one file rope_scaling wins, and keeps the theta") {
  const Config both = qwen2(R"(, "rope_scaling": {"rope_type": "linear", "factor": 2.0},
                               "rope_parameters": {"rope_type": "default", "rope_theta": 1e6})");
  CHECK(rope_of(both).type == RopeType::linear);
  CHECK(rope_of(both).theta == 1e6);
  const Config empty =
      qwen2(R"(, "rope_scaling": {}, "rope_parameters": {"rope_type": "yarn", "factor": 2.0})");
  CHECK(rope_of(empty).type == RopeType::yarn);
}

TEST_CASE("rope keys: a change is what get() gives") {
  Config config = qwen2(R"(, "rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e6})");
  config.update({{"rope_scaling", kYarn}});
  CHECK(config.get("rope_scaling") == Value(kYarn));
  CHECK(config.rope_theta() == 1e6);
  CHECK_FALSE(config.contains("rope_parameters"));
  config.update({{"rope_theta", 5e5}});
  CHECK(rope_of(config).type == RopeType::yarn);
  CHECK(config.rope_theta() == 5e5);
  config.update({{"rope_scaling", nullptr}});
  CHECK(config.get("rope_scaling").is_null());
  CHECK(rope_of(config).type == RopeType::standard);
  CHECK(config.rope_theta() == 5e5);
  // The newer spelling may be set as well.
  config.update({{"rope_parameters", Map{{"rope_type", "linear"}, {"factor", 8}, {"rope_theta", 1e5}}}});
  CHECK(rope_of(config).factor == 8);
  CHECK(config.rope_theta() == 1e5);
}

TEST_CASE("rope keys: a theta that the file keeps inside rope_scaling can be changed") {
  Config config = qwen2(R"(, "rope_scaling": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e6})");
  CHECK(config.rope_theta() == 1e6);
  config.update({{"rope_theta", 5e5}});
  CHECK(config.rope_theta() == 5e5);
  CHECK(rope_of(config).factor == 2);
}

TEST_CASE("rope keys: a new scaling leaves the theta wherever the file keeps it") {
  for (const char* file :
       {R"(, "rope_theta": 1e6, "rope_scaling": {"rope_type": "linear", "factor": 2.0})",
        R"(, "rope_scaling": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e6})",
        R"(, "rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e6})",
        R"(, "rope_theta": 1e6, "rope_parameters": {"rope_type": "linear", "factor": 2.0})",
        R"(, "rope_theta": 1e4, "rope_parameters": {"rope_type": "default", "rope_theta": 1e6})",
        R"(, "rope_theta": 1e6, "rope_parameters": {"rope_type": "default", "rope_theta": null})",
        R"(, "rope_theta": null, "rope_parameters": {"rope_type": "default", "rope_theta": 1e6})",
        R"(, "rope_scaling": {"rope_type": "linear", "factor": 2.0},
                               "rope_parameters": {"rope_type": "default", "rope_theta": 1e6})"}) {
    INFO(file);
    Config config = qwen2(file);
    CHECK(config.rope_theta() == 1e6);
    Config newer = config, both = config;
    config.update({{"rope_scaling", kYarn}});
    CHECK(config.rope_theta() == 1e6);
    CHECK(rope_of(config).type == RopeType::yarn);
    newer.update({{"rope_parameters", kYarn}});
    CHECK(rope_of(newer) == rope_of(config));
    both.update({{"rope_scaling", kYarn}, {"rope_parameters", Map{{"rope_type", "linear"}, {"factor", 3}}}});
    CHECK(rope_of(both) == rope_of(config));
    newer.update({{"rope_parameters", Map{{"rope_type", "default"}, {"rope_theta", 300.0}}}});
    CHECK(newer.rope_theta() == 300);
  }
  // The newer spelling wins over a scaling that the file has in the older one.
  Config config = qwen2(R"(, "rope_scaling": {"rope_type": "linear", "factor": 2.0})");
  config.update({{"rope_parameters", kYarn}});
  CHECK(rope_of(config).type == RopeType::yarn);
}

TEST_CASE("rope keys: parameters of each kind of layer are changed together or one by one") {
  Config flat = qwen2(kNested), one = qwen2(kNested), theta = qwen2(kNested), none = qwen2(kNested);
  flat.update({{"rope_scaling", kYarn}});
  for (const std::size_t layer : {0, 1}) {
    CHECK(rope_of(flat, layer).type == RopeType::yarn);
    CHECK(rope_of(flat, layer).theta == (layer == 0 ? 1e4 : 1e6));
  }
  one.update({{"rope_scaling", Map{{"full_attention", kYarn}}}});
  CHECK(rope_of(one, 0) == rope_of(qwen2(kNested), 0));
  CHECK(rope_of(one, 1).type == RopeType::yarn);
  CHECK(rope_of(one, 1).theta == 1e6);
  theta.update({{"rope_theta", 5e5}});
  CHECK(rope_of(theta, 0).theta == 5e5);
  CHECK(rope_of(theta, 1).theta == 5e5);
  CHECK(rope_of(theta, 1).type == RopeType::linear);
  none.update({{"rope_scaling", nullptr}});
  CHECK(rope_of(none, 1).type == RopeType::standard);
  CHECK(rope_of(none, 1).theta == 1e6);
  theta.update({{"rope_theta", 4e5}});  // once more, of what is rope_scaling by now
  CHECK(rope_of(theta, 0).theta == 4e5);
}

TEST_CASE("rope keys: maps that scale nothing say which key, what was expected and what was found") {
  CHECK(contains(refusal("yarn"), "rope_scaling: expected a map, found \"yarn\""));
  CHECK(contains(refusal(Map{{"rope_type", "yarn"}}), "rope_scaling.factor: expected a positive number"));
  CHECK(contains(refusal(Map{{"rope_type", "yarn"}, {"fator", 4.0}}), "rope_scaling.fator: expected one of"));
  CHECK(contains(refusal(Map{{"factor", 4.0}}), "rope_scaling.rope_type: expected a rope type, found none"));
  CHECK(contains(refusal(Map{{"rope_type", 7}}), "rope_scaling.rope_type: expected a string, found 7"));
  CHECK(contains(refusal(Map{{"rope_type", "linear"}, {"factor", -1}}),
                 "rope_scaling.factor: expected a positive"));
  CHECK(contains(refusal(Map{{"rope_type", "linear"}, {"factor", "4"}}), "expected a number, found \"4\""));
  CHECK(contains(refusal(Map{{"rope_type", "llama3"}, {"factor", 8}}), "rope_scaling.low_freq_factor"));
  CHECK(contains(refusal(Map{{"rope_type", "yarn"}, {"factor", 4}, {"truncate", 1}}),
                 "rope_scaling.truncate: expected true or false, found 1"));
  CHECK(contains(refusal(Map{{"rope_type", "longrope"}, {"short_factor", Value::List{1}}}),
                 "rope_scaling.short_factor: expected 64 numbers (half the rotary dimensions), found 1"));
  CHECK(
      contains(refusal(Map{{"full_attention", 3}}), "rope_scaling.full_attention: expected a map, found 3"));
  CHECK(contains(refusal(Map{{"rope_type", "yarn"}, {"fator", 4.0}}, "rope_parameters"),
                 "rope_parameters.fator: expected one of"));
  CHECK(contains(refusal("wide", "rope_theta"), "rope_theta: expected a number"));
  CHECK(contains(error_of<UnsupportedError>([] {
                   qwen2().update({{"rope_scaling", Map{{"rope_type", "spiral"}}}});
                 }),
                 "rope_scaling.rope_type: \"spiral\" is not supported"));
}

TEST_CASE("rope keys: an original length that is set wins over the one beside it in the file") {
  const auto original = [](const Config& config, std::size_t layer = 0) {
    return rope_of(config, layer).original_max_position;
  };
  const std::string beside = R"(, "original_max_position_embeddings": 4096)";
  const Map bare = {{"rope_type", "yarn"}, {"factor", 4.0}};
  Config file = qwen2(beside);
  CHECK(original(file) == 4096);
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    INFO(key);
    Config own = file, none = file, both = file;
    own.update({{key, kYarn}});
    CHECK(original(own) == 32768);
    CHECK(context_of(own) == 131072);
    CHECK(original(Config::from_json(own.to_json())) == 32768);
    own.update({{"original_max_position_embeddings", 2048}});
    CHECK(original(own) == 2048);
    none.update({{key, bare}});
    CHECK(original(none) == 4096);
    both.update({{key, kYarn}, {"original_max_position_embeddings", 1024}});
    CHECK(original(both) == 1024);
  }
  // Of layers that were given none the file's stays.
  Config nested = qwen2(kNested + beside), parameters = nested;
  nested.update({{"rope_scaling", Map{{"full_attention", kYarn}}}});
  CHECK(original(nested, 0) == 4096);
  CHECK(original(nested, 1) == 32768);
  parameters.update({{"rope_parameters", Map{{"full_attention", kYarn}, {"sliding_attention", bare}}}});
  CHECK(original(parameters, 0) == 4096);
  CHECK(original(parameters, 1) == 32768);
}

TEST_CASE("rope keys: kinds of layers that a map may name") {
  CHECK(contains(refusal(Map{{"full_atention", kYarn}, {"full_attention", kYarn}}),
                 "rope_scaling.full_atention: expected full_attention or sliding_attention"));
  CHECK(contains(refusal(Map{{"full_attention", kYarn}, {"factor", 2}}),
                 "rope_scaling.factor: expected full_attention or sliding_attention"));
  // All layers of this one are full.
  CHECK(contains(refusal(Map{{"sliding_attention", kYarn}}),
                 "rope_scaling: expected parameters of full_attention, as all layers are, found those of "
                 "sliding_attention"));
  CHECK(contains(refusal(Map{{"sliding_attention", kYarn}}, "rope_parameters"), "rope_parameters: expected"));
  CHECK(contains(error_of<FormatError>([] {
                   model::read_spec(
                       qwen2(R"(, "rope_parameters": {"sliding_attention": {"rope_theta": 9}})"));
                 }),
                 "rope_parameters: expected parameters of full_attention"));
  CHECK_NOTHROW(qwen2().update({{"rope_scaling", Map{{"sliding_attention", Map{{"rope_type", "default"}}},
                                                     {"full_attention", kYarn}}}}));
  // A kind that the file has not is added to those that it has.
  Config config = qwen2(
      R"(, "layer_types": ["sliding_attention", "full_attention"], "use_sliding_window": true, "sliding_window": 8,
           "rope_parameters": {"sliding_attention": {"rope_type": "linear", "factor": 2, "rope_theta": 1e4}})");
  config.update({{"rope_scaling", Map{{"full_attention", kYarn}}}});
  CHECK(rope_of(config, 0).type == RopeType::linear);
  CHECK(rope_of(config, 0).theta == 1e4);
  CHECK(rope_of(config, 1).type == RopeType::yarn);
}

TEST_CASE("rope keys: what the file says may be set again") {
  for (const char* file :
       {R"(, "rope_scaling": {"rope_type": "linear", "factor": 2.0, "finetuned": true}, "rope_theta": 1e6)",
        R"(, "rope_scaling": {"factor": 2.0})", R"(, "rope_scaling": {"fator": 2.0}, "rope_theta": 1e5)",
        R"(, "rope_scaling": null, "rope_parameters": {"rope_type": "linear", "factor": 2, "finetuned": 1})",
        R"(, "rope_theta": 1e4, "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "note": "x"})",
        R"(, "original_max_position_embeddings": 64, "rope_scaling": {"rope_type": "yarn", "factor": 2,
             "original_max_position_embeddings": 128})",
        R"(, "layer_types": ["sliding_attention", "full_attention"], "use_sliding_window": true,
             "sliding_window": 8, "rope_parameters": {"sliding_attention": {"factor": 2},
             "chunked_attention": {"rope_type": "x"}, "full_attention": {"rope_type": "linear", "factor": 3}})"}) {
    INFO(file);
    const Config own = qwen2(file);
    Config whole = own, one = own, changed = own;
    CHECK_NOTHROW(whole.update_from_json(own.to_json()));
    CHECK(whole.to_json() == own.to_json());
    const bool newer = !own.contains("rope_scaling") || own.get("rope_scaling").is_null();
    const char* key = newer ? "rope_parameters" : "rope_scaling";
    CHECK_NOTHROW(one.update({{"rope_scaling", own.get(key)}}));
    CHECK(rope_of(one, 1).type == rope_of(own, 1).type);
    CHECK(rope_of(one, 1).theta == rope_of(own, 1).theta);
    // A member that means nothing may stay when others change.
    Map map = own.get(key).as<Map>();
    const auto note = map.find("finetuned");
    if (note == map.end()) continue;
    CHECK_NOTHROW(changed.update({{"rope_scaling", Map{{"rope_type", "linear"}, {"factor", 7}, *note}}}));
    CHECK(rope_of(changed).factor == 7);
  }
  // As in a file, rope_parameters count where rope_scaling says nothing.
  Config config = qwen2();
  config.update({{"rope_scaling", nullptr}, {"rope_parameters", kYarn}});
  CHECK(rope_of(config).type == RopeType::yarn);
}

TEST_CASE("rope keys: the context follows the scaling") {
  const auto scaled = [](const Map& scaling) {
    Config config = qwen2(R"(, "rope_parameters": {"rope_type": "default", "rope_theta": 1e6})");
    config.update({{"rope_scaling", scaling}});
    CHECK(config.max_position_embeddings() == 32768);
    return context_of(config);
  };
  CHECK(context_of(qwen2()) == 32768);
  CHECK(scaled(kYarn) == 131072);
  CHECK(scaled({{"rope_type", "yarn"}, {"factor", 4.0}}) == 131072);
  // What the file says that it can read counts: DeepSeek's files say the stretched length.
  CHECK(scaled({{"rope_type", "yarn"}, {"factor", 8}, {"original_max_position_embeddings", 4096}}) == 32768);
  CHECK(scaled({{"rope_type", "yarn"}, {"factor", 2}, {"original_max_position_embeddings", 4096}}) == 32768);
  CHECK(scaled({{"rope_type", "linear"}, {"factor", 2.5}}) == 81920);
  CHECK(scaled({{"rope_type", "dynamic"}, {"factor", 2}}) == 65536);
  CHECK(scaled({{"rope_type", "llama3"}, {"factor", 8}, {"low_freq_factor", 1}, {"high_freq_factor", 4}}) ==
        32768);
  Config bounded = qwen2();
  bounded.update({{"rope_scaling", kYarn}, {"max_context", 1000}});
  CHECK(context_of(bounded) == 1000);
  Config windowed = qwen2();
  windowed.update({{"rope_scaling", kYarn}, {"attention_window", 64}});
  CHECK(context_of(windowed) == model::kUnbounded);

  auto config = AutoConfig::from_pretrained(testing::tinystories().string());
  const std::int64_t own = config.max_position_embeddings();
  config.update({{"rope_scaling", Map{{"rope_type", "yarn"}, {"factor", 2.0}}}});
  const Model model = AutoModel::from_pretrained(testing::tinystories().string(), config, {.threads = 2});
  const std::vector<TokenId> ids(static_cast<std::size_t>(2 * own), 5);
  Session session = model.new_session();
  CHECK_NOTHROW(session.forward(ids));
  CHECK(contains(error_of<InvalidArgument>([&] { session.forward(std::span(ids).first(1)); }),
                 "holds " + std::to_string(2 * own)));
}
