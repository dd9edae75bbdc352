// SPDX-License-Identifier: Apache-2.0
// Tokens that kernels choose against those that the sampler of the host chooses from the same logits by the
// same draws: the sampler is the reference, and nothing may differ.
#include "kernels/cuda/choose.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "generation/sampling/sampler.h"
#include "kernels/common/token_weight.h"
#include "tests/cuda_on_host/device_array.h"
#include "tests/cuda_on_host/engine/execution.h"
#include "tests/kernels/support.h"
#include "transom/error.h"

namespace transom::cuda_on_host {
namespace {

using generation::Sampler;
using generation::Settings;

constexpr float kInf = std::numeric_limits<float>::infinity();

enum class Kind { smooth, ties, extremes, equal, impossible };
constexpr Kind kKinds[] = {Kind::smooth, Kind::ties, Kind::extremes, Kind::equal, Kind::impossible};

std::vector<float> some_logits(Kind kind, std::size_t n, std::uint64_t seed) {
  std::vector<float> logits(n, kind == Kind::impossible ? -kInf : 1.5f);
  if (kind == Kind::equal || kind == Kind::impossible) return logits;
  testing::Random(seed).fill(logits.data(), n);
  for (std::size_t i = 0; i < n; ++i) {
    float& logit = logits[i];
    logit *= 9;
    if (kind == Kind::ties) logit = std::round(logit);  // both zeros too
    if (kind != Kind::extremes) continue;
    if (i % 7 == 1) logit = std::numeric_limits<float>::quiet_NaN();
    if (i % 5 == 3) logit = -kInf;
    if (i % 11 == 10) logit *= 1e30f;
    if (seed % 2 == 1 && i % 64 == 9) logit = kInf;
  }
  return logits;
}

Settings sampling(float temperature, std::int64_t top_k, float top_p, float min_p) {
  Settings settings;
  settings.do_sample = true;
  settings.seed = 7;
  settings.truncation.temperature = temperature;
  settings.truncation.top_k = top_k;
  settings.truncation.top_p = top_p;
  settings.truncation.min_p = min_p;
  return settings;
}

kernels::ChooseRow device_row(const model::TokenChoice& choice) {
  kernels::ChooseRow row;
  row.random = choice.random;
  row.top_p = choice.top_p < 1 ? std::max<std::uint64_t>(kernels::share_in_units(choice.top_p), 1) : 0;
  row.temperature = choice.temperature;
  row.min_p = choice.min_p;
  row.top_k = static_cast<std::uint32_t>(choice.top_k);
  row.usable = static_cast<std::uint32_t>(choice.usable);
  row.sample = choice.sample ? 1 : 0;
  return row;
}

/// What Processors leave of the logits, and then the sampler's choice.
TokenId choose_on_host(Sampler& sampler, std::vector<float> logits, std::size_t usable) {
  for (std::size_t i = 0; i < logits.size(); ++i)
    if (std::isnan(logits[i]) || i >= usable) logits[i] = -kInf;
  try {
    return sampler.choose(logits);
  } catch (const InvalidArgument&) {
    return -1;
  }
}

/// Rows of logits and how each is chosen from.
struct Problem {
  std::size_t vocab, usable, stride;
  std::vector<float> logits;
  std::vector<kernels::ChooseRow> rows;
  std::vector<TokenId> expected;

  explicit Problem(std::size_t n, std::size_t padding = 0)
      : vocab(n), usable(n - padding), stride(n + 3 * (n % 2)) {}

  void add(const Settings& settings, const std::vector<float>& row, std::uint64_t stream) {
    const auto n = static_cast<std::int64_t>(vocab);
    Sampler host(settings, n, stream), device(settings, n, stream);
    REQUIRE(host.fits_choice());
    expected.push_back(choose_on_host(host, row, usable));
    rows.push_back(device_row(device.next_choice(static_cast<std::int64_t>(usable))));
    logits.insert(logits.end(), row.begin(), row.end());
    logits.resize(rows.size() * stride, kInf);
  }

  std::vector<TokenId> choose(std::size_t shift = 0) const {
    const DeviceArray<float> device_logits(logits, shift);
    const DeviceArray<kernels::ChooseRow> device_rows(rows);
    DeviceArray<std::int32_t> ids(rows.size());
    kernels::cuda::ChoosePlan plan;
    for (const kernels::ChooseRow& row : rows) {
      plan.draw = plan.draw || row.sample != 0;
      plan.top_k = plan.top_k || row.top_k != 0;
      plan.top_p = plan.top_p || row.top_p != 0;
    }
    const kernels::ChooseArgs args{device_logits.data(), stride,    rows.size(), vocab,
                                   device_rows.data(),   ids.data()};
    const std::vector<unsigned> none(rows.size(), 0);
    DeviceArray<unsigned> arrivals(none);
    DeviceArray<std::uint64_t> memory(kernels::cuda::choose_scratch_bytes(args) / 8);
    finish(kernels::cuda::launch_choose(args, plan, {arrivals.data(), memory.data()}, nullptr));
    CHECK(arrivals.download() == none);
    return ids.download();
  }
};

const std::vector<Settings>& all_settings() {
  static const std::vector<Settings> settings = {
      Settings(),
      sampling(1, 0, 1, 0),
      sampling(0.05f, 0, 1, 0),
      sampling(30, 0, 1, 0),
      sampling(1, 1, 1, 0),
      sampling(2, 50, 1, 0),
      sampling(5, 1000000, 1, 0),
      sampling(2, 0, 1e-30f, 0),
      sampling(2, 0, 0.5f, 0),
      sampling(4, 0, 0.999f, 0),
      sampling(2, 0, 1, 0.1f),
      sampling(2, 0, 1, 1),
      sampling(3, 40, 0.9f, 0.02f),
      sampling(8, 200, 0.7f, 0.5f),
  };
  return settings;
}

void check_all(std::size_t vocab, std::size_t padding, std::size_t shift) {
  Problem problem(vocab, padding);
  std::uint64_t seed = vocab;
  for (const Settings& settings : all_settings()) {
    for (const Kind kind : kKinds) {
      problem.add(settings, some_logits(kind, vocab, seed), seed);
      ++seed;
    }
  }
  INFO("vocab " << vocab << " of which padding " << padding << ", shift " << shift);
  CHECK(problem.choose(shift) == problem.expected);
}

}  // namespace

TEST_CASE("choose: the host's token, whatever sizes, ties, filters and numbers that are none",
          "[sanitizer]") {
  for (const std::size_t vocab : {1, 2, 3, 31, 33, 1000}) {
    check_all(vocab, 0, 0);
    check_all(vocab, vocab / 3, 1);
  }
  check_all(2, 2, 0);  // nothing may be chosen
}

TEST_CASE("choose: rows of several blocks") {
  check_all(4096, 1, 0);
  check_all(4099, 0, 0);
  check_all(9000, 800, 0);
}

TEST_CASE("choose: a large vocabulary") {
  Problem problem(151936, 271);
  std::uint64_t seed = 1;
  for (const Kind kind : {Kind::smooth, Kind::ties, Kind::equal}) {
    const std::vector<float> logits = some_logits(kind, problem.vocab, ++seed);
    problem.add(sampling(0.7f, 0, 0.9f, 0.01f), logits, seed);
    problem.add(sampling(1, 50, 1, 0), logits, seed + 100);
  }
  problem.add(Settings(), some_logits(Kind::ties, problem.vocab, 3), 0);
  CHECK(problem.choose() == problem.expected);
}

TEST_CASE("choose: many draws from one row") {
  for (const Settings& settings : {sampling(1.5f, 0, 1, 0), sampling(1.5f, 20, 0.8f, 0.05f)}) {
    Problem problem(130);
    const std::vector<float> logits = some_logits(Kind::ties, 130, 4);
    for (std::uint64_t draw = 0; draw < 200; ++draw) problem.add(settings, logits, draw);
    const std::vector<TokenId> ids = problem.choose();
    CHECK(ids == problem.expected);
    CHECK(std::ranges::count(ids, ids.front()) < 150);
  }
}

TEST_CASE("choose: the order of blocks does not matter") {
  Problem problem(13000);
  for (const Settings& settings : all_settings())
    problem.add(settings, some_logits(Kind::smooth, 13000, 5), 6);
  reverse_blocks(true);
  const std::vector<TokenId> ids = problem.choose();
  reverse_blocks(false);
  CHECK(ids == problem.expected);
}

TEST_CASE("choose: no conflicts of banks") {
  if (!counts_accesses()) return;
  forget_counts();
  Problem problem(8192);
  problem.add(sampling(1, 50, 0.9f, 0), some_logits(Kind::smooth, 8192, 5), 6);
  problem.choose();
  for (const char* kernel : {"choose_best<4>", "choose_draw<4>", "choose_threshold<4, false>"}) {
    INFO(describe_counts(kernel));
    CHECK(counts(kernel).accesses > 0);
    CHECK(counts(kernel).conflicts == 0);
  }
}

TEST_CASE("choose of nothing") { finish(kernels::cuda::launch_choose({}, {}, {}, nullptr)); }

}  // namespace transom::cuda_on_host
