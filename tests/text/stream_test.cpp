// SPDX-License-Identifier: Apache-2.0
/// Decoding one id at a time equals decoding all of them.
#include <random>

#include "tests/support/catch.h"
#include "tests/text/test_data.h"
#include "text/decoders/stream_decoder.h"
#include "text/utf8.h"

namespace transom {
namespace {

/// Streams the ids and checks every piece; returns the concatenation.
std::string stream(const std::shared_ptr<const text::TokenizerImpl>& tokenizer,
                   const std::vector<TokenId>& ids, const DecodeOptions& options, std::size_t max_held) {
  text::StreamDecoder decoder(tokenizer, options);
  std::string out;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    std::string piece;
    decoder.push(ids[i], piece);
    CHECK(text::valid_utf8_prefix(piece) == piece.size());
    out += piece;
    // What a whole decode of the ids so far has beyond the stream is what is held back.
    const std::string so_far = tokenizer->decode({ids.data(), i + 1}, options);
    CHECK(so_far.size() <= out.size() + max_held);
  }
  decoder.finish(out);
  return out;
}

TEST_CASE("streaming equals decoding for random ids", "[stream]") {
  const std::string name = GENERATE(from_range(test::tokenizer_names()));
  CAPTURE(name);
  const auto tokenizer = test::load_named(name);
  if (tokenizer == nullptr) return;
  std::mt19937 random(5);
  const auto pick = [&](std::size_t n) { return static_cast<TokenId>(random() % n); };
  const std::size_t n_ids = tokenizer->vocab_size();
  for (int round = 0; round < 300; ++round) {
    std::vector<TokenId> ids(random() % 30);
    // The first ids of a vocabulary are its single bytes: they make broken and whole characters.
    for (TokenId& id : ids) id = pick(random() % 2 == 0 ? n_ids + 2 : std::min<std::size_t>(n_ids, 300));
    const DecodeOptions options{.skip_special_tokens = round % 2 == 0};
    // At most 3 bytes are held, and finishing turns each into U+FFFD of 3 bytes.
    CHECK(stream(tokenizer, ids, options, 9) == tokenizer->decode(ids, options));
  }
}

TEST_CASE("a character spread over byte tokens appears with its last byte", "[stream]") {
  const auto tokenizer = test::tokenizer_of(R"({
    "model": {"type": "BPE", "vocab": {"<0xE4>": 0, "<0xBD>": 1, "<0xA0>": 2, "a": 3}, "merges": []},
    "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Fuse"}]}})");
  text::StreamDecoder decoder(tokenizer, {});
  std::vector<std::string> pieces;
  for (const TokenId id : {0, 1, 2, 0, 1, 3, 0}) {
    pieces.emplace_back();
    decoder.push(id, pieces.back());
  }
  pieces.emplace_back();
  decoder.finish(pieces.back());
  CHECK(pieces == std::vector<std::string>{"", "", "\u4F60", "", "",
                                           "\uFFFD\uFFFD"
                                           "a",
                                           "", "\uFFFD"});
  std::string again;  // the stream starts anew
  decoder.push(3, again);
  CHECK(again == "a");
}

TEST_CASE("the public stream outlives its tokenizer", "[stream]") {
  auto tokenizer = std::make_unique<Tokenizer>(test::tokenizer_of(
      R"({"model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}, "decoder": {"type": "Fuse"}})"));
  TokenStream stream = tokenizer->stream();
  tokenizer.reset();
  CHECK(stream.push(0) + stream.push(7) + stream.push(1) + stream.finish() == "ab");
}

}  // namespace
}  // namespace transom
