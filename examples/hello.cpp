// SPDX-License-Identifier: Apache-2.0
// The nine-line program of the README, with a path to try and errors that speak.
#include <transom/transom.h>

#include <iostream>

int main(int argc, char** argv) try {
  const char* path = argc > 1 ? argv[1] : "deepseek/7b";  // a directory, or org/name in the local Hugging Face cache
  auto config = transom::AutoConfig::from_pretrained(path);
  config.update({{"attention_window", 2048}, {"quantization", "int8"}});
  auto model = transom::AutoModel::from_pretrained(path, config);
  const char* prompt = argc > 2 ? argv[2] : "Once upon a time";
  std::cout << prompt;
  model.generate(prompt, {.max_new_tokens = 64}, [](std::string_view piece) {
    std::cout << piece << std::flush;
    return true;
  });
  std::cout << '\n';
} catch (const transom::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
