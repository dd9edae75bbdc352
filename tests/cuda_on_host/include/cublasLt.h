// SPDX-License-Identifier: Apache-2.0
/// Stands in for the toolkit's header: cuBLASLt itself is not emulated, see ../dense_products.cpp.
#pragma once

using cublasLtHandle_t = void*;
