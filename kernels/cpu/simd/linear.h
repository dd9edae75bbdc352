// SPDX-License-Identifier: Apache-2.0
/// Vectorised `linear`. Kernels of one instruction set; a set inherits what it does not list.
#pragma once

#include "kernels/cpu/linear_kernel.h"

namespace transom::kernels {

namespace avx2 {
extern const LinearKernel kLinearF32Decode, kLinearF32Gemm;
extern const LinearKernel kLinearBf16Decode, kLinearBf16Gemm;
extern const LinearKernel kLinearI8Decode, kLinearI8Gemm;
extern const LinearKernel kLinearI4Decode, kLinearI4Gemm;
extern const LinearKernel kLinearI3Decode, kLinearI3Gemm;
extern const LinearKernel kLinearI2Decode, kLinearI2Gemm;
extern const LinearKernel kLinearI8Exact, kLinearI4Exact, kLinearI3Exact, kLinearI2Exact;
void quantize_rows(const QuantizeRowsArgs& args);
}  // namespace avx2

namespace avx_vnni {
extern const LinearKernel kLinearI8Decode, kLinearI8Gemm;
extern const LinearKernel kLinearI4Decode, kLinearI4Gemm;
extern const LinearKernel kLinearI3Decode, kLinearI3Gemm;
extern const LinearKernel kLinearI2Decode, kLinearI2Gemm;
}  // namespace avx_vnni

namespace avx512 {
extern const LinearKernel kLinearF32Decode, kLinearF32Gemm;
extern const LinearKernel kLinearBf16Decode, kLinearBf16Gemm;
extern const LinearKernel kLinearI8Decode, kLinearI8Gemm;
extern const LinearKernel kLinearI4Decode, kLinearI4Gemm;
extern const LinearKernel kLinearI3Decode, kLinearI3Gemm;
extern const LinearKernel kLinearI2Decode, kLinearI2Gemm;
extern const LinearKernel kLinearI8Exact, kLinearI4Exact, kLinearI3Exact, kLinearI2Exact;
void quantize_rows(const QuantizeRowsArgs& args);
}  // namespace avx512

namespace avx512_vnni {
extern const LinearKernel kLinearI8Decode, kLinearI8Gemm;
extern const LinearKernel kLinearI4Decode, kLinearI4Gemm;
extern const LinearKernel kLinearI3Decode, kLinearI3Gemm;
extern const LinearKernel kLinearI2Decode, kLinearI2Gemm;
}  // namespace avx512_vnni

namespace avx512_bf16 {
extern const LinearKernel kLinearBf16Decode, kLinearBf16Gemm;
}  // namespace avx512_bf16

namespace amx {
extern const LinearKernel kLinearI8Gemm, kLinearI4Gemm, kLinearI3Gemm, kLinearI2Gemm;
}  // namespace amx

}  // namespace transom::kernels
