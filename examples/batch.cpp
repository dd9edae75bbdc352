// SPDX-License-Identifier: Apache-2.0
// Continues every line of a file, many at a time: the weights are read once for all of them.
#include <transom/transom.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

namespace {

std::vector<std::string> read_lines(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw transom::NotFound("cannot read " + path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (!line.empty()) lines.push_back(line);
  }
  return lines;
}

}  // namespace

int main(int argc, char** argv) try {
  std::string directory, path;
  int max_new_tokens = 64;
  CLI::App app("Continues each line of a file");
  app.add_option("model", directory, "Model directory, or org/name in the local Hugging Face cache")
      ->required();
  app.add_option("prompts", path, "Text file with a prompt on each line")->required();
  app.add_option("--max-new-tokens", max_new_tokens, "Tokens to generate at most for each");
  CLI11_PARSE(app, argc, argv);

  const auto model = transom::AutoModel::from_pretrained(directory);
  const std::vector<std::string> prompts = read_lines(path);
  const auto start = std::chrono::steady_clock::now();
  const auto results = model.generate_batch(prompts, {.max_new_tokens = max_new_tokens});
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  std::size_t tokens = 0;
  for (std::size_t i = 0; i < results.size(); ++i) {
    std::cout << prompts[i] << results[i].text << "\n\n";
    tokens += results[i].tokens.size();
  }
  std::cerr << results.size() << " texts, " << tokens << " tokens, " << static_cast<double>(tokens) / seconds
            << " tokens/s\n";
  return 0;
} catch (const transom::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
