// SPDX-License-Identifier: Apache-2.0
#include "backend/cuda/cuda_backend.h"

#include "backend/cuda/cuda_check.h"
#include "core/checks.h"
#include "core/count.h"
#include "kernels/cuda/gated_mul.h"

namespace transom::backend {

using core::count;
using core::message;

namespace {

std::string cuda_version(int number) { return message("CUDA ", number / 1000, ".", number % 1000 / 10); }

/// In words for who can mend it.
std::string why_no_gpu(cudaError_t status) {
  if (status != cudaErrorInsufficientDriver) return cudaGetErrorString(status);
  int driver = 0, runtime = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  if (driver == 0) return "there is no NVIDIA driver (libcuda.so.1)";
  return message("the NVIDIA driver is of ", cuda_version(driver),
                 ", too old for libtransom_cuda, which is of ", cuda_version(runtime));
}

int checked_device(int device) {
  int devices = 0;
  const cudaError_t status = cudaGetDeviceCount(&devices);
  if (status != cudaSuccess) {
    cudaGetLastError();
    throw DeviceError(message("device \"cuda\": no usable GPU: ", why_no_gpu(status)));
  }
  if (device < 0 || device >= devices)
    throw DeviceError(message("device \"cuda:", device, "\": this machine has ", devices, " CUDA device",
                              devices == 1 ? "" : "s"));
  check_cuda(cudaSetDevice(device), "cudaSetDevice");
  return device;
}

}  // namespace

CudaBackend::CudaBackend(int device, bool graphs, int threads)
    : device_(checked_device(device)),
      arena_(std::make_shared<DeviceArena>(device)),
      steps_(*arena_, graphs),
      dense_(*arena_),
      threads_(threads) {
  cudaDeviceProp properties = {};
  check_cuda(cudaGetDeviceProperties(&properties, device), "cudaGetDeviceProperties");
  name_ = message("sm_", properties.major, properties.minor, " (", properties.name, ")");
  multiprocessors_ = static_cast<unsigned>(properties.multiProcessorCount);
  try_a_kernel(properties);
}

CudaBackend::~CudaBackend() { cudaSetDevice(device_); }

void CudaBackend::try_a_kernel(const cudaDeviceProp& properties) {
  kernels::GatedMulArgs args;
  float* const numbers = static_cast<float*>(scratch(gate_and_up_, 3 * sizeof(float)));
  args.src = numbers;
  args.dst = numbers + 2;
  args.n_tokens = args.n = 1;
  const cudaError_t status = kernels::cuda::launch_gated_mul(args, steps_.stream());
  if (status == cudaErrorNoKernelImageForDevice) {
    cudaGetLastError();
    throw DeviceError(message("device \"cuda:", device_, "\": libtransom_cuda holds no kernels for ", name_,
                              "; where that is sm_80 or newer, build it with -DTRANSOM_CUDA_ARCHITECTURES=",
                              properties.major, properties.minor, "-real"));
  }
  check_cuda(status, "a first kernel");
  synchronize();
}

void CudaBackend::use_device() const { check_cuda(cudaSetDevice(device_), "cudaSetDevice"); }

BackendInfo CudaBackend::describe() const { return {message("cuda:", device_), name_, 0}; }

Buffer CudaBackend::allocate(std::size_t bytes, const char* purpose, Buffer::Pages) {
  return arena_->allocate(bytes, purpose);
}

DeviceMemory CudaBackend::memory() const { return arena_->memory(); }

void CudaBackend::upload(const TensorView& dst, std::span<const std::byte> src) {
  const std::lock_guard lock(mutex_);
  use_device();
  check_cuda(cudaMemcpyAsync(dst.data, src.data(), src.size(), cudaMemcpyHostToDevice, steps_.stream()),
             "cudaMemcpyAsync");
  synchronize();
}

void CudaBackend::download(std::span<float> dst, const TensorView& src) { steps_.download(dst, src); }

void CudaBackend::synchronize() {
  check_cuda(cudaStreamSynchronize(steps_.stream()), "cudaStreamSynchronize");
}

void CudaBackend::execute(const std::function<void()>& step) {
  const std::lock_guard lock(mutex_);
  use_device();
  steps_.run(step);
}

void* CudaBackend::scratch(Buffer& buffer, std::size_t bytes) {
  if (buffer.size() >= bytes) return buffer.data();
  steps_.forget_graphs();  // they know where it was
  buffer = {};             // first, so that the two need not fit side by side
  buffer = arena_->allocate(bytes, "kernel scratch");
  return buffer.data();
}

}  // namespace transom::backend
