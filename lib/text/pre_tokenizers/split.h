// SPDX-License-Identifier: Apache-2.0
/// Cutting pieces at the matches of a pattern.
#pragma once

#include <memory>

#include "text/patterns/pattern.h"
#include "text/pre_tokenizers/pre_tokenizer.h"

namespace transom::text {

/// What becomes of a match.
enum class SplitBehavior {
  removed,               ///< it is dropped
  isolated,              ///< it is a piece of its own
  merged_with_previous,  ///< it is the end of the piece before it
  merged_with_next,      ///< it is the beginning of the piece behind it
  contiguous,            ///< as isolated, but matches that touch are one piece
};

/// @throws FormatError for an unknown name.
SplitBehavior load_split_behavior(const io::Json& json, const JsonPath& path);

class SplitPreTokenizer final : public PreTokenizer {
 public:
  /// @param invert treats what lies between the matches as the matches.
  SplitPreTokenizer(std::unique_ptr<Pattern> pattern, SplitBehavior behavior, bool invert)
      : pattern_(std::move(pattern)), behavior_(behavior), invert_(invert) {}

  void apply(PieceList& list) const override;

 private:
  std::unique_ptr<Pattern> pattern_;
  SplitBehavior behavior_;
  bool invert_;
};

}  // namespace transom::text
