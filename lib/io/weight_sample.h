// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "io/safetensors.h"

namespace transom::io {

/// A number that tells the weights of one model from those of another, of the same shapes too: a checksum of
/// every tensor's name, dtype, shape and some of its bytes. However the tensors are dealt to files, it is the
/// same. It reads a few pages of each tensor, so that it costs milliseconds for a model of any size; two
/// models that differ in single values may share it.
std::uint64_t sample_weights(const Checkpoint& checkpoint);

}  // namespace transom::io
