// SPDX-License-Identifier: Apache-2.0
// What tests of kernels ask the emulation of tests/cuda_on_host, answered for a device: it counts no
// accesses, chooses the order of blocks itself, has the shared memory that it has, and tells of failures by
// its error codes alone.
#include "tests/cuda_on_host/engine/access_counts.h"
#include "tests/cuda_on_host/engine/execution.h"
#include "tests/cuda_on_host/engine/failures.h"

namespace transom::cuda_on_host {

bool counts_accesses() { return false; }
Tally counts(std::string_view, std::initializer_list<Use>) { return {}; }
std::string describe_counts(std::string_view) { return {}; }
void forget_counts() {}

void reverse_blocks(bool) {}
void limit_shared_memory(std::size_t) {}

std::vector<std::string> take_failures() { return {}; }

}  // namespace transom::cuda_on_host
