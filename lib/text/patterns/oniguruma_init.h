// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace transom::text {

/// Readies the library once; from any thread.
void initialize_oniguruma();

}  // namespace transom::text
