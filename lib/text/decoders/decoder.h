// SPDX-License-Identifier: Apache-2.0
/// From the spellings of tokens to text, as a chain of streaming stages.
///
/// Decoding a list and decoding one id at a time run through the same stages, so the two are equal by
/// construction. Every stage passes on what is certain and holds back the rest: at most 3 bytes of an
/// unfinished character (ByteLevel, ByteFallback), as many characters as Strip may still remove, or what may
/// still become a literal that Replace looks for, a token that ends a word (BPEDecoder). Only a Replace with
/// a regular expression behind Fuse waits for the end.
///
/// One difference from the reference implementation, which cannot be streamed: a run of `<0xHH>` tokens that
/// is not valid UTF-8 as a whole keeps its valid characters, and each other byte becomes one U+FFFD; the
/// reference turns every byte of such a run into U+FFFD.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/json_path.h"

namespace transom::text {

/// Receives tokens, each as any number of append() and one end_token(), and passes tokens on.
class DecodeStage {
 public:
  virtual ~DecodeStage() = default;
  /// @param text whole UTF-8 characters of the token that stands open.
  virtual void append(std::string_view text) = 0;
  virtual void end_token() = 0;
  /// No token comes any more.
  virtual void finish() = 0;
};

/// An empty string with room for a usual token (longer ones are rare), so that decoding allocates nothing.
inline std::string roomy_string() {
  std::string text;
  text.reserve(256);
  return text;
}

/// Makes a stage that passes its tokens to `next`. The factory itself is immutable and shared.
using DecodeStageFactory = std::function<std::unique_ptr<DecodeStage>(DecodeStage& next)>;

/// Reads the "decoder" member of tokenizer.json: ByteLevel, ByteFallback, Fuse, Strip, Replace, Metaspace,
/// WordPiece, BPEDecoder, CTC, Sequence; null joins the tokens with spaces. First stage first.
/// @throws UnsupportedError naming any other type.
std::vector<DecodeStageFactory> load_decoder(const io::Json& json, const JsonPath& path);

}  // namespace transom::text
