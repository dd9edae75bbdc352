// SPDX-License-Identifier: Apache-2.0
// Stands in for lib/backend/cuda/dense_products.cpp: cuBLASLt is no code of ours that could run on the host,
// so that its products are plain loops here, of one thread each 32 outputs of a row.
#include "backend/cuda/dense_products.h"

#include "kernels/common/bf16.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx.cuh"

namespace transom::backend {

namespace {

float element(const DenseProduct& product, const void* matrix, std::int64_t index) {
  if (!product.bf16) return static_cast<const float*>(matrix)[index];
  return kernels::bf16_to_f32(static_cast<const std::uint16_t*>(matrix)[index]);
}

__global__ void dense_product(DenseProduct product) {
  const std::int64_t row = blockIdx.x;
  for (std::int64_t o = threadIdx.x; o < product.n; o += blockDim.x) {
    float sum = 0;
    for (std::int64_t i = 0; i < product.k; ++i) {
      sum += element(product, product.src, row * product.src_stride + i) *
             element(product, product.weight, o * product.k + i);
    }
    if (product.bias != nullptr) sum += product.bias[o];
    float& to = product.dst[row * product.dst_stride + o];
    to = product.accumulate ? to + sum : sum;
  }
}

}  // namespace

struct DenseProducts::Plan {};

DenseProducts::DenseProducts(DeviceArena&) {}
DenseProducts::~DenseProducts() = default;

DenseProducts::Shape DenseProducts::shape_of(const DenseProduct& product) {
  return {product.bf16,
          product.bias != nullptr,
          {product.rows, product.n, product.k, product.src_stride, product.dst_stride},
          {}};
}

void DenseProducts::prepare(const DenseProduct& product) { plans_.try_emplace(shape_of(product)); }

cudaError_t DenseProducts::launch(const DenseProduct& product, cudaStream_t stream) {
  if (!plans_.contains(shape_of(product))) return cudaErrorInvalidValue;
  return kernels::cuda::launch(dense_product, dim3(static_cast<unsigned>(product.rows)), dim3(32), 0, stream,
                               product);
}

}  // namespace transom::backend
