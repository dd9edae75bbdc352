// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace transom::cuda_on_host {

/// How many devices the runtime says there are: 1 unless a test wants none.
void set_device_count(int count);

}  // namespace transom::cuda_on_host
