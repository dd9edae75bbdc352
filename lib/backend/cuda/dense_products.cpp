// SPDX-License-Identifier: Apache-2.0
#include "backend/cuda/dense_products.h"

#include <algorithm>

#include "backend/cuda/cuda_check.h"
#include "backend/cuda/cuda_memory.h"

namespace transom::backend {

namespace {

// What NVIDIA recommends for Hopper; its algorithms that split a product need some.
constexpr std::size_t kWorkspaceBytes = std::size_t{32} << 20;

void check_cublas(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  throw DeviceError(core::message("cuda: ", what, ": ", cublasLtGetStatusString(status)));
}

}  // namespace

/// Columns are their words for rows: weight^T [k, n] is stored as n columns of k, src^T as `rows` columns of
/// k, and dst^T [n, rows] = (weight^T)^T src^T.
struct DenseProducts::Plan {
  DenseProduct shape;  // pointers mean nothing
  cublasLtMatmulDesc_t product = nullptr;
  cublasLtMatrixLayout_t weight = nullptr, src = nullptr, dst = nullptr;
  cublasLtMatmulAlgo_t algorithm = {};

  explicit Plan(const DenseProduct& wanted) : shape(wanted) {
    const cudaDataType_t type = wanted.bf16 ? CUDA_R_16BF : CUDA_R_32F;
    check_cublas(cublasLtMatmulDescCreate(&product, CUBLAS_COMPUTE_32F, CUDA_R_32F),
                 "cublasLtMatmulDescCreate");
    set(CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
    set(CUBLASLT_MATMUL_DESC_EPILOGUE,
        wanted.bias != nullptr ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT);
    lay_out(weight, type, wanted.k, wanted.n, wanted.k);
    lay_out(src, type, wanted.k, wanted.rows, wanted.src_stride);
    lay_out(dst, CUDA_R_32F, wanted.n, wanted.rows, wanted.dst_stride);
  }
  ~Plan() {
    for (cublasLtMatrixLayout_t layout : {weight, src, dst}) {
      if (layout != nullptr) cublasLtMatrixLayoutDestroy(layout);
    }
    if (product != nullptr) cublasLtMatmulDescDestroy(product);
  }
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  template <typename T>
  void set(cublasLtMatmulDescAttributes_t attribute, const T& value) {
    check_cublas(cublasLtMatmulDescSetAttribute(product, attribute, &value, sizeof value),
                 "cublasLtMatmulDescSetAttribute");
  }
  static void lay_out(cublasLtMatrixLayout_t& layout, cudaDataType_t type, std::int64_t rows,
                      std::int64_t columns, std::int64_t stride) {
    check_cublas(cublasLtMatrixLayoutCreate(&layout, type, static_cast<std::uint64_t>(rows),
                                            static_cast<std::uint64_t>(columns), stride),
                 "cublasLtMatrixLayoutCreate");
  }
  bool serves(const DenseProduct& other) const {
    return shape.bf16 == other.bf16 && shape.rows == other.rows && shape.n == other.n && shape.k == other.k &&
           shape.src_stride == other.src_stride && shape.dst_stride == other.dst_stride &&
           (shape.bias != nullptr) == (other.bias != nullptr);
  }
};

DenseProducts::DenseProducts() : workspace_(allocate_device(kWorkspaceBytes, "cuBLASLt")) {
  check_cublas(cublasLtCreate(&handle_), "cublasLtCreate");
}

DenseProducts::~DenseProducts() {
  plans_.clear();
  cublasLtDestroy(handle_);
}

DenseProducts::Plan* DenseProducts::find(const DenseProduct& product) {
  const auto found = std::ranges::find_if(plans_, [&](const auto& plan) { return plan->serves(product); });
  return found == plans_.end() ? nullptr : found->get();
}

void DenseProducts::prepare(const DenseProduct& product) {
  if (find(product) != nullptr) return;
  auto plan = std::make_unique<Plan>(product);
  cublasLtMatmulPreference_t preference = nullptr;
  check_cublas(cublasLtMatmulPreferenceCreate(&preference), "cublasLtMatmulPreferenceCreate");
  cublasLtMatmulPreferenceSetAttribute(preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &kWorkspaceBytes,
                                       sizeof kWorkspaceBytes);
  cublasLtMatmulHeuristicResult_t best = {};
  int found = 0;
  const cublasStatus_t status = cublasLtMatmulAlgoGetHeuristic(
      handle_, plan->product, plan->weight, plan->src, plan->dst, plan->dst, preference, 1, &best, &found);
  cublasLtMatmulPreferenceDestroy(preference);
  check_cublas(found == 0 && status == CUBLAS_STATUS_SUCCESS ? CUBLAS_STATUS_NOT_SUPPORTED : status,
               "cublasLtMatmulAlgoGetHeuristic");
  plan->algorithm = best.algo;
  plans_.push_back(std::move(plan));
}

cudaError_t DenseProducts::launch(const DenseProduct& product, cudaStream_t stream) {
  Plan& plan = *find(product);
  if (product.bias != nullptr) plan.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, product.bias);
  const float one = 1, previous = product.accumulate ? 1 : 0;
  const cublasStatus_t status = cublasLtMatmul(
      handle_, plan.product, &one, product.weight, plan.weight, product.src, plan.src, &previous, product.dst,
      plan.dst, product.dst, plan.dst, &plan.algorithm, workspace_.data(), kWorkspaceBytes, stream);
  check_cublas(status, "cublasLtMatmul");
  return cudaSuccess;
}

}  // namespace transom::backend
