// SPDX-License-Identifier: Apache-2.0
/// Arbitrary regular expressions, see constraint_input.h.
#include "tests/fuzz/constraint_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return transom::fuzz::exercise_constraint(transom::generation::ConstraintKind::regex, data, size);
}
