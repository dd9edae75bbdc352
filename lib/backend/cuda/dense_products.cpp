// SPDX-License-Identifier: Apache-2.0
#include "backend/cuda/dense_products.h"

#include <string>
#include <utility>

#include "backend/cuda/cuda_check.h"

namespace transom::backend {

namespace {

// What NVIDIA recommends for Hopper; its algorithms that split a product need some.
constexpr std::size_t kWorkspaceBytes = std::size_t{32} << 20;

void check_cublas(cublasStatus_t status, const char* what) {
  if (status == CUBLAS_STATUS_SUCCESS) return;
  const std::string text = core::message("cuda: ", what, ": ", cublasLtGetStatusString(status));
  if (status == CUBLAS_STATUS_ALLOC_FAILED) throw OutOfMemory(text);
  throw DeviceError(text);
}

/// The largest power of two that divides an address, up to 256, which is what cuBLASLt takes for granted
/// unless it is told. Columns of a wider matrix begin anywhere.
std::uint32_t alignment_of(const void* address) {
  const auto bits = reinterpret_cast<std::uintptr_t>(address) | 256;
  return static_cast<std::uint32_t>(bits & (~bits + 1));
}

}  // namespace

/// Columns are their words for rows: weight^T [k, n] is stored as n columns of k, src^T as `rows` columns of
/// k, and dst^T [n, rows] = (weight^T)^T src^T.
struct DenseProducts::Plan {
  cublasLtMatmulDesc_t product = nullptr;
  cublasLtMatrixLayout_t weight = nullptr, src = nullptr, dst = nullptr;
  cublasLtMatmulAlgo_t algorithm = {};

  explicit Plan(const DenseProduct& wanted) {
    const cudaDataType_t type = wanted.bf16 ? CUDA_R_16BF : CUDA_R_32F;
    check_cublas(cublasLtMatmulDescCreate(&product, CUBLAS_COMPUTE_32F, CUDA_R_32F),
                 "cublasLtMatmulDescCreate");
    set(CUBLASLT_MATMUL_DESC_TRANSA, CUBLAS_OP_T);
    set(CUBLASLT_MATMUL_DESC_EPILOGUE,
        wanted.bias != nullptr ? CUBLASLT_EPILOGUE_BIAS : CUBLASLT_EPILOGUE_DEFAULT);
    if (wanted.bias != nullptr) set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, wanted.bias);
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
};

namespace {

/// What an algorithm may count on.
class Preference {
 public:
  explicit Preference(const DenseProduct& product) {
    check_cublas(cublasLtMatmulPreferenceCreate(&preference_), "cublasLtMatmulPreferenceCreate");
    set(CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, kWorkspaceBytes);
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, alignment_of(product.weight));
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, alignment_of(product.src));
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, alignment_of(product.dst));
    set(CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, alignment_of(product.dst));
  }
  ~Preference() { cublasLtMatmulPreferenceDestroy(preference_); }
  Preference(const Preference&) = delete;
  Preference& operator=(const Preference&) = delete;

  cublasLtMatmulPreference_t get() const { return preference_; }

 private:
  template <typename T>
  void set(cublasLtMatmulPreferenceAttributes_t attribute, const T& value) {
    // What it does not know it does not take for granted either.
    cublasLtMatmulPreferenceSetAttribute(preference_, attribute, &value, sizeof value);
  }

  cublasLtMatmulPreference_t preference_ = nullptr;
};

}  // namespace

DenseProducts::DenseProducts(DeviceArena& arena) : workspace_(arena.allocate(kWorkspaceBytes, "cuBLASLt")) {
  check_cublas(cublasLtCreate(&handle_), "cublasLtCreate");
}

DenseProducts::~DenseProducts() {
  plans_.clear();
  cublasLtDestroy(handle_);
}

DenseProducts::Shape DenseProducts::shape_of(const DenseProduct& product) {
  return {product.bf16,
          product.bias != nullptr,
          {product.rows, product.n, product.k, product.src_stride, product.dst_stride},
          {alignment_of(product.weight), alignment_of(product.src), alignment_of(product.dst)}};
}

void DenseProducts::prepare(const DenseProduct& product) {
  const Shape shape = shape_of(product);
  if (plans_.contains(shape)) return;
  auto plan = std::make_unique<Plan>(product);
  const Preference preference(product);
  cublasLtMatmulHeuristicResult_t best = {};
  int found = 0;
  const cublasStatus_t status =
      cublasLtMatmulAlgoGetHeuristic(handle_, plan->product, plan->weight, plan->src, plan->dst, plan->dst,
                                     preference.get(), 1, &best, &found);
  check_cublas(found == 0 && status == CUBLAS_STATUS_SUCCESS ? CUBLAS_STATUS_NOT_SUPPORTED : status,
               "cublasLtMatmulAlgoGetHeuristic");
  plan->algorithm = best.algo;
  plans_.emplace(shape, std::move(plan));
}

cudaError_t DenseProducts::launch(const DenseProduct& product, cudaStream_t stream) {
  Plan& plan = *plans_.at(shape_of(product));
  if (product.bias != nullptr) plan.set(CUBLASLT_MATMUL_DESC_BIAS_POINTER, product.bias);
  const float one = 1, previous = product.accumulate ? 1 : 0;
  const cublasStatus_t status = cublasLtMatmul(
      handle_, plan.product, &one, product.weight, plan.weight, product.src, plan.src, &previous, product.dst,
      plan.dst, product.dst, plan.dst, &plan.algorithm, workspace_.data(), kWorkspaceBytes, stream);
  // A second call begins anew: what adds to dst comes last.
  if (status == CUBLAS_STATUS_ALLOC_FAILED) return cudaErrorMemoryAllocation;
  check_cublas(status, "cublasLtMatmul");
  return cudaSuccess;
}

}  // namespace transom::backend
