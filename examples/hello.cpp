// SPDX-License-Identifier: Apache-2.0
// The smallest program: loads a model directory and streams text.
#include <transom/transom.h>

#include <iostream>

int main(int argc, char** argv) try {
  if (argc < 2) throw transom::InvalidArgument("usage: transom-hello MODEL_DIRECTORY [PROMPT]");
  const auto model = transom::AutoModel::from_pretrained(argv[1]);
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
