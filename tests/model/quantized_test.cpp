// SPDX-License-Identifier: Apache-2.0
// Checkpoints that other tools quantised: tests/golden/quant says how they and the expected numbers were
// made.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include "model/quant/quantized_module.h"
#include "model/weights/weight_source.h"
#include "tests/model/expected.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"
#include "transom/transom.h"

namespace transom::testing {
namespace {

namespace fs = std::filesystem;

const fs::path kQuantized = fs::path(TRANSOM_SOURCE_DIR) / "tests" / "golden" / "quant";

Model load(const fs::path& directory, const char* activations) {
  Config config = AutoConfig::from_pretrained(directory.string());
  config.update({{"activation_dtype", activations}, {"kv_cache_dtype", "f32"}, {"dtype", "f32"}});
  return AutoModel::from_pretrained(directory.string(), config, {.threads = 2, .pin_threads = false});
}

struct Difference {
  double worst = 0, mean_square = 0, largest = 0, square = 0;
};

Difference compare(const std::vector<float>& actual, const std::vector<float>& expected) {
  REQUIRE(actual.size() == expected.size());
  Difference difference;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double error = std::fabs(static_cast<double>(actual[i]) - static_cast<double>(expected[i]));
    difference.worst = std::max(difference.worst, error);
    difference.mean_square += error * error;
    difference.square += std::pow(static_cast<double>(expected[i]), 2);
    difference.largest = std::max(difference.largest, std::fabs(static_cast<double>(expected[i])));
  }
  return difference;
}

/// weight times probe, from what the reader yields, two ranges of rows at a time.
std::vector<double> product(const model::QuantizedModule& module, std::int64_t rows, std::int64_t cols,
                            const std::vector<float>& probe) {
  const std::int64_t groups = module.format.groups(cols);
  const std::int64_t size = module.format.group_size == 0 ? cols : module.format.group_size;
  std::vector<double> result;
  for (const std::int64_t first : {std::int64_t{0}, rows / 3}) {
    const std::int64_t n = first == 0 ? rows / 3 : rows - first;
    std::vector<std::uint8_t> values(static_cast<std::size_t>(n * cols)),
        zeros(static_cast<std::size_t>(n * groups));
    std::vector<float> scales(static_cast<std::size_t>(n * groups));
    module.reader(first, n,
                  {values.data(), scales.data(), module.format.zero_points ? zeros.data() : nullptr});
    for (std::int64_t row = 0; row < n; ++row) {
      double sum = 0;
      for (std::int64_t i = 0; i < cols; ++i) {
        const auto group = static_cast<std::size_t>(row * groups + i / size);
        const int zero = module.format.zero_points ? zeros[group] : 1 << (module.format.bits - 1);
        const std::int64_t input =
            module.input_order.empty() ? i : module.input_order[static_cast<std::size_t>(i)];
        const int q = values[static_cast<std::size_t>(row * cols + i)];
        REQUIRE(q < 1 << module.format.bits);
        sum += static_cast<double>(scales[group] * static_cast<float>(q - zero)) *
               static_cast<double>(probe[static_cast<std::size_t>(input)]);
      }
      result.push_back(sum);
    }
  }
  return result;
}

}  // namespace

TEST_CASE("quantised: there are cases for every width, grouping, order and layout") {
  const auto names = golden_cases(kQuantized);
  for (const std::string width : {"w8", "w4", "w3", "w2"}) {
    for (const std::string group : {"row", "g32", "g64", "g128"})
      CHECK(std::count(names.begin(), names.end(), "gptq-" + width + "-" + group) == 1);
  }
  CHECK(names.size() >= 25);
}

TEST_CASE("quantised: readers yield the numbers that the files stand for") {
  for (const std::string& name : golden_cases(kQuantized)) {
    DYNAMIC_SECTION(name) {
      const Expected expected(kQuantized / name);
      const auto probe = expected.get<float>("probe");
      model::CheckpointSource source(std::make_shared<io::Checkpoint>(kQuantized / name));
      std::size_t modules = 0;
      for (const io::StoredTensor& tensor : expected.tensors()) {
        if (!tensor.name.ends_with("_proj") && tensor.name != "lm_head") continue;
        ++modules;
        const auto rows = tensor.shape[0];
        const auto cols = tensor.name.ends_with("down_proj") ? static_cast<std::int64_t>(probe.size()) : 128;
        const auto module = model::find_quantized_module(source, {tensor.name, rows, cols});
        REQUIRE(module);
        const std::vector<double> actual = product(*module, rows, cols, probe);
        const auto wanted = expected.get<float>(tensor.name);
        double worst = 0;
        for (std::size_t i = 0; i < wanted.size(); ++i)
          worst = std::max(worst, std::fabs(actual[i] - static_cast<double>(wanted[i])));
        INFO(tensor.name);
        CHECK(worst < 1e-5);
      }
      CHECK(modules >= 7);
    }
  }
}

TEST_CASE("quantised: exact logits equal those of the plain weights") {
  for (const std::string& name : golden_cases(kQuantized)) {
    DYNAMIC_SECTION(name) {
      const Expected expected(kQuantized / name);
      const auto ids = expected.get<TokenId>("input_ids");
      const auto wanted = expected.get<float>("logits");
      const Model model = load(kQuantized / name, "f32");
      const Difference difference = compare(model.new_session().forward(ids, LogitsFor::all).values, wanted);
      CHECK(difference.worst < 1e-4);
      // One by one: the products of one row take other kernels.
      Session session = model.new_session();
      std::vector<float> steps;
      for (const TokenId id : ids) {
        const Logits logits = session.forward(std::span(&id, 1));
        steps.insert(steps.end(), logits.values.begin(), logits.values.end());
      }
      CHECK(compare(steps, wanted).worst < 1e-4);
    }
  }
}

TEST_CASE("quantised: activations in int8 move the logits by less than one percent") {
  for (const std::string& name : golden_cases(kQuantized)) {
    DYNAMIC_SECTION(name) {
      const Expected expected(kQuantized / name);
      const auto ids = expected.get<TokenId>("input_ids");
      const Model model = load(kQuantized / name, "int8");
      const Difference difference =
          compare(model.new_session().forward(ids, LogitsFor::all).values, expected.get<float>("logits"));
      INFO("worst " << difference.worst << " of " << difference.largest);
      CHECK(std::sqrt(difference.mean_square / difference.square) < 0.01);
      CHECK(difference.worst > 0);
    }
  }
}

TEST_CASE("quantised: a saved copy is the same checkpoint") {
  const TemporaryDirectory target;
  for (const std::string name : {"gptq-mixed", "compressed-w4a16-g32"}) {
    const Model model = load(kQuantized / name, "f32");
    model.save_pretrained(target.path() / name);
    const Model saved = load(target.path() / name, "f32");
    const auto ids = Expected(kQuantized / name).get<TokenId>("input_ids");
    CHECK(saved.new_session().forward(ids).values == model.new_session().forward(ids).values);
    CHECK(saved.info().weight_bytes == model.info().weight_bytes);
  }
}

}  // namespace transom::testing
