// SPDX-License-Identifier: Apache-2.0
// The one function that libtransom_cuda exports.
#include "backend/cuda/cuda_backend.h"
#include "backend/cuda_library.h"
#include "core/checks.h"
#include "transom/error.h"

extern "C" __attribute__((visibility("default"))) transom::backend::Backend* transom_open_cuda_backend(
    int version, int device, bool graphs, int threads) {
  using namespace transom;
  if (version != backend::kCudaLibraryVersion) {
    throw DeviceError(
        core::message("device \"cuda\": libtransom_cuda is of another version than libtransom (",
                      backend::kCudaLibraryVersion, " and ", version, ")"));
  }
  return new backend::CudaBackend(device, graphs, threads);
}
