// SPDX-License-Identifier: Apache-2.0
/// Runs a program with TRANSOM_CPU_ISA set, or says that this machine has no such instruction set.
///
///   transom_with_isa <isa> <program> [arguments]
///
/// Ends with the status of the program, or 77 when it was skipped.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "kernels/cpu/kernel_table.h"

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: %s <isa> <program> [arguments]\n", argv[0]);
    return 2;
  }
  transom::kernels::Isa isa;
  // A name that nobody knows is a mistake in the list of tests, no matter of the machine.
  if (!transom::kernels::isa_from_name(argv[1], &isa)) {
    std::fprintf(stderr, "unknown instruction set %s\n", argv[1]);
    return 2;
  }
  if (!transom::kernels::has_isa(isa)) {
    std::printf("skipped: no %s here\n", argv[1]);
    return 77;
  }
  ::setenv("TRANSOM_CPU_ISA", argv[1], 1);
  ::execv(argv[2], argv + 2);
  std::perror(argv[2]);
  return 2;
}
