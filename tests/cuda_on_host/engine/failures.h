// SPDX-License-Identifier: Apache-2.0
/// What kernels did wrong: races, barriers that not all reach, accesses outside of memory.
#pragma once

#include <string>
#include <vector>

namespace transom::cuda_on_host {

/// Notes a failure; the same text once. A launch that has failures ends with cudaErrorLaunchFailure.
void report_failure(const std::string& text);
/// How many were noted since the program began.
std::size_t failure_count();
/// What was noted since the last call. A program that ends with failures that no one took exits with an
/// error.
std::vector<std::string> take_failures();

}  // namespace transom::cuda_on_host
