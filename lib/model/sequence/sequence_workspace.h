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
  Workspace(const ModelSpec& spec, SequenceSize of, const Placement& placement)
      : size(of),
        score_rows(std::min(of.chunk, kScoreRows)),
        row_numbers(static_cast<std::size_t>(of.chunk)) {
    for (const LayerSpan& span : placement.spans()) {
      const bool last = &span == &placement.spans().back();
      spans.emplace_back(spec, span, size.chunk, last ? score_rows : 0);
    }
    std::iota(row_numbers.begin(), row_numbers.end(), std::int64_t{0});
  }

  std::int64_t bytes() const {
    std::size_t sum = 0;
    for (const SpanWorkspace& span : spans) sum += span.buffer.size();
    return static_cast<std::int64_t>(sum);
  }

  SequenceSize size;
  std::vector<SpanWorkspace> spans;  // as the placement's
  std::int64_t score_rows;
  std::vector<std::int64_t> row_numbers;
  std::vector<TokenRun> runs;
};

}  // namespace transom::model
