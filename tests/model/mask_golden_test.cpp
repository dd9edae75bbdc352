// SPDX-License-Identifier: Apache-2.0
// What each layer sees, token by token, against the masks of transformers: tests/golden/masks.
#include <filesystem>
#include <string>
#include <vector>

#include "backend/ops.h"
#include "backend/registry.h"
#include "io/json.h"
#include "model/cache/kv_cache.h"
#include "model/family.h"
#include "model/layers/decoder_block.h"
#include "tests/support/catch.h"
#include "transom/config.h"

namespace {

using transom::DType;
using transom::core::TensorView;
using transom::io::Json;
using transom::model::ModelSpec;

/// What attention of one layer really visits, a row of '0' and '1' a token. Keys are equal, and the value of
/// a position is one-hot in it: what comes out shows which positions had a weight.
std::vector<std::string> visited(const ModelSpec& spec, std::size_t layer, std::int64_t tokens,
                                 transom::backend::Backend& backend) {
  constexpr std::int64_t kChunk = 13;
  REQUIRE(spec.head_dim == tokens);
  ModelSpec one_layer = spec;
  one_layer.layers = {spec.layers[layer]};
  // A context beyond the text, so that a window has a ring that comes round.
  transom::model::KvCache cache(one_layer, DType::f32, 1000, kChunk, transom::model::Placement(backend, 1));
  cache.make_writable(0, tokens);
  backend.reserve({kChunk, spec.n_heads, spec.n_kv_heads, spec.head_dim});
  const auto size = [](std::int64_t n) { return static_cast<std::size_t>(n); };
  std::vector<float> q(size(kChunk * spec.n_heads * tokens)),
      k(size(kChunk * spec.n_kv_heads * tokens), 1.0f);
  std::vector<float> v(k.size()), dst(q.size());
  std::vector<std::string> rows;
  for (std::int64_t first = 0; first < tokens; first += kChunk) {
    const std::int64_t n = std::min(kChunk, tokens - first);
    std::fill(v.begin(), v.end(), 0.0f);
    for (std::int64_t i = 0; i < n * spec.n_kv_heads; ++i)
      v[size(i * tokens + first + i / spec.n_kv_heads)] = 1.0f;
    const auto heads = [&](std::vector<float>& data, std::int64_t count) {
      return TensorView::dense(data.data(), DType::f32, {n, count, tokens});
    };
    transom::backend::AttentionParams params = attention_params(spec, layer);
    params.first_position = first;
    backend.execute([&] {
      transom::backend::ops::kv_append(backend, heads(k, spec.n_kv_heads), heads(v, spec.n_kv_heads), first,
                                       cache.layer(0));
      transom::backend::ops::attention(backend, heads(q, spec.n_heads), nullptr, cache.layer(0), params,
                                       heads(dst, spec.n_heads));
    });
    for (std::int64_t i = 0; i < n; ++i) {
      std::string row;
      for (std::int64_t p = 0; p < tokens; ++p)
        row += dst[size(i * spec.n_heads * tokens + p)] > 1e-3f ? '1' : '0';
      rows.push_back(row);
    }
  }
  return rows;
}

}  // namespace

TEST_CASE("masks: every layer of every family sees what transformers lets it see") {
  const std::filesystem::path folder =
      std::filesystem::path(TRANSOM_SOURCE_DIR) / "tests" / "golden" / "masks";
  const Json golden = Json::parse_file(folder / "masks.json");
  const std::int64_t tokens = golden.find("tokens")->as_int("tokens");
  std::vector<std::vector<std::string>> masks;
  for (const Json& mask : golden.find("masks")->as_array("masks")) {
    masks.emplace_back();
    for (const Json& row : mask.as_array("mask")) masks.back().push_back(row.as_string("row"));
  }
  const auto backend = transom::backend::open_backend("cpu", {.threads = 2, .pin_threads = false});
  std::size_t layers = 0;
  for (const Json& c : golden.find("cases")->as_array("cases")) {
    INFO(c.find("name")->as_string("name"));
    const ModelSpec spec =
        transom::model::read_spec(transom::Config::from_json(c.find("config")->as_string("config")));
    const std::vector<Json>& expected = c.find("layers")->as_array("layers");
    REQUIRE(spec.layers.size() == expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i, ++layers) {
      INFO("layer " << i << ", window " << spec.layers[i].window);
      CHECK(visited(spec, i, tokens, *backend) ==
            masks[static_cast<std::size_t>(expected[i].as_int("mask"))]);
    }
  }
  CHECK(masks.size() >= 5);
  CHECK(layers >= 100);
}
