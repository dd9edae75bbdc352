// SPDX-License-Identifier: Apache-2.0
/// Vectorised `linear`. Kernels of one instruction set; a set inherits what it does not list.
#pragma once

#include "kernels/cpu/linear_kernel.h"

namespace transom::kernels {

namespace avx2 {
extern const LinearKernel kLinearF32Decode, kLinearF32Gemm;
extern const LinearKernel kLinearBf16Decode, kLinearBf16Gemm;
extern const LinearKernel kLinearI8Decode, kLinearI8Gemm;
void quantize_rows(const QuantizeRowsArgs& args);
}  // namespace avx2

namespace avx512 {
extern const LinearKernel kLinearF32Decode, kLinearF32Gemm;
extern const LinearKernel kLinearBf16Decode, kLinearBf16Gemm;
extern const LinearKernel kLinearI8Decode, kLinearI8Gemm;
void quantize_rows(const QuantizeRowsArgs& args);
}  // namespace avx512

namespace avx512_vnni {
extern const LinearKernel kLinearI8Decode, kLinearI8Gemm;
}

namespace avx512_bf16 {
extern const LinearKernel kLinearBf16Decode, kLinearBf16Gemm;
}

}  // namespace transom::kernels
