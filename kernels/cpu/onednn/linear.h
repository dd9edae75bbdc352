// SPDX-License-Identifier: Apache-2.0
/// `linear` of many rows by oneDNN, on the same packed memory.
#pragma once

#include "kernels/cpu/linear_kernel.h"

namespace transom::kernels::onednn {

/// False when built without oneDNN: then the kernels below refuse in create.
bool available();

/// Fewest rows for which a kernel is worth its primitives.
inline constexpr size_t kSmallestRows = 16;

extern const LinearKernel kLinearF32, kLinearBf16, kLinearI8;

}  // namespace transom::kernels::onednn
