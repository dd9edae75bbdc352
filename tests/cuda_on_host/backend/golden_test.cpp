// SPDX-License-Identifier: Apache-2.0
// Every family and every quantised checkpoint of tests/golden on device "cuda", against the logits that are
// stored with them: by the prompt at once, and token by token. Runs on the emulated GPU and on a real one, as
// generation_test.cpp does; the emulated one reads the first tokens of a text only, to take seconds.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "tests/cuda_on_host/backend/story_model.h"
#include "tests/model/expected.h"
#include "tests/support/catch.h"
#include "tests/support/throws.h"

namespace transom::testing {
namespace {

namespace fs = std::filesystem;

const fs::path kGolden = source_directory() / "tests" / "golden";
const fs::path kQuantized = kGolden / "quant";

/// Unit round-offs: of bf16 (weights of bf16 and what they multiply, attention), and of what multiplies
/// integers.
constexpr double kOf8Bits = 0x1p-8, kOf11Bits = 0x1p-11;
/// f32 on either side, as on the CPU; of the largest difference as well.
constexpr double kExact = 2e-4;
/// What the CPU's own test of int8 activations allows: they have a step of a 127th of a row's largest.
constexpr double kInt8Activations = 0.01;

/// Operands of products that one layer rounds. To attend: queries, keys, values and weights.
constexpr std::int64_t kAttention = 4;
/// What goes into the products of queries, keys and values, of the output, of gate and up, of down.
constexpr std::int64_t kProducts = 4;

/// A rounding moves what it rounds, and so a layer's result and the logits, by no more than its unit
/// round-off; roundings are independent, so n of them by the root of n as much in the mean.
double after(std::int64_t roundings, double unit) { return std::sqrt(static_cast<double>(roundings)) * unit; }

/// The last of all positions are read one by one.
constexpr std::size_t kSteps = 8;
/// Positions that the emulated GPU reads: more than any window, and where `prefix_logits` end.
constexpr std::size_t kEmulatedPositions = 60;

bool is_emulated(const Model& model) { return contains(model.info().isa, "CUDA on the host"); }

Model load(const fs::path& directory, Settings settings) {
  Config config = AutoConfig::from_pretrained(directory.string());
  config.update({{"max_context", 512}});
  config.update(settings);
  return AutoModel::from_pretrained(directory.string(), config,
                                    {.device = "cuda", .threads = 1, .pin_threads = false});
}

/// Logits of the ids, row after row: of the last kSteps ids from steps of their own.
std::vector<float> logits_of(const Model& model, std::span<const TokenId> ids) {
  Session session = model.new_session();
  std::vector<float> logits = session.forward(ids.first(ids.size() - kSteps), LogitsFor::all).values;
  for (const TokenId& id : ids.last(kSteps)) {
    const Logits next = session.forward(std::span(&id, 1));
    logits.insert(logits.end(), next.values.begin(), next.values.end());
  }
  return logits;
}

/// The best id of a row, and by how much it leads.
std::pair<std::size_t, double> best(std::span<const float> row) {
  const std::size_t first = static_cast<std::size_t>(std::max_element(row.begin(), row.end()) - row.begin());
  double second = -INFINITY;
  for (std::size_t i = 0; i < row.size(); ++i)
    if (i != first) second = std::max(second, static_cast<double>(row[i]));
  return {first, static_cast<double>(row[first]) - second};
}

/// allowed: difference from `expected` in the mean, and of any logit, over the root mean square of those.
void compare(const std::vector<float>& found, std::span<const float> expected, std::size_t vocab,
             double allowed, double allowed_of_one) {
  REQUIRE(found.size() == expected.size());
  double square = 0, differences = 0, worst = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const double difference = static_cast<double>(found[i]) - static_cast<double>(expected[i]);
    square += std::pow(static_cast<double>(expected[i]), 2);
    differences += difference * difference;
    worst = std::max(worst, std::fabs(difference));
  }
  const double size = std::sqrt(square / static_cast<double>(expected.size()));
  // What is no number makes the mean none, which no bound admits.
  INFO("mean " << std::sqrt(differences / square) << ", largest " << worst / size);
  CHECK(std::sqrt(differences / square) < allowed);
  CHECK(worst / size < allowed_of_one);
  // Greedy tokens, where no such difference could change them.
  std::size_t clear = 0, same = 0;
  for (std::size_t i = 0; i < expected.size(); i += vocab) {
    const auto [id, margin] = best(expected.subspan(i, vocab));
    if (margin <= 2 * allowed_of_one * size) continue;
    ++clear;
    same += best(std::span(found).subspan(i, vocab)).first == id;
  }
  CHECK(clear > 0);
  CHECK(same == clear);
}

/// One logit of a text lies 4 to 10 times as far as their mean, which keeps to 0.7 of what is allowed.
void compare(const std::vector<float>& found, std::span<const float> expected, std::size_t vocab,
             double allowed) {
  compare(found, expected, vocab, allowed, 8 * allowed);
}

}  // namespace

TEST_CASE("cuda golden: logits of every family are transformers', within what is rounded", "[golden]") {
  for (const std::string& name : golden_cases(kGolden)) {
    DYNAMIC_SECTION(name) {
      const Expected expected(kGolden / name);
      std::vector<TokenId> ids = expected.get<TokenId>("input_ids");
      std::vector<float> logits = expected.get<float>("logits");
      const std::size_t vocab = logits.size() / ids.size();
      const Model exact = load(kGolden / name, {{"dtype", "f32"}, {"kv_cache_dtype", "f32"}});
      const std::int64_t layers = exact.info().gpu_layers;
      // Rope that depends on the length of a text has no rows of a longer one; the next test reads all.
      const std::vector<float> prefix = expected.get<float>("prefix_logits");
      if (is_emulated(exact) || !prefix.empty()) {
        ids.resize(kEmulatedPositions);
        logits.resize(ids.size() * vocab);
        if (!prefix.empty()) logits = prefix;
      }
      {
        INFO("f32");
        compare(logits_of(exact, ids), logits, vocab, kExact, kExact);
      }
      {
        INFO("f32 with a cache of bf16");
        const Model model = load(kGolden / name, {{"dtype", "f32"}, {"kv_cache_dtype", "bf16"}});
        compare(logits_of(model, ids), logits, vocab, after(kAttention * layers, kOf8Bits));
      }
      {
        INFO("bf16");
        // With the head's product; twice where the weights are rounded too.
        const std::int64_t products = (kProducts * layers + 1) * (name.ends_with("-bf16") ? 1 : 2);
        const Model model = load(kGolden / name, {{"dtype", "bf16"}});
        compare(logits_of(model, ids), logits, vocab, after(kAttention * layers + products, kOf8Bits));
      }
    }
  }
}

TEST_CASE("cuda golden: greedy texts of f32 are transformers'", "[golden]") {
  for (const std::string& name : golden_cases(kGolden)) {
    DYNAMIC_SECTION(name) {
      const Model model = load(kGolden / name, {{"dtype", "f32"}, {"kv_cache_dtype", "f32"}});
      const Expected expected(kGolden / name);
      std::vector<TokenId> greedy = expected.get<TokenId>("greedy");
      if (is_emulated(model)) {
        // Seconds each: those with texts beyond an original length, and a window.
        if (name != "llama-dynamic" && name != "llama-longrope" && name != "mistral-window") continue;
        greedy.resize(kSteps);
      }
      const GenerationConfig config{.max_new_tokens = static_cast<int>(greedy.size()), .ignore_eos = true};
      CHECK(model.generate(expected.get<TokenId>("input_ids"), config).tokens == greedy);
    }
  }
}

TEST_CASE("cuda golden: logits of every quantised checkpoint are those of its plain weights", "[golden]") {
  for (const std::string& name : golden_cases(kQuantized)) {
    DYNAMIC_SECTION(name) {
      const Expected expected(kQuantized / name);
      const auto ids = expected.get<TokenId>("input_ids");
      const auto logits = expected.get<float>("logits");
      const std::size_t vocab = logits.size() / ids.size();
      const auto with = [&](const char* activations) {
        return load(kQuantized / name,
                    {{"activation_dtype", activations}, {"dtype", "f32"}, {"kv_cache_dtype", "f32"}});
      };
      const Model model = with("f32");
      const double allowed = after(kProducts * model.info().gpu_layers + 1, kOf11Bits);
      const std::vector<float> found = logits_of(model, ids);
      compare(found, logits, vocab, allowed);
      const std::vector<float> in_int8 = logits_of(with("int8"), ids);
      compare(in_int8, logits, vocab, kInt8Activations);
      // Only integers of 8 bits are multiplied so.
      const bool eight = contains(name, "w8") || name == "gptq-mixed";
      CHECK((in_int8 != found) == eight);
    }
  }
}

}  // namespace transom::testing
