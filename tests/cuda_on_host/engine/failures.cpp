// SPDX-License-Identifier: Apache-2.0
#include "tests/cuda_on_host/engine/failures.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace transom::cuda_on_host {
namespace {

// A kernel that races does so at every step.
constexpr std::size_t kMostFailures = 20;

struct Failures {
  ~Failures() {
    if (untaken.empty()) return;
    std::fprintf(stderr, "cuda_on_host: failures that no test asked for:\n");
    for (const std::string& text : untaken) std::fprintf(stderr, "  %s\n", text.c_str());
    std::_Exit(1);
  }
  std::vector<std::string> untaken;
  std::size_t count = 0;
};

Failures& failures() {
  static Failures all;
  return all;
}

}  // namespace

void report_failure(const std::string& text) {
  Failures& all = failures();
  ++all.count;
  if (all.untaken.size() >= kMostFailures) return;
  if (std::find(all.untaken.begin(), all.untaken.end(), text) == all.untaken.end())
    all.untaken.push_back(text);
}

std::size_t failure_count() { return failures().count; }

std::vector<std::string> take_failures() {
  std::vector<std::string> taken;
  std::swap(taken, failures().untaken);
  return taken;
}

}  // namespace transom::cuda_on_host
