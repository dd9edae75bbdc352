// SPDX-License-Identifier: Apache-2.0
#include "text/token_bytes.h"

#include <optional>
#include <utility>

#include "text/byte_alphabet.h"
#include "text/byte_token.h"
#include "text/metaspace.h"
#include "text/tokenizer_impl.h"
#include "text/utf8.h"

namespace transom::text {

namespace {

/// Characters of the byte alphabet to bytes; a token with any other character stands for itself.
void spell_byte_level(std::string& token) {
  std::string bytes;
  const char* p = token.data();
  const char* const end = p + token.size();
  while (p != end) {
    const std::optional<unsigned char> byte = byte_of_character(next_code_point(p));
    if (!byte) return;
    bytes.push_back(static_cast<char>(*byte));
  }
  token = std::move(bytes);
}

void replace_all(std::string& token, const std::string& literal, const std::string& content) {
  for (std::size_t at = 0; (at = token.find(literal, at)) != std::string::npos; at += content.size()) {
    token.replace(at, literal.size(), content);
  }
}

/// Up to `start` and `stop` characters equal to `content` go from the ends of the token.
void strip(std::string& token, const std::string& content, std::int64_t start, std::int64_t stop) {
  for (; start > 0 && token.starts_with(content); --start) token.erase(0, content.size());
  for (; stop > 0 && token.ends_with(content); --stop) token.resize(token.size() - content.size());
}

/// Collects what the stages do to one token.
class SpellerBuilder {
 public:
  /// @return False when a stage works on several tokens at once.
  bool add(const io::Json& json, const JsonPath& path) {
    const std::string& type = required_string(json, "type", path);
    if (type == "Sequence") {
      const JsonPath list_path = path.member("decoders");
      std::size_t i = 0;
      for (const io::Json& step : json.at("decoders", path).as_array(list_path)) {
        if (!add(step, list_path.element(i++))) return false;
      }
      return true;
    }
    if (type == "ByteLevel") {
      steps_.emplace_back(spell_byte_level);
      is_fused_ = true;
    } else if (type == "ByteFallback") {
      steps_.emplace_back([](std::string& token) {
        if (const std::optional<char> byte = byte_of_token(token)) token.assign(1, *byte);
      });
    } else if (type == "Fuse") {
      is_fused_ = true;
    } else if (type == "Strip") {
      add_strip(json, path);
    } else if (type == "Replace") {
      return add_replace(json, path);
    } else if (type == "Metaspace") {
      const std::string replacement = load_metaspace(json, path).replacement;
      steps_.emplace_back([replacement](std::string& token) { replace_all(token, replacement, " "); });
    } else {
      return false;
    }
    return true;
  }

  TokenSpeller take() {
    return [steps = std::move(steps_)](std::string& token) {
      for (const TokenSpeller& step : steps) step(token);
    };
  }

 private:
  void add_strip(const io::Json& json, const JsonPath& path) {
    if (is_fused_) return;  // the ends of the text, not of each token
    const std::string content = required_string(json, "content", path);
    const std::int64_t start = json.at("start", path).as_int(path.member("start"));
    const std::int64_t stop = json.at("stop", path).as_int(path.member("stop"));
    steps_.emplace_back([=](std::string& token) { strip(token, content, start, stop); });
  }

  bool add_replace(const io::Json& json, const JsonPath& path) {
    const io::Json* literal = json.at("pattern", path).find("String");
    if (literal == nullptr) return false;
    const std::string from = literal->as_string(path.member("pattern"));
    const std::string to = required_string(json, "content", path);
    // In fused text a literal of several bytes may begin in one token and end in the next.
    if (from.empty() || (is_fused_ && from.size() > 1)) return false;
    steps_.emplace_back([=](std::string& token) { replace_all(token, from, to); });
    return true;
  }

  std::vector<TokenSpeller> steps_;
  bool is_fused_ = false;
};

}  // namespace

TokenSpeller load_token_speller(const io::Json& json, const JsonPath& path) {
  // Without a decoder tokens are joined with spaces.
  if (json.is_null()) return [](std::string& token) { token.insert(0, 1, ' '); };
  SpellerBuilder builder;
  return builder.add(json, path) ? builder.take() : nullptr;
}

TokenBytes token_bytes(const TokenizerImpl& tokenizer) {
  const TokenSpeller& speller = tokenizer.speller();
  if (!speller) {
    throw UnsupportedError(
        "constrained output: the tokenizer's decoder works on several tokens at once, so that a token has no "
        "bytes of its own");
  }
  TokenBytes out;
  std::string token;
  for (std::size_t i = 0; i < tokenizer.vocab_size(); ++i) {
    const auto id = static_cast<TokenId>(i);
    const std::optional<std::string_view> spelling = tokenizer.spelling(id);
    token.clear();
    if (spelling && !tokenizer.is_special(id)) {
      token = *spelling;
      speller(token);
    }
    out.add(token);
  }
  return out;
}

}  // namespace transom::text
