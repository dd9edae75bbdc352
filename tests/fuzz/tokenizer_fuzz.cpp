// SPDX-License-Identifier: Apache-2.0
/// Arbitrary tokenizer.json files, texts and ids. The input is a tokenizer.json up to the first zero byte,
/// then a text; an input that begins with a digit uses one of the built-in files instead. Only typed errors
/// may come out, and streaming must equal decoding.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/fuzz/require.h"
#include "text/decoders/stream_decoder.h"
#include "text/tokenizer_loader.h"
#include "text/utf8.h"
#include "transom/error.h"

namespace {

using namespace transom;
using fuzz::require;

constexpr const char* kVocab =
    R"("model": {"type": "BPE", "byte_fallback": true, "unk_token": "<unk>", "fuse_unk": true,
    "vocab": {"<unk>": 0, "a": 1, "b": 2, "ab": 3, "\u0120": 4, "\u0120a": 5, "\u2581": 6, "\u2581a": 7, "<0xC3>": 8,
    "<0xA9>": 9, "<0x41>": 10, "\u00c3": 11, "\u00a9": 12, "\u00c3\u00a9": 13},
    "merges": ["a b", "\u0120 a", "\u2581 a", "\u00c3 \u00a9"]},
    "added_tokens": [{"id": 20, "content": "<s>", "special": true}, {"id": 21, "content": " a ", "lstrip": true,
    "rstrip": true}, {"id": 22, "content": "b", "single_word": true, "normalized": false}])";

/// The steps of the families in use, and one of everything else.
constexpr const char* kSteps[] = {
    R"("pre_tokenizer": {"type": "ByteLevel"}, "decoder": {"type": "ByteLevel"},)",
    R"("normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "\u2581"},
       {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
       "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "\u2581"},
       "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
       {"type": "Strip", "content": " ", "start": 1, "stop": 1}]},)",
    R"("normalizer": {"type": "NFC"}, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
       {"type": "Digits", "individual_digits": true}, {"type": "Punctuation", "behavior": "Contiguous"},
       {"type": "Split", "pattern": {"Regex": "\\s?\\p{L}+"}, "behavior": "MergedWithPrevious"},
       {"type": "Metaspace", "prepend_scheme": "first"}]}, "decoder": {"type": "Metaspace"},)",
    R"("normalizer": {"type": "Sequence", "normalizers": [{"type": "NFKD"}, {"type": "StripAccents"},
       {"type": "Lowercase"}, {"type": "Strip"}]}, "pre_tokenizer": {"type": "BertPreTokenizer"},)",
};

void exercise(const text::TokenizerImpl& tokenizer, std::string_view input) {
  const std::shared_ptr<const text::TokenizerImpl> shared(std::shared_ptr<void>(), &tokenizer);
  for (const bool parse : {true, false}) {
    for (const TokenId id : tokenizer.encode(input, {.parse_special = parse})) {
      require(tokenizer.spelling(id).has_value());
    }
  }
  std::vector<TokenId> ids = tokenizer.encode(input, {});
  for (const char c : input) ids.push_back(static_cast<unsigned char>(c) % 32);
  for (const bool skip : {true, false}) {
    const DecodeOptions options{.skip_special_tokens = skip};
    const std::string whole = tokenizer.decode(ids, options);
    require(text::valid_utf8_prefix(whole) == whole.size());
    text::StreamDecoder stream(shared, options);
    std::string streamed;
    for (const TokenId id : ids) {
      stream.push(id, streamed);
      require(text::valid_utf8_prefix(streamed) == streamed.size());
    }
    stream.finish(streamed);
    require(streamed == whole);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  try {
    if (!input.empty() && input[0] >= '0' && input[0] <= '9') {
      static const auto tokenizers = [] {
        std::vector<std::shared_ptr<const text::TokenizerImpl>> out;
        for (const char* steps : kSteps) {
          out.push_back(
              text::from_json(io::Json::parse(std::string("{") + steps + kVocab + "}", "fuzz"), "fuzz"));
        }
        return out;
      }();
      exercise(*tokenizers[static_cast<std::size_t>(input[0] - '0') % tokenizers.size()], input.substr(1));
      return 0;
    }
    const std::size_t end = std::min(input.find('\0'), input.size());
    const auto tokenizer = text::from_json(io::Json::parse(input.substr(0, end), "fuzz"), "fuzz");
    exercise(*tokenizer, input.substr(std::min(end + 1, input.size())));
  } catch (const Error&) {
    // A typed error is a right answer to a wrong file.
  }
  return 0;
}
