// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <vector>

#include "model/layers/span_workspace.h"
#include "model/sequence/sequence.h"

namespace transom::model {

struct Sequence::Workspace {
  Workspace(const ModelSpec& spec, std::int64_t tokens, const Placement& placement)
      : score_rows(std::min(tokens, kScoreRows)), row_numbers(static_cast<std::size_t>(tokens)) {
    for (const LayerSpan& span : placement.spans()) {
      const bool last = &span == &placement.spans().back();
      spans.emplace_back(spec, span, tokens, last ? score_rows : 0);
    }
    std::iota(row_numbers.begin(), row_numbers.end(), std::int64_t{0});
  }

  std::int64_t bytes() const {
    std::size_t sum = 0;
    for (const SpanWorkspace& span : spans) sum += span.buffer.size();
    return static_cast<std::int64_t>(sum);
  }

  std::vector<SpanWorkspace> spans;  // as the placement's
  std::int64_t score_rows;
  std::vector<std::int64_t> row_numbers;
  std::vector<TokenRun> runs;
};

}  // namespace transom::model
