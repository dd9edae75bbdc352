// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <iostream>

#include "tests/support/byte_model.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "make_byte_model DIRECTORY\n";
    return 1;
  }
  transom::testing::write_byte_model(argv[1]);
  transom::testing::write_chat_template(argv[1]);
  return 0;
}
