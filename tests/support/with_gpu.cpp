// SPDX-License-Identifier: Apache-2.0
// usage: transom_with_gpu PROGRAM [ARGUMENT...]
//
// Runs a program of tests that need a GPU, or says that they were skipped (exit code 77) where device "cuda" cannot be
// opened. TRANSOM_CUDA_LIBRARY names the library.
#include <unistd.h>

#include <cstdio>

#include "backend/cuda_library.h"
#include "transom/error.h"

int main(int argc, char** argv) {
  constexpr int kSkipped = 77, kFailed = 1;
  if (argc < 2) {
    std::fprintf(stderr, "usage: transom_with_gpu PROGRAM [ARGUMENT...]\n");
    return kFailed;
  }
  try {
    transom::backend::open_cuda_backend(0, false);
  } catch (const transom::DeviceError& error) {
    std::printf("skipped: no CUDA device (%s)\n", error.what());
    return kSkipped;
  }
  ::execv(argv[1], argv + 1);
  std::perror(argv[1]);
  return kFailed;
}
