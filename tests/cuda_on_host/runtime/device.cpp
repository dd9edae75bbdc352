// SPDX-License-Identifier: Apache-2.0
/// The device, its errors, and launches of kernels.
#include "tests/cuda_on_host/runtime/device.h"

#include <cstring>
#include <utility>

#include "tests/cuda_on_host/engine/execution.h"
#include "tests/cuda_on_host/engine/failures.h"
#include "tests/cuda_on_host/engine/kernel_names.h"
#include "tests/cuda_on_host/runtime/regions.h"
#include "tests/cuda_on_host/runtime/streams.h"
#include "tests/cuda_on_host/runtime/submit.h"

namespace transom::cuda_on_host {
namespace {

int device_count = 1;
Lack lack_of_device = Lack::nothing;
std::size_t memory_of_kernels = 0;
thread_local cudaError_t last_error = cudaSuccess;

// As an H100 answers.
constexpr int kMultiprocessors = 132, kMajor = 9, kMinor = 0, kVersion = 13000;
int driver_version = kVersion;

}  // namespace

void set_device_count(int count) { device_count = count; }
void set_driver_version(std::optional<int> version) { driver_version = version.value_or(kVersion); }
void set_lack(Lack lack) { lack_of_device = lack; }
void set_memory_of_kernels(std::size_t bytes) { memory_of_kernels = bytes; }
bool lacks(Lack lack) { return lack_of_device == lack; }

cudaError_t note(cudaError_t error) {
  if (error != cudaSuccess && error != cudaErrorNotReady) last_error = error;
  return error;
}

cudaError_t submit_launch(cudaStream_t stream, const void* kernel, dim3 grid, dim3 block,
                          std::size_t shared_bytes, std::function<void()> body) {
  const std::lock_guard lock(device_lock());
  if (lacks(Lack::kernels)) return note(cudaErrorNoKernelImageForDevice);
  if (!take_device_memory(memory_of_kernels)) return note(cudaErrorMemoryAllocation);
  return_device_memory(memory_of_kernels);
  const Launch launch{kernel_name(kernel), grid, block, shared_bytes, nullptr, nullptr};
  const std::string wrong = wrong_shape(launch);
  if (!wrong.empty()) {
    report_failure(launch.kernel + ": " + wrong);
    return note(cudaErrorInvalidConfiguration);
  }
  return enqueue(stream, {[=] {
                            Launch now = launch;
                            std::function<void()> copy = body;
                            now.body = [](void* context) {
                              (*static_cast<std::function<void()>*>(context))();
                            };
                            now.context = &copy;
                            return run(now) ? cudaSuccess : cudaErrorLaunchFailure;
                          },
                          kernel});
}

}  // namespace transom::cuda_on_host

using namespace transom::cuda_on_host;

cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }
cudaError_t cudaPeekAtLastError() { return last_error; }

const char* cudaGetErrorName(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "cudaSuccess";
    case cudaErrorMemoryAllocation:
      return "cudaErrorMemoryAllocation";
    case cudaErrorLaunchFailure:
      return "cudaErrorLaunchFailure";
    case cudaErrorInvalidConfiguration:
      return "cudaErrorInvalidConfiguration";
    case cudaErrorNoDevice:
      return "cudaErrorNoDevice";
    default:
      return "cudaError";
  }
}

const char* cudaGetErrorString(cudaError_t error) {
  switch (error) {
    case cudaSuccess:
      return "no error";
    case cudaErrorMemoryAllocation:
      return "out of memory";
    case cudaErrorLaunchFailure:
      return "unspecified launch failure";
    case cudaErrorInvalidConfiguration:
      return "invalid configuration argument";
    case cudaErrorNoDevice:
      return "no CUDA-capable device is detected";
    default:
      return "error of the emulated runtime";
  }
}

cudaError_t cudaGetDeviceCount(int* count) {
  if (driver_version < kVersion) return note(cudaErrorInsufficientDriver);
  *count = device_count;
  return device_count > 0 ? cudaSuccess : note(cudaErrorNoDevice);
}
cudaError_t cudaSetDevice(int device) {
  return device >= 0 && device < device_count ? cudaSuccess : note(cudaErrorInvalidDevice);
}
cudaError_t cudaGetDevice(int* device) {
  *device = 0;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
  if (const cudaError_t error = cudaSetDevice(device)) return error;
  *properties = {};
  std::strcpy(properties->name, "CUDA on the host");
  std::size_t free = 0;
  cudaMemGetInfo(&free, &properties->totalGlobalMem);
  properties->sharedMemPerBlock = 48 * 1024;
  properties->sharedMemPerBlockOptin = shared_memory_limit();
  properties->sharedMemPerMultiprocessor = shared_memory_limit() + 1024;
  properties->regsPerBlock = 65536;
  properties->warpSize = 32;
  properties->maxThreadsPerBlock = static_cast<int>(kMostThreads);
  properties->multiProcessorCount = kMultiprocessors;
  properties->major = kMajor;
  properties->minor = kMinor;
  properties->l2CacheSize = 50 << 20;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  if (const cudaError_t error = cudaSetDevice(device)) return error;
  switch (attribute) {
    case cudaDevAttrMultiProcessorCount:
      *value = kMultiprocessors;
      return cudaSuccess;
    case cudaDevAttrComputeCapabilityMajor:
      *value = kMajor;
      return cudaSuccess;
    case cudaDevAttrComputeCapabilityMinor:
      *value = kMinor;
      return cudaSuccess;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
      *value = static_cast<int>(shared_memory_limit());
      return cudaSuccess;
    case cudaDevAttrMemoryPoolsSupported:
      *value = lacks(Lack::memory_pools) ? 0 : 1;
      return cudaSuccess;
  }
  return note(cudaErrorInvalidValue);
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = driver_version;
  return cudaSuccess;
}
cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = kVersion;
  return cudaSuccess;
}
