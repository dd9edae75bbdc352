// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace transom::cuda_on_host {

/// The name of a function of this program, without its namespaces and parameters: "matmul<64, 128>". From the
/// symbol table of the program's file, which holds names of unnamed namespaces too.
std::string kernel_name(const void* function);

/// The same of a demangled name.
std::string short_name(const std::string& demangled);

}  // namespace transom::cuda_on_host
