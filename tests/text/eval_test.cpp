// SPDX-License-Identifier: Apache-2.0
/// Whole books against hashes of the Hugging Face package's ids (eval.json, made by
/// tests/golden/tokenizer/make_eval_goldens.py).
#include <algorithm>
#include <iostream>

#include "tests/support/catch.h"
#include "tests/text/test_data.h"
#include "text/tokenizer_loader.h"

namespace transom {
namespace {

/// As make_eval_goldens.py cuts: behind the first newline after every 256 KiB.
std::vector<std::string_view> chunks_of(std::string_view text) {
  constexpr std::size_t kChunk = std::size_t{1} << 18;
  std::vector<std::string_view> chunks;
  while (!text.empty()) {
    const std::size_t newline = text.find('\n', std::min(kChunk, text.size()));
    const std::size_t size = newline == text.npos ? text.size() : newline + 1;
    chunks.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return chunks;
}

std::string digest(const std::vector<TokenId>& ids) {
  std::uint64_t value = ids.size();
  for (const TokenId id : ids) value = value * 0x9E3779B97F4A7C15u + static_cast<std::uint64_t>(id);
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(value));
  return text;
}

/// The tokenizer of a name in eval.json: a real one, or "models/<name>" of models.json.
std::shared_ptr<const text::TokenizerImpl> load(const std::string& name, const io::Json& models) {
  if (!name.starts_with("models/")) return test::load_named(name);
  return text::from_json(models.at(name.substr(7), "models.json").at("tokenizer", name), name);
}

TEST_CASE("books are cut into the same tokens", "[.][eval]") {
  const io::Json goldens = io::Json::parse_file(test::golden_dir() / "eval.json");
  const io::Json models = io::Json::parse_file(test::golden_dir() / "models.json");
  for (const auto& [file, digests] : goldens.as_object("eval.json")) {
    if (!digests.is_object()) continue;  // "made_by"
    const std::string text =
        test::shared_data().empty() ? "" : test::read_xz(test::shared_data() / "text" / "eval" / file);
    if (text.empty()) {
      std::cout << "skipped: no " << file << " (set TRANSOM_SHARED_DATA), or no xz\n";
      continue;
    }
    for (const auto& [name, expected] : digests.as_object(file)) {
      CAPTURE(file, name);
      const auto tokenizer = load(name, models);
      if (tokenizer == nullptr) continue;
      const std::vector<std::string_view> chunks = chunks_of(text);
      REQUIRE(chunks.size() == expected.as_array(name).size());
      for (std::size_t i = 0; i < chunks.size(); ++i) {
        CAPTURE(i);
        CHECK(digest(tokenizer->encode(chunks[i], {})) == expected.as_array(name)[i].as_string(name));
      }
    }
  }
}

}  // namespace
}  // namespace transom
