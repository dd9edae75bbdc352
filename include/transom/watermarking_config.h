// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace transom {

/// A watermark (Kirchenbauer et al. 2023), the same as transformers': the tokens before choose a part of the
/// vocabulary that is favoured, which a detector who knows the key can count.
struct WatermarkingConfig {
  float greenlist_ratio = 0.25f;            ///< size of that part, in (0, 1)
  float bias = 2;                           ///< added to its logits, after temperature and truncation
  std::int64_t hashing_key = 15485863;      ///< at least 1
  std::string seeding_scheme = "lefthash";  ///< by the token before; "selfhash": by the token itself, too
  int context_width = 1;                    ///< tokens before that count with "selfhash", at least 1
};

}  // namespace transom
