// SPDX-License-Identifier: Apache-2.0
/// Small tokenizers of every kind of model and step against the Hugging Face package (models.json, made by
/// tests/golden/tokenizer/make_model_goldens.py).
#include "tests/support/catch.h"
#include "tests/text/test_data.h"
#include "text/decoders/stream_decoder.h"
#include "text/tokenizer_loader.h"

namespace transom {
namespace {

std::string streamed(const std::shared_ptr<const text::TokenizerImpl>& tokenizer,
                     const std::vector<TokenId>& ids, const DecodeOptions& options) {
  text::StreamDecoder stream(tokenizer, options);
  std::string out;
  for (const TokenId id : ids) stream.push(id, out);
  stream.finish(out);
  return out;
}

TEST_CASE("every kind of model equals the goldens", "[golden]") {
  const io::Json texts = io::Json::parse_file(test::golden_dir() / "texts.json");
  const io::Json goldens = io::Json::parse_file(test::golden_dir() / "models.json");
  std::size_t n_tokenizers = 0;
  for (const auto& [name, golden] : goldens.as_object("models.json")) {
    if (!golden.is_object()) continue;  // "made_by"
    ++n_tokenizers;
    CAPTURE(name);
    const auto tokenizer = text::from_json(golden.at("tokenizer", name), name);
    const auto& encoded = golden.at("encode", name).as_array(name);
    REQUIRE(2 * encoded.size() >= texts.as_array("texts").size());
    for (std::size_t i = 0; i < encoded.size(); ++i) {
      const std::string& text = texts.as_array("texts")[2 * i].as_string("text");
      CAPTURE(i, text);
      CHECK(tokenizer->encode(text, {}) == test::ids_of(encoded[i]));
    }
    for (const io::Json& one : golden.at("decode", name).as_array(name)) {
      const std::vector<TokenId> ids = test::ids_of(one.at("ids", name));
      CAPTURE(ids);
      for (const bool skip : {true, false}) {
        const DecodeOptions options{.skip_special_tokens = skip};
        CHECK(tokenizer->decode(ids, options) == one.at(skip ? "skip" : "keep", name).as_string(name));
        CHECK(streamed(tokenizer, ids, options) == tokenizer->decode(ids, options));
      }
    }
  }
  CHECK(n_tokenizers == 9);
}

}  // namespace
}  // namespace transom
