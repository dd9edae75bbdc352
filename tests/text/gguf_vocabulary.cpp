// SPDX-License-Identifier: Apache-2.0
#include "gguf_vocabulary.h"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "test_data.h"
#include "text/utf8.h"

namespace transom::test {

namespace {

/// What is wanted from the metadata of a GGUF file. The files are the tests' own and are trusted.
struct GgufVocabulary {
  std::vector<std::string> tokens;
  std::vector<std::string> merges;
  std::vector<std::int32_t> kinds;
};

class GgufReader {
 public:
  explicit GgufReader(std::string data) : data_(std::move(data)) {}

  GgufVocabulary read() {
    if (data_.compare(0, 4, "GGUF") != 0) throw std::runtime_error("not a GGUF file");
    pos_ = 16;  // magic, version, number of tensors
    GgufVocabulary vocabulary;
    for (auto n = take<std::uint64_t>(); n > 0; --n) {
      const std::string key = string();
      const auto kind = take<std::uint32_t>();
      if (key == "tokenizer.ggml.tokens") {
        vocabulary.tokens = strings();
      } else if (key == "tokenizer.ggml.merges") {
        vocabulary.merges = strings();
      } else if (key == "tokenizer.ggml.token_type") {
        take<std::uint32_t>();
        for (auto left = take<std::uint64_t>(); left > 0; --left) {
          vocabulary.kinds.push_back(take<std::int32_t>());
        }
      } else {
        skip(kind);
      }
    }
    return vocabulary;
  }

 private:
  template <typename T>
  T take() {
    T value;
    std::memcpy(&value, data_.data() + pos_, sizeof value);
    pos_ += sizeof value;
    return value;
  }

  std::string string() {
    const auto n = static_cast<std::size_t>(take<std::uint64_t>());
    pos_ += n;
    return data_.substr(pos_ - n, n);
  }

  std::vector<std::string> strings() {
    take<std::uint32_t>();
    std::vector<std::string> out(static_cast<std::size_t>(take<std::uint64_t>()));
    for (std::string& one : out) one = string();
    return out;
  }

  void skip(std::uint32_t kind) {
    static constexpr std::size_t kBytes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
    if (kind == 8) {
      string();
    } else if (kind == 9) {
      const auto inner = take<std::uint32_t>();
      for (auto n = take<std::uint64_t>(); n > 0; --n) skip(inner);
    } else {
      pos_ += kBytes[kind];
    }
  }

  std::string data_;
  std::size_t pos_ = 0;
};

std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof escape, "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += escape;
    } else {
      if (c == '"' || c == '\\') out.push_back('\\');
      out.push_back(c);
    }
  }
  return out + '"';
}

// The cased letters of an older Unicode version as code point ranges. Never as literal characters:
// normalising the source would change them.
constexpr std::string_view kCased =
    "41-5A 61-7A B5 C0-D6 D8-F6 F8-1BA 1BC-1BF 1C4-293 295-2AF 370-373 376 377 37B-37D 37F 386 388-38A 38C "
    "38E-3A1 3A3-3F5 3F7-481 48A-52F 531-556 10A0-10C5 13A0-13F5 13F8-13FD 1C90-1CBA 1CBD-1CBF 1D00-1D2B "
    "1D6B-1D77 1D79-1D9A 1E00-1F15 1F18-1F1D 1F20-1F45 1F48-1F4D 1F50-1F57 1F59 1F5B 1F5D 1F5F-1F7D "
    "1F80-1FB4 "
    "1FB6-1FBC 1FBE 1FC2-1FC4 1FC6-1FCC 1FD0-1FD3 1FD6-1FDB 1FE0-1FEC 1FF2-1FF4 1FF6-1FFC 2102 2107 "
    "210A-2113 "
    "2115 2119-211D 2124 2126 2128 212A-212D 212F-2134 2139 213C-213F 2145-2149 214E 2183 2184 2C00-2C7B "
    "2C7E-2CE4 2CEB-2CEE 2CF2 2CF3 A640-A66D A680-A69B A722-A76F A771-A787 A78B-A78E AB70-ABBF FB00-FB06 "
    "FB13-FB17 FF21-FF3A FF41-FF5A 10400-1044F 104B0-104D3 104D8-104FB 10C80-10CB2 10CC0-10CF2 118A0-118DF "
    "1E900-1E943";

std::string cased_class() {
  std::istringstream ranges{std::string(kCased)};
  std::string out = "[";
  for (std::string range; ranges >> range;) {
    const std::size_t dash = range.find('-');
    text::append_utf8(out, static_cast<char32_t>(std::strtoul(range.c_str(), nullptr, 16)));
    if (dash == range.npos) continue;
    out += '-';
    text::append_utf8(out, static_cast<char32_t>(std::strtoul(range.c_str() + dash + 1, nullptr, 16)));
  }
  return out + "]";
}

std::vector<std::string> expressions_of(const std::string& name) {
  const std::string cjk = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+";
  if (name == "deepseek-coder") return {"[\r\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", cjk};
  return {"[\r\n]", "\\s?" + cased_class() + "+",
          "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+", "\\s+$", cjk};
}

}  // namespace

std::string tokenizer_json_from_gguf(const std::filesystem::path& path, const std::string& name) {
  constexpr std::int32_t kNormal = 1;
  constexpr std::int32_t kControl = 3;
  const GgufVocabulary vocabulary = GgufReader(read_all(path)).read();
  std::ostringstream added;
  std::ostringstream vocab;
  for (std::size_t i = 0; i < vocabulary.tokens.size(); ++i) {
    const std::string content = json_string(vocabulary.tokens[i]);
    if (vocabulary.kinds[i] == kNormal) {
      vocab << (vocab.tellp() > 0 ? "," : "") << content << ":" << i;
    } else {
      added << (added.tellp() > 0 ? "," : "") << R"({"id":)" << i << R"(,"content":)" << content
            << R"(,"normalized":false,"special":)" << (vocabulary.kinds[i] == kControl ? "true" : "false")
            << "}";
    }
  }
  std::ostringstream out;
  out << R"({"version":"1.0","added_tokens":[)" << added.str()
      << R"(],"pre_tokenizer":{"type":"Sequence","pretokenizers":[)";
  for (const std::string& expression : expressions_of(name)) {
    out << R"({"type":"Split","pattern":{"Regex":)" << json_string(expression)
        << R"(},"behavior":"Isolated","invert":false},)";
  }
  out << R"({"type":"Digits","individual_digits":true},)"
      << R"({"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]},"decoder":{"type":"ByteLevel"},)"
      << R"("model":{"type":"BPE","vocab":{)" << vocab.str() << R"(},"merges":[)";
  for (std::size_t i = 0; i < vocabulary.merges.size(); ++i) {
    out << (i > 0 ? "," : "") << json_string(vocabulary.merges[i]);
  }
  out << "]}}";
  return out.str();
}

}  // namespace transom::test
