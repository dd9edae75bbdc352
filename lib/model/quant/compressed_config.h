// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/json.h"
#include "model/quant/checkpoint_quantization.h"

namespace transom::model {

/// Reads what is special to compressed-tensors: layouts, groups and their targets.
void read_compressed_config(const io::Json& json, CheckpointQuantization& result);

}  // namespace transom::model
