// SPDX-License-Identifier: Apache-2.0
/// Directories without tokenizer.json: SentencePiece models, and vocabularies in files of their own
/// (plain.json, made by tests/golden/tokenizer/make_plain_goldens.py).
#include "text/plain_files.h"

#include "tests/support/catch.h"
#include "tests/text/temporary_directory.h"
#include "tests/text/test_data.h"
#include "text/decoders/stream_decoder.h"
#include "text/tokenizer_loader.h"

namespace transom::text {
namespace {

using Ids = std::vector<TokenId>;

io::Json goldens() { return io::Json::parse_file(test::golden_dir() / "plain.json"); }

std::string from_base64(const std::string& text) {
  std::string out;
  unsigned bits = 0;
  int n_bits = 0;
  for (const char c : text) {
    const std::string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const std::size_t value = digits.find(c);
    if (value == digits.npos) break;
    bits = (bits << 6) | static_cast<unsigned>(value);
    n_bits += 6;
    if (n_bits < 8) continue;
    n_bits -= 8;
    out.push_back(static_cast<char>((bits >> n_bits) & 0xFF));
  }
  return out;
}

std::string streamed(const std::shared_ptr<const TokenizerImpl>& tokenizer, const Ids& ids, bool skip) {
  StreamDecoder stream(tokenizer, {.skip_special_tokens = skip});
  std::string out;
  for (const TokenId id : ids) stream.push(id, out);
  stream.finish(out);
  return out;
}

TEST_CASE("SentencePiece models give SentencePiece's ids", "[sentencepiece]") {
  const io::Json all = goldens();
  const test::TemporaryDirectory directory;
  for (const auto& [name, golden] : all.at("sentencepiece", "").as_object("")) {
    CAPTURE(name);
    std::string model;
    if (const io::Json* base64 = golden.find("model")) {
      model = from_base64(base64->as_string(name));
    } else {
      const std::filesystem::path file = test::shared_data() / "weights" / "stories260K" / (name + ".model");
      if (test::shared_data().empty() || !std::filesystem::exists(file)) continue;
      model = test::read_all(file);
    }
    directory.write("tokenizer.model", model);
    const auto tokenizer = load_tokenizer(directory.path());
    for (const io::Json& one : golden.at("cases", name).as_array(name)) {
      const std::string& text = one.at("text", name).as_string(name);
      CAPTURE(text);
      const Ids ids = test::ids_of(one.at("ids", name));
      CHECK(tokenizer->encode(text, {}) == ids);
      if (const io::Json* decoded = one.find("decoded")) {
        CHECK(tokenizer->decode(ids, {}) == decoded->as_string(name));
        CHECK(streamed(tokenizer, ids, true) == decoded->as_string(name));
      }
    }
  }
}

TEST_CASE("old directories give the ids of their classes", "[plain_files]") {
  const io::Json all = goldens();
  for (const auto& [name, golden] : all.at("directories", "").as_object("")) {
    CAPTURE(name);
    const test::TemporaryDirectory directory;
    for (const auto& [file, content] : golden.at("files", name).as_object(name)) {
      directory.write(file, content.as_string(name));
    }
    const auto tokenizer = load_tokenizer(directory.path());
    const io::Json& bos = golden.at("bos", name);
    CHECK(tokenizer->bos_id() ==
          (bos.is_null() ? std::nullopt : std::optional(static_cast<TokenId>(bos.as_int(name)))));
    for (const io::Json& one : golden.at("cases", name).as_array(name)) {
      const std::string& text = one.at("text", name).as_string(name);
      CAPTURE(text);
      const Ids ids = test::ids_of(one.at("ids", name));
      CHECK(tokenizer->encode(text, {}) == ids);
      for (const bool skip : {true, false}) {
        CHECK(tokenizer->decode(ids, {.skip_special_tokens = skip}) ==
              one.at(skip ? "skip" : "keep", name).as_string(name));
        CHECK(streamed(tokenizer, ids, skip) == tokenizer->decode(ids, {.skip_special_tokens = skip}));
      }
    }
  }
}

}  // namespace
}  // namespace transom::text
