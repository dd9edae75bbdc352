// SPDX-License-Identifier: Apache-2.0
/// The CUDA backend, which lives in a library of its own and is opened when a device asks for it: this
/// library needs neither toolkit nor driver.
#pragma once

#include <memory>

#include "backend/backend.h"
#include "transom/version.h"

namespace transom::backend {

/// Opens libtransom_cuda: the file that TRANSOM_CUDA_LIBRARY names, or the one beside this library, or the
/// one that the loader finds; it stays open.
/// @param device Index of the GPU. @param threads That pack weights, 0: one per core.
/// @throws DeviceError that says what is missing: the library, a driver, or the device.
std::shared_ptr<Backend> open_cuda_backend(int device, bool graphs, int threads = 0);

/// The function that the library exports under the name below. @param version Of the caller, which must be
/// that of the library.
using OpenCudaBackend = Backend*(int version, int device, bool graphs, int threads);
inline constexpr const char* kOpenCudaBackend = "transom_open_cuda_backend";
/// Compiled into both.
inline constexpr int kCudaLibraryVersion =
    TRANSOM_VERSION_MAJOR * 10000 + TRANSOM_VERSION_MINOR * 100 + TRANSOM_VERSION_PATCH;

}  // namespace transom::backend
