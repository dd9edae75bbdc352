// SPDX-License-Identifier: Apache-2.0
/// Speed of a tokenizer on a text file, one thread.
///
///   tokenizer_bench DIRECTORY TEXT [ROUNDS]
///
/// Prints the time to load, and of ROUNDS (5) encodings and decodings the best, in MB (10^6 bytes) of text a
/// second.
#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <string>

#include "io/file.h"
#include "text/tokenizer_loader.h"
#include "transom/error.h"

namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void run(const std::filesystem::path& directory, const std::filesystem::path& text_path, int rounds) {
  const std::string text = transom::io::read_text_file(text_path, transom::text::kMaxTextBytes);
  const auto load_start = std::chrono::steady_clock::now();
  const auto tokenizer = transom::text::load_tokenizer(directory);
  std::cout << "load    " << seconds_since(load_start) << " s, " << tokenizer->vocab_size() << " tokens\n";
  double encode = 1e9;
  double decode = 1e9;
  std::size_t n_ids = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto encode_start = std::chrono::steady_clock::now();
    const auto ids = tokenizer->encode(text, {});
    encode = std::min(encode, seconds_since(encode_start));
    const auto decode_start = std::chrono::steady_clock::now();
    const std::string back = tokenizer->decode(ids, {});
    decode = std::min(decode, seconds_since(decode_start));
    n_ids = ids.size();
  }
  const double megabytes = static_cast<double>(text.size()) / 1e6;
  std::cout << "encode  " << megabytes / encode << " MB/s, " << n_ids << " ids of " << text.size()
            << " bytes\n"
            << "decode  " << megabytes / decode << " MB/s\n";
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 3 || argc > 4) {
    std::cerr << "usage: tokenizer_bench DIRECTORY TEXT [ROUNDS]\n";
    return 2;
  }
  run(argv[1], argv[2], argc == 4 ? std::max(1, std::atoi(argv[3])) : 5);
  return 0;
} catch (const transom::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
