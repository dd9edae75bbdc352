// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "transom/generation_config.h"

namespace transom::generation {

/// The watermark of Kirchenbauer et al. 2023 as transformers writes it, down to the random permutation: a
/// text of one can be detected by the other.
class Watermark {
 public:
  /// @param vocab Rows of the logits: part of what the permutation depends on.
  Watermark(const WatermarkingConfig& config, std::size_t vocab);

  /// @param logits After temperature and truncation.
  void apply(std::span<const TokenId> so_far, std::span<float> logits);

 private:
  std::uint32_t seed_after(std::span<const TokenId> text) const;
  void favour_self_hashed(std::span<const TokenId> so_far, std::span<float> logits);

  WatermarkingConfig config_;
  std::size_t green_;
  std::vector<std::int32_t> permutation_;  // of the vocabulary; its first `green_` entries are drawn
  std::vector<std::int32_t> hash_table_;   // with "selfhash": a fixed permutation
};

}  // namespace transom::generation
