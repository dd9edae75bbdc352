// SPDX-License-Identifier: Apache-2.0
/// The stages of decoding. See decoder.h for what a stage promises.
#pragma once

#include <memory>
#include <string>
#include <vector>

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

/// A token that continues a word loses its prefix, any other but the first gets a space before it; `cleanup`
/// then takes the spaces before English punctuation and contractions out of each token.
std::unique_ptr<DecodeStage> make_word_piece_stage(const std::string& prefix, bool cleanup,
                                                   DecodeStage& next);

/// The suffix that ends a word becomes a space, in the last token nothing. @param suffix not empty.
std::unique_ptr<DecodeStage> make_suffix_stage(const std::string& suffix, DecodeStage& next);

/// Of equal tokens in a row one stays; padding goes; with `cleanup` the delimiter (not empty) becomes a
/// space.
std::unique_ptr<DecodeStage> make_ctc_stage(const std::string& pad, const std::string& delimiter,
                                            bool cleanup, DecodeStage& next);

/// What `clean_up_tokenization_spaces` does to the whole text: spaces before English punctuation and
/// contractions go. Several stages, first one first.
std::vector<DecodeStageFactory> clean_up_stages();

}  // namespace transom::text
