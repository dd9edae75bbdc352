// SPDX-License-Identifier: Apache-2.0
// Rotary embedding that a caller changes, and that changes as a text grows, against transformers:
// tests/golden/rope.
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "io/json.h"
#include "model/family.h"
#include "model/layers/rope.h"
#include "tests/model/expected.h"
#include "tests/support/catch.h"
#include "transom/transom.h"

namespace {

using transom::Config;
using transom::io::Json;
using transom::testing::Expected;
namespace fs = std::filesystem;

const fs::path kGolden = fs::path(TRANSOM_SOURCE_DIR) / "tests" / "golden";

double largest_difference(std::span<const float> a, std::span<const float> b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i)
    worst = std::max(worst, std::fabs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  return worst;
}

transom::Model load(const std::string& name, const transom::Value::Map& changes) {
  Config config = transom::AutoConfig::from_pretrained((kGolden / name).string());
  config.update({{"dtype", "f32"}, {"kv_cache_dtype", "f32"}, {"max_context", 512}});
  config.update(changes);
  return transom::AutoModel::from_pretrained((kGolden / name).string(), config,
                                             {.threads = 2, .pin_threads = false});
}

std::vector<float> logits_of(const transom::Model& model, std::span<const transom::TokenId> ids) {
  return model.new_session().forward(ids, transom::LogitsFor::all).values;
}

}  // namespace

TEST_CASE("rope: what a caller changes has transformers' frequencies, however the file is spelled") {
  const Json golden = Json::parse_file(kGolden / "rope" / "overrides.json");
  std::size_t cases = 0;
  for (const Json& c : golden.find("cases")->as_array("cases")) {
    const std::string update = c.find("update")->as_string("update");
    INFO(c.find("name")->as_string("name") << ": " << update);
    const std::vector<Json>& expected = c.find("inv_freq")->as_array("inv_freq");
    for (const Json& file : c.find("files")->as_array("files")) {
      const std::string text = file.as_string("file");
      INFO(text);
      Config config = Config::from_json(text);
      config.update_from_json(update);
      const transom::model::RopeSpec rope = transom::model::read_spec(config).ropes.front();
      REQUIRE(rope.rotary_dim == static_cast<std::int64_t>(2 * expected.size()));
      std::vector<float> inv_freq(expected.size());
      transom::model::compute_inv_freq(rope, c.find("length")->as_int("length"), inv_freq);
      for (std::size_t j = 0; j < expected.size(); ++j)
        REQUIRE(static_cast<double>(inv_freq[j]) == Approx(expected[j].as_double("inv_freq")).epsilon(1e-5));
      CHECK(rope.magnitude == Approx(c.find("magnitude")->as_double("magnitude")).epsilon(1e-9));
      // What was written out reads back as the same model.
      CHECK(transom::model::read_spec(Config::from_json(config.to_json())).ropes.front() == rope);
      ++cases;
    }
  }
  CHECK(cases >= 36);
}

TEST_CASE("rope: a changed scaling reaches the logits") {
  for (const std::string name : {"mistral-yarn-full", "llama-linear-v4", "qwen2-layer-types"}) {
    INFO(name);
    const Config own = transom::AutoConfig::from_pretrained((kGolden / name).string());
    const std::string key = own.contains("rope_parameters") ? "rope_parameters" : "rope_scaling";
    transom::Value::Map scaling = own.get(key).as<transom::Value::Map>();
    scaling.erase("rope_theta");
    const Expected expected(kGolden / name);
    const auto ids = expected.get<transom::TokenId>("input_ids");
    const auto logits = expected.get<float>("logits");
    CHECK(largest_difference(logits_of(load(name, {{"rope_scaling", scaling}}), ids), logits) < 5e-4);
    CHECK(largest_difference(logits_of(load(name, {{"rope_scaling", nullptr}}), ids), logits) > 0.05);
    CHECK(largest_difference(logits_of(load(name, {{"rope_theta", 300.0}}), ids), logits) > 0.05);
  }
}

TEST_CASE("rope: cached keys stay as they were rotated when a text grows past a switch of frequencies") {
  const Expected expected(kGolden / "rope", "switch.safetensors");
  const std::vector<std::pair<std::string, std::vector<std::size_t>>> histories = {
      {"tokens",
       [] {
         std::vector<std::size_t> pieces(35, 1);
         pieces[0] = 56;
         return pieces;
       }()},
      {"pieces", {40, 30, 20}}};
  for (const std::string name : {"llama-dynamic", "llama-longrope"}) {
    const auto ids = Expected(kGolden / name).get<transom::TokenId>("input_ids");
    const transom::Model model = load(name, {});
    for (const auto& [history, pieces] : histories) {
      INFO(name << " " << history);
      transom::Session session = model.new_session();
      std::vector<float> actual;
      std::size_t at = 0;
      for (const std::size_t piece : pieces) {
        const auto rows = session.forward(std::span(ids).subspan(at, piece), transom::LogitsFor::all).values;
        actual.insert(actual.end(), rows.begin(), rows.end());
        at += piece;
      }
      const auto wanted = expected.get<float>(name + "." + history);
      REQUIRE(wanted.size() > 0);
      CHECK(largest_difference(actual, wanted) < 5e-4);
      // As one piece it is another text: all keys are rotated alike.
      CHECK(largest_difference(logits_of(model, std::span(ids).first(at)), wanted) > 0.05);
    }
  }
}
