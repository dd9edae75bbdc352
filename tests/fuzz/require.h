// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdlib>

namespace transom::fuzz {

/// A property of the code under test. Aborts, which is how a fuzzer learns of a finding.
inline void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace transom::fuzz
