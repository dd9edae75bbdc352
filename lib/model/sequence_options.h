// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "model/spec.h"

namespace transom::model {

struct SequenceOptions {
  std::int64_t max_context = 0;  // 0 = as the spec says
  std::int64_t prefill_chunk = 512;
};

/// The largest prefill_chunk.
constexpr std::int64_t kMaxChunk = 65536;
/// Positions of a text without bound: what fits the arithmetic of positions.
constexpr std::int64_t kUnbounded = std::int64_t{1} << 40;

/// Tokens that a sequence holds, and of those that it reads at once.
struct SequenceSize {
  std::int64_t context = 0, chunk = 0;
};

/// Tokens that a sequence holds when its options do not say.
std::int64_t default_context(const ModelSpec& spec);
/// @throws InvalidArgument for options out of range.
SequenceSize sequence_size(const ModelSpec& spec, const SequenceOptions& options);

}  // namespace transom::model
