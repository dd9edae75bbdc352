// SPDX-License-Identifier: Apache-2.0
/// Arbitrary tokenizer.json files, texts and ids. The input is a tokenizer.json up to the first zero byte,
/// then a text; an input that begins with a digit uses one of the built-in files instead. Only typed errors
/// may come out, and streaming must equal decoding.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/fuzz/exercise_tokenizer.h"
#include "text/tokenizer_loader.h"
#include "transom/error.h"

namespace {

using namespace transom;
using fuzz::exercise;

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

/// Whole files of the other models, with the steps that go with them.
constexpr const char* kFiles[] = {
    R"({"normalizer": {"type": "Nmt"}, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
       {"type": "UnicodeScripts"}, {"type": "Metaspace", "prepend_scheme": "first"}]},
       "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Metaspace"}]},
       "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": true, "vocab": [["<unk>", 0], ["\u2581", -2],
       ["a", -1.5], ["\u2581a", -2.5], ["ab", -3], ["b", -1], ["<0xC3>", -8], ["<0xA9>", -8], ["<s>", 0],
       ["\u4e2d", -5]]}, "added_tokens": [{"id": 8, "content": "<s>", "special": true}]})",
    R"({"normalizer": {"type": "BertNormalizer"}, "pre_tokenizer": {"type": "BertPreTokenizer"},
       "decoder": {"type": "WordPiece"}, "model": {"type": "WordPiece", "max_input_chars_per_word": 9,
       "vocab": {"[UNK]": 0, "a": 1, "##a": 2, "ab": 3, "##b": 4, ".": 5, "'": 6, "##s": 7, "[CLS]": 8, "\u4e2d": 9}},
       "added_tokens": [{"id": 8, "content": "[CLS]", "special": true}]})",
    R"({"pre_tokenizer": {"type": "FixedLength", "length": 2}, "decoder": {"type": "CTC", "pad_token": "a"},
       "model": {"type": "WordLevel", "unk_token": "?", "vocab": {"?": 0, "a": 1, "|": 2, " .": 3, "aa": 4, "<s>": 5}},
       "added_tokens": [{"id": 5, "content": "<s>", "special": true}]})",
    R"({"pre_tokenizer": {"type": "WhitespaceSplit"}, "decoder": {"type": "BPEDecoder"},
       "model": {"type": "BPE", "end_of_word_suffix": "</w>", "continuing_subword_prefix": "@", "unk_token": "?",
       "vocab": {"?": 0, "a": 1, "@a": 2, "@a</w>": 3, "a</w>": 4, "aa": 5, "aa</w>": 6, "@aa</w>": 7},
       "merges": ["a @a", "a @a</w>", "@a @a</w>"]}})",
};

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
        for (const char* file : kFiles) out.push_back(text::from_json(io::Json::parse(file, "fuzz"), "fuzz"));
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
