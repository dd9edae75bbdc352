// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "tests/support/forwarding_backend.h"

namespace transom::testing {

/// A device that chooses tokens, always the one of the largest logit, and says what it was asked for; all
/// else is another device's work.
class ChoosingBackend final : public ForwardingBackend {
 public:
  using ForwardingBackend::ForwardingBackend;
  std::vector<backend::TokenChoice> asked;
  int downloads = 0;
  bool none_possible = false;

  bool chooses_tokens() const override { return true; }
  void choose(const View& logits, std::span<const backend::TokenChoice> choices,
              std::span<std::int32_t> ids) override {
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const std::span row(logits.f32() + static_cast<std::int64_t>(i) * logits.stride[0],
                          static_cast<std::size_t>(choices[i].usable));
      const auto best = std::ranges::max_element(row) - row.begin();
      ids[i] = none_possible ? -1 : static_cast<std::int32_t>(best);
      asked.push_back(choices[i]);
    }
  }
  void download(std::span<float> dst, const View& src) override {
    ++downloads;
    ForwardingBackend::download(dst, src);
  }
};

}  // namespace transom::testing
