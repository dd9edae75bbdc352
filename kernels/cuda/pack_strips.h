// SPDX-License-Identifier: Apache-2.0
/// Weights into tile_layout.h on the host, a strip a call, from any number of threads.
#pragma once

#include "kernels/common/tile_layout.h"

namespace transom::kernels::cuda {

void pack_strip(const PackStripArgs& args);

}  // namespace transom::kernels::cuda
