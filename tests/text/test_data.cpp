// SPDX-License-Identifier: Apache-2.0
#include "tests/text/test_data.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "tests/text/gguf_vocabulary.h"
#include "text/tokenizer_loader.h"
#include "transom/error.h"

namespace transom::test {

namespace fs = std::filesystem;

namespace {

const fs::path kSource = TRANSOM_SOURCE_DIR;

/// What a program writes, or nothing when it fails.
std::optional<std::string> output_of(const std::string& command) {
  FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return std::nullopt;
  std::string out;
  std::vector<char> buffer(1 << 16);
  for (std::size_t n; (n = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) out.append(buffer.data(), n);
  if (pclose(pipe) != 0) return std::nullopt;
  return out;
}

/// Unpacks a .gz file with the gzip program.
std::string read_gz(const fs::path& path) {
  std::optional<std::string> out = output_of("gzip -dc '" + path.string() + "'");
  if (!out) throw std::runtime_error("gzip failed on " + path.string());
  return std::move(*out);
}

}  // namespace

fs::path shared_data() {
  const char* const named = std::getenv("TRANSOM_SHARED_DATA");
  const fs::path path = named != nullptr ? fs::path(named) : kSource / ".." / "shared" / "data";
  return fs::exists(path / "tokenizers") ? path : fs::path();
}

fs::path golden_dir() { return kSource / "tests" / "golden" / "tokenizer"; }

const std::vector<std::string>& tokenizer_names() {
  static const std::vector<std::string> names = {
      "gpt2", "qwen2", "deepseek-v3", "phi3v-llama2", "tinystories", "deepseek-llm", "deepseek-coder"};
  return names;
}

std::string named_tokenizer_json(const std::string& name) {
  const fs::path shared = shared_data();
  if (name == "tinystories") {
    for (const fs::path& path : {kSource / "examples" / "models" / "tinystories-656k" / "tokenizer.json",
                                 shared / "weights" / "tinystories-656k-hf" / "tokenizer.json"}) {
      if (fs::exists(path)) return read_all(path);
    }
    return {};
  }
  if (shared.empty()) return {};
  const fs::path hf = shared / "tokenizers" / "hf" / (name + ".tokenizer.json.gz");
  if (fs::exists(hf)) return read_gz(hf);
  const fs::path gguf = shared / "tokenizers" / "gguf" / ("ggml-vocab-" + name + ".gguf");
  if (fs::exists(gguf)) return tokenizer_json_from_gguf(gguf, name);
  return {};
}

std::shared_ptr<const text::TokenizerImpl> load_named(const std::string& name) {
  const std::string json = named_tokenizer_json(name);
  if (json.empty()) {
    std::cout << "skipped: the tokenizer " << name << " is not there (set TRANSOM_SHARED_DATA)\n";
    return nullptr;
  }
  return text::from_json(io::Json::parse(json, name), name);
}

std::vector<VocabCase> vocab_cases(const std::string& name) {
  const fs::path shared = shared_data();
  const fs::path base = shared / "tokenizers" / "gguf";
  const fs::path inp = base / ("ggml-vocab-" + name + ".gguf.inp");
  const fs::path out = base / ("ggml-vocab-" + name + ".gguf.out");
  std::vector<VocabCase> cases;
  if (shared.empty() || !fs::exists(inp) || !fs::exists(out)) return cases;
  const std::string separator = "\n__ggml_vocab_test__\n";
  const std::string texts = read_all(inp);
  std::istringstream lines(read_all(out));
  std::size_t begin = 0;
  for (std::size_t end; (end = texts.find(separator, begin)) != std::string::npos;
       begin = end + separator.size()) {
    VocabCase one{texts.substr(begin, end - begin), {}};
    std::string line;
    std::getline(lines, line);
    std::istringstream numbers(line);
    for (TokenId id; numbers >> id;) one.ids.push_back(id);
    cases.push_back(std::move(one));
  }
  return cases;
}

std::shared_ptr<const text::TokenizerImpl> tokenizer_of(std::string_view json) {
  return text::from_json(io::Json::parse(json, "test.json"), "test.json");
}

bool error_says(const std::function<void()>& action, const std::vector<std::string>& parts) {
  try {
    action();
  } catch (const Error& error) {
    const std::string message = error.what();
    for (const std::string& part : parts) {
      if (message.find(part) == std::string::npos) {
        std::cout << "no \"" << part << "\" in: " << message << '\n';
        return false;
      }
    }
    return true;
  }
  return false;
}

std::string read_xz(const fs::path& path) {
  return output_of("xz -dc '" + path.string() + "' 2> /dev/null").value_or("");
}

std::vector<TokenId> ids_of(const io::Json& json) {
  std::vector<TokenId> ids;
  for (const io::Json& id : json.as_array("ids")) ids.push_back(static_cast<TokenId>(id.as_int("id")));
  return ids;
}

std::string read_all(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace transom::test
