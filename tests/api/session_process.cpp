// SPDX-License-Identifier: Apache-2.0
/// One half of a test of two processes:
///
///   session_process save <folder>      writes a model, reads a prompt, generates, saves the session and what
///                                      the same text says next
///   session_process restore <folder>   restores the session and compares what it says
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string_view>

#include "tests/support/byte_model.h"
#include "transom/transom.h"

namespace {

namespace fs = std::filesystem;

transom::Model load(const fs::path& folder) {
  auto config = transom::AutoConfig::from_pretrained((folder / "model").string());
  config.update({{"attention_window", 24}, {"attention_sinks", 2}, {"kv_cache_dtype", "bf16"}});
  return transom::AutoModel::from_pretrained((folder / "model").string(), config, {.threads = 2});
}

transom::GenerationConfig settings(std::int64_t tokens) {
  transom::GenerationConfig config;
  config.max_new_tokens = tokens;
  config.ignore_eos = true;
  return config;
}

int save(const fs::path& folder) {
  fs::remove_all(folder);
  transom::testing::write_byte_model(folder / "model");
  const transom::Model model = load(folder);
  const std::string prompt(300, 'x');
  auto session = model.new_session({.prefill_chunk = 64});
  session.generate(prompt, settings(20));
  session.save(folder / "text.session");
  // In one go, so that saving can not have changed what is expected.
  const auto whole = model.new_session({.prefill_chunk = 64}).generate(prompt, settings(60));
  std::ofstream out(folder / "expected");
  for (std::size_t i = 20; i < whole.tokens.size(); ++i) out << whole.tokens[i] << '\n';
  return out ? 0 : 1;
}

int restore(const fs::path& folder) {
  auto session = transom::Session::restore(load(folder), folder / "text.session");
  const auto said = session.generate("", settings(40)).tokens;
  std::ifstream in(folder / "expected");
  std::vector<transom::TokenId> expected;
  for (transom::TokenId id = 0; in >> id;) expected.push_back(id);
  if (expected.size() == 40 && said == expected) return 0;
  std::cerr << "the restored session says something else\n";
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "session_process save|restore FOLDER\n";
    return 2;
  }
  return std::string_view(argv[1]) == "save" ? save(argv[2]) : restore(argv[2]);
}
