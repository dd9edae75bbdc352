// SPDX-License-Identifier: Apache-2.0
/// Arbitrary SentencePiece models and texts. The input is two bytes, little-endian, with the length of the
/// model, the model, then a text. Only typed errors may come out, and streaming must equal decoding.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tests/fuzz/exercise_tokenizer.h"
#include "text/sentencepiece/sentencepiece_loader.h"
#include "transom/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace transom;
  if (size < 2) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::size_t length = std::min<std::size_t>(data[0] + 256u * data[1], input.size());
  try {
    const text::TokenizerImpl tokenizer(
        text::parts_from_sentencepiece(input.substr(0, length), "fuzz", text::PrependScheme::first));
    fuzz::exercise(tokenizer, input.substr(length));
  } catch (const Error&) {
    // A typed error is a right answer to a wrong file.
  }
  return 0;
}
