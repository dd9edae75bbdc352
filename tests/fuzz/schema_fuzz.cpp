// SPDX-License-Identifier: Apache-2.0
/// Arbitrary JSON schemas, see constraint_input.h.
#include "tests/fuzz/constraint_input.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return transom::fuzz::exercise_constraint(transom::generation::ConstraintKind::json_schema, data, size);
}
