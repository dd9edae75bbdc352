// SPDX-License-Identifier: Apache-2.0
#include "bench/cuda/ceilings.h"

#include <cublasLt.h>

#include <cstdint>

#include "bench/cuda/device_memory.h"
#include "bench/cuda/device_timer.h"
#include "bench/cuda/random_memory.h"

namespace transom::bench {

namespace {

constexpr std::int64_t kSide = 8192;
constexpr std::size_t kWorkspace = std::size_t{64} << 20;

void check(cublasStatus_t status, const char* what) {
  if (status != CUBLAS_STATUS_SUCCESS)
    throw DeviceError(core::message(what, ": ", cublasLtGetStatusString(status)));
}

/// Ordinary numbers of the type: bf16 in [1, 2) or their negatives; int8 of all values.
core::Buffer random_matrix(cudaDataType_t type) {
  const auto elements = static_cast<std::size_t>(kSide * kSide);
  return type == CUDA_R_8I ? random_memory(elements, 0xffff, 0) : random_memory(2 * elements, 0x807f, 0x3f80);
}

/// bytes: beyond what the caches hold.
double copy_bytes_per_s(DeviceTimer& timer, std::size_t bytes) {
  core::Buffer from = device_memory(bytes), to = device_memory(bytes);
  const double seconds = timer.seconds(
      [&](int, cudaStream_t stream) {
        return cudaMemcpyAsync(to.data(), from.data(), bytes, cudaMemcpyDeviceToDevice, stream);
      },
      10);
  return 2.0 * static_cast<double>(bytes) / seconds;
}

/// Multiplications and additions a second of cuBLASLt's first choice. (Not by the backend's DenseProducts,
/// which know neither int8 nor results of 16 bits.)
double product_op_per_s(DeviceTimer& timer, cublasLtHandle_t handle, cudaDataType_t type,
                        cublasComputeType_t compute, cudaDataType_t result) {
  const core::Buffer a = random_matrix(type), b = random_matrix(type);
  core::Buffer c = device_memory(static_cast<std::size_t>(kSide * kSide) * 4);
  core::Buffer workspace = device_memory(kWorkspace);
  cublasLtMatmulDesc_t product = nullptr;
  check(cublasLtMatmulDescCreate(&product, compute, compute == CUBLAS_COMPUTE_32I ? CUDA_R_32I : CUDA_R_32F),
        "cublasLtMatmulDescCreate");
  const cublasOperation_t transposed = CUBLAS_OP_T;
  check(cublasLtMatmulDescSetAttribute(product, CUBLASLT_MATMUL_DESC_TRANSA, &transposed, sizeof transposed),
        "cublasLtMatmulDescSetAttribute");
  cublasLtMatrixLayout_t inputs = nullptr, output = nullptr;
  check(cublasLtMatrixLayoutCreate(&inputs, type, kSide, kSide, kSide), "cublasLtMatrixLayoutCreate");
  check(cublasLtMatrixLayoutCreate(&output, result, kSide, kSide, kSide), "cublasLtMatrixLayoutCreate");
  cublasLtMatmulPreference_t preference = nullptr;
  check(cublasLtMatmulPreferenceCreate(&preference), "cublasLtMatmulPreferenceCreate");
  check(cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES,
                                             &kWorkspace, sizeof kWorkspace),
        "cublasLtMatmulPreferenceSetAttribute");
  cublasLtMatmulHeuristicResult_t best = {};
  int found = 0;
  check(cublasLtMatmulAlgoGetHeuristic(handle, product, inputs, inputs, output, output, preference, 1, &best,
                                       &found),
        "cublasLtMatmulAlgoGetHeuristic");
  const float one = 1, zero = 0;
  const std::int32_t whole_one = 1, whole_zero = 0;
  const bool whole = compute == CUBLAS_COMPUTE_32I;
  const double seconds = timer.seconds(
      [&](int, cudaStream_t stream) {
        check(cublasLtMatmul(handle, product, whole ? static_cast<const void*>(&whole_one) : &one, a.data(),
                             inputs, b.data(), inputs, whole ? static_cast<const void*>(&whole_zero) : &zero,
                             c.data(), output, c.data(), output, &best.algo, workspace.data(), kWorkspace,
                             stream),
              "cublasLtMatmul");
        return cudaSuccess;
      },
      5);
  cublasLtMatmulPreferenceDestroy(preference);
  cublasLtMatrixLayoutDestroy(inputs);
  cublasLtMatrixLayoutDestroy(output);
  cublasLtMatmulDescDestroy(product);
  return 2.0 * static_cast<double>(kSide) * static_cast<double>(kSide) * static_cast<double>(kSide) / seconds;
}

}  // namespace

double measure_gpu_bandwidth() {
  DeviceTimer timer;
  return copy_bytes_per_s(timer, std::size_t{256} << 20);  // beside a model there may be room for little
}

Roofline measure_gpu_roofline() {
  DeviceTimer timer;
  cublasLtHandle_t handle = nullptr;
  check(cublasLtCreate(&handle), "cublasLtCreate");
  Roofline roofline;
  roofline.read_bytes_per_s = copy_bytes_per_s(timer, std::size_t{1} << 30);
  roofline.bf16_flop_per_s = product_op_per_s(timer, handle, CUDA_R_16BF, CUBLAS_COMPUTE_32F, CUDA_R_16BF);
  roofline.int8_op_per_s = product_op_per_s(timer, handle, CUDA_R_8I, CUBLAS_COMPUTE_32I, CUDA_R_32I);
  roofline.f32_flop_per_s = roofline.bf16_flop_per_s;  // products run on the same unit
  cublasLtDestroy(handle);
  return roofline;
}

}  // namespace transom::bench
