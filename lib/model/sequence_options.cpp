// SPDX-License-Identifier: Apache-2.0
#include "model/sequence_options.h"

#include <algorithm>

#include "core/checks.h"
#include "model/layers/rope.h"
#include "transom/error.h"

namespace transom::model {

using core::message;

std::int64_t default_context(const ModelSpec& spec) {
  if (spec.max_context > 0) return spec.max_context;
  return spec.any_keeps_all() ? longest_text(spec.ropes) : kUnbounded;
}

SequenceSize sequence_size(const ModelSpec& spec, const SequenceOptions& options) {
  if (options.max_context < 0) {
    throw InvalidArgument(message("max_context: expected 0 or more tokens, found ", options.max_context));
  }
  if (options.prefill_chunk < 1 || options.prefill_chunk > kMaxChunk) {
    throw InvalidArgument(
        message("prefill_chunk: expected 1 to ", kMaxChunk, " tokens, found ", options.prefill_chunk));
  }
  const std::int64_t context =
      options.max_context > 0 ? std::min(options.max_context, kUnbounded) : default_context(spec);
  return {context, std::min(options.prefill_chunk, context)};
}

}  // namespace transom::model
