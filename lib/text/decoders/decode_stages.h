// SPDX-License-Identifier: Apache-2.0
/// The stages of decoding. See decoder.h for what a stage promises.
#pragma once

#include <memory>
#include <string>

#include "text/decoders/decoder.h"
#include "text/patterns/pattern.h"

namespace transom::text {

/// Characters of the byte alphabet back to bytes; a token with any other character (an added token) stands
/// for itself. All tokens become one.
std::unique_ptr<DecodeStage> make_byte_level_stage(DecodeStage& next);

/// A run of `<0xHH>` tokens becomes one token of the characters that its bytes spell.
std::unique_ptr<DecodeStage> make_byte_fallback_stage(DecodeStage& next);

/// All tokens become one.
std::unique_ptr<DecodeStage> make_fuse_stage(DecodeStage& next);

/// All tokens become one with spaces between: what is done without any decoder.
std::unique_ptr<DecodeStage> make_join_stage(DecodeStage& next);

/// Removes up to `start` characters equal to `content` from the beginning of each token, and up to `stop`
/// from its end.
std::unique_ptr<DecodeStage> make_strip_stage(const std::string& content, std::size_t start, std::size_t stop,
                                              DecodeStage& next);

/// Replaces a literal in each token.
std::unique_ptr<DecodeStage> make_replace_literal_stage(const std::string& literal,
                                                        const std::string& content, DecodeStage& next);

/// Replaces the matches of a pattern in each token, which is collected whole.
std::unique_ptr<DecodeStage> make_replace_pattern_stage(std::shared_ptr<const Pattern> pattern,
                                                        const std::string& content, DecodeStage& next);

/// The replacement character becomes a space; in the first token it is dropped when `drop_in_first`.
std::unique_ptr<DecodeStage> make_metaspace_stage(const std::string& replacement, bool drop_in_first,
                                                  DecodeStage& next);

}  // namespace transom::text
