// SPDX-License-Identifier: Apache-2.0
/// Texts in progress as files: the tokens, and what the KV cache holds of them.
///
/// All numbers are little-endian; nothing is aligned.
///
///   bytes           what
///   8               "TRANSOMS"
///   4               version of the format: 1
///   4               0x01020304, to tell the byte order
///   8 each          context, chunk, tokens T, position, furthest: as in Sequence; position counts the tokens
///                   that the cache has read, furthest what it once had read before the text was cut back
///   8 each          layers L, bytes of the description D
///   D               the description of the model (description.h)
///   L x (8, 8)      of each layer: capacity of its cache in slots, slots that follow
///   8               checksum of everything before (io/checksum.h)
///   T x 4           token ids
///   L x slots       of each layer its slots from the first on: keys [kv_heads, head_dim], then values, in
///                   the dtype that the description names. A layer whose ring has gone round is there as a
///                   whole; the levels of a log stride follow, each from its first slot on.
///   8               checksum of everything before
///
/// A file holds nothing else. The first checksum is there so that a damaged file is not taken for one of
/// another model.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/sequence/sequence.h"

namespace transom::model {

/// A text and the sequence that has read a part of it.
struct SavedText {
  std::vector<std::int32_t> tokens;
  std::unique_ptr<Sequence> sequence;
};

/// Writes a text in the form above. @param description Of the sequence's transformer.
void write_session(std::ostream& out, const Sequence& sequence, std::span<const std::int32_t> tokens,
                   std::string_view description);

/// Reads it back, trusting nothing: every length is held against the size of the file before it is used.
/// @param where Names the file in messages.
/// @param read Told of bytes that are not needed any more.
/// @throws FormatError for a damaged file, UnsupportedError for another version of the format,
///   InvalidArgument for a text of a model with another description.
SavedText read_session(std::span<const std::byte> file, const std::string& where,
                       const Transformer& transformer, std::string_view description,
                       const std::function<void(std::span<const std::byte>)>& read = {});

}  // namespace transom::model
