// SPDX-License-Identifier: Apache-2.0
/// Speed of tokenizers on texts, one thread.
///
///   transom-tokenizer-bench (DIRECTORY | TEXT | @word | @spaces | @marks)... [--rounds=5]
///
/// Directories hold tokenizers, files are texts; every tokenizer is measured on every text. `@word` is a word
/// of a million letters, `@spaces` two million spaces, `@marks` a million different punctuation marks: texts
/// that no tokenizer may take quadratic time for. Each line gives MB (10^6 bytes) of text a second of the
/// best round, for encoding and decoding, and how many times longer the text takes to encode than its first
/// half.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "io/file.h"
#include "text/tokenizer_loader.h"
#include "text/utf8.h"
#include "transom/error.h"

namespace {

using transom::text::TokenizerImpl;

struct Text {
  std::string name;
  std::string bytes;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// The best of some rounds, in seconds.
template <typename Action>
double best_time(int rounds, const Action& action) {
  double best = 1e9;
  for (int round = 0; round < rounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    action();
    best = std::min(best, seconds_since(start));
  }
  return best;
}

Text read_text(const std::string& name) {
  if (name == "@word") return {name, std::string(1000000, 'a')};
  if (name == "@spaces") return {name, std::string(2000000, ' ')};
  if (name == "@marks") {
    Text text{name, {}};
    for (unsigned i = 0; i < 1000000; ++i) text.bytes.push_back("!?.,:;-()[]/"[i * 2654435761u >> 16 & 7]);
    return text;
  }
  return {std::filesystem::path(name).filename(),
          transom::io::read_text_file(name, transom::text::kMaxTextBytes)};
}

void measure(const TokenizerImpl& tokenizer, const std::string& name, const Text& text, int rounds) {
  std::string half = text.bytes.substr(0, text.bytes.size() / 2);
  half.resize(transom::text::valid_utf8_prefix(half));
  std::vector<transom::TokenId> ids;
  const double encode = best_time(rounds, [&] { ids = tokenizer.encode(text.bytes, {}); });
  const double encode_half = best_time(rounds, [&] { tokenizer.encode(half, {}); });
  const double decode = best_time(rounds, [&] { tokenizer.decode(ids, {}); });
  const double megabytes = static_cast<double>(text.bytes.size()) / 1e6;
  std::printf("%-20s %-24s %8.1f %8.1f %8.2f %10zu\n", name.c_str(), text.name.c_str(), megabytes / encode,
              megabytes / decode, encode / encode_half, ids.size());
}

void run(const std::vector<std::string>& arguments) {
  int rounds = 5;
  std::vector<std::string> directories;
  std::vector<Text> texts;
  for (const std::string& argument : arguments) {
    if (argument.starts_with("--rounds=")) {
      rounds = std::max(1, std::atoi(argument.c_str() + 9));
    } else if (std::filesystem::is_directory(argument)) {
      directories.push_back(argument);
    } else {
      texts.push_back(read_text(argument));
    }
  }
  std::printf("%-20s %-24s %8s %8s %8s %10s\n", "tokenizer", "text", "encode", "decode", "/half", "ids");
  for (const std::string& directory : directories) {
    const auto tokenizer = transom::text::load_tokenizer(directory);
    const std::string name = std::filesystem::path(directory).filename();
    for (const Text& text : texts) measure(*tokenizer, name, text, rounds);
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3) {
    std::cerr
        << "usage: transom-tokenizer-bench (DIRECTORY | TEXT | @word | @spaces | @marks)... [--rounds=5]\n";
    return 2;
  }
  run({argv + 1, argv + argc});
  return 0;
} catch (const transom::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
