// SPDX-License-Identifier: Apache-2.0
// Rotary embedding in configurations: numbers of which no model could be made.
#include <limits>

#include "tests/support/catch.h"
#include "tests/support/throws.h"
#include "transom/transom.h"

using namespace transom;
using transom::testing::contains;
using transom::testing::error_of;
using Map = Value::Map;

namespace {

Config qwen2(const std::string& more = "") {
  return Config::from_json(
      R"({"model_type": "qwen2", "num_hidden_layers": 2, "max_position_embeddings": 32768)" + more + "}");
}

/// What is said of a rope_scaling with one member set to a value.
std::string refusal(Map scaling, const char* key, const Value& value) {
  scaling.insert_or_assign(key, value);
  return error_of<InvalidArgument>([&] { qwen2().update({{"rope_scaling", scaling}}); });
}

}  // namespace

TEST_CASE("rope keys: numbers that would leave no finite logits") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  const Value::List ones(64, 1.0);
  const Map yarn = {{"rope_type", "yarn"}, {"factor", 4.0}};
  const Map longrope = {{"rope_type", "longrope"}, {"short_factor", ones}, {"long_factor", ones}};
  for (const Map& map : {yarn, longrope}) {
    for (const double factor : {1e300, 1e39, 0.0, -1.0})
      CHECK(contains(refusal(map, "attention_factor", factor),
                     "rope_scaling.attention_factor: expected a number from 0.001 to 1000, found "));
    CHECK(contains(refusal(map, "attention_factor", nan), "expected a finite number, found NaN"));
    CHECK(contains(refusal(map, "original_max_position_embeddings", 1.5),
                   "rope_scaling.original_max_position_embeddings: expected an integer, found 1.5"));
    CHECK(contains(refusal(map, "original_max_position_embeddings", nan), "expected an integer, found NaN"));
    CHECK(contains(refusal(map, "original_max_position_embeddings", 0), "found 0"));
    CHECK(contains(refusal(map, "partial_rotary_factor", 1e300),
                   "rope_scaling.partial_rotary_factor: expected a number from 0 to 1, found 1e+300"));
    CHECK(contains(refusal(map, "rope_theta", -inf), "rope_scaling.rope_theta: expected a finite number"));
  }
  for (const char* key : {"mscale", "mscale_all_dim"}) {
    CHECK(contains(refusal(yarn, key, 1e300), std::string(key) + ": expected a number from 0 to 300"));
    CHECK(contains(refusal(yarn, key, -7.213475204444817), std::string(key) + ": expected a number from 0"));
  }
  CHECK(contains(refusal(longrope, "original_max_position_embeddings", 1),
                 "rope_scaling.original_max_position_embeddings: expected an integer from 2 "));
  Config one = qwen2(R"(, "original_max_position_embeddings": 1)");
  CHECK(contains(error_of<InvalidArgument>([&] {
                   one.update({{"rope_scaling", longrope}});
                 }),
                 "original_max_position_embeddings: expected an integer from 2 "));
  for (const Value& bad : {Value(1e-320), Value(inf), Value(nan), Value(0), Value(-1), Value("1"), Value()}) {
    Value::List list = ones;
    list[3] = bad;
    const std::string found = bad == Value(inf) ? "Infinity" : bad.is_number() ? "" : bad.to_json();
    for (const char* key : {"short_factor", "long_factor"})
      CHECK(contains(refusal(longrope, key, list),
                     std::string("rope_scaling.") + key +
                         "[3]: expected a positive number from 1e-6 to 1e12, found " + found));
  }
}
