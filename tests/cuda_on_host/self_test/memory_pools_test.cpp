// SPDX-License-Identifier: Apache-2.0
/// Pools of the emulated runtime: memory is there between two places of a stream, and sums are a pool's.
#include "tests/cuda_on_host/runtime/memory_pools.h"

#include <cstdint>
#include <thread>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx.cuh"
#include "tests/cuda_on_host/device_array.h"
#include "tests/cuda_on_host/runtime/device.h"
#include "tests/cuda_on_host/runtime/streams.h"
#include "tests/support/catch.h"

namespace transom::cuda_on_host {
namespace {

using namespace kernels::cuda;

__global__ void store_number(int* at, int number) {
  if (threadIdx.x == 0) store_global(at, number);
}

constexpr std::uint64_t kAll = ~std::uint64_t{0};

struct TestPool {
  explicit TestPool(std::uint64_t threshold = kAll) {
    const cudaMemPoolProps properties = {
        cudaMemAllocationTypePinned, cudaMemHandleTypeNone, {cudaMemLocationTypeDevice, 0}};
    REQUIRE(cudaMemPoolCreate(&pool, &properties) == cudaSuccess);
    REQUIRE(cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &threshold) == cudaSuccess);
    for (cudaStream_t* made : {&stream, &other}) REQUIRE(cudaStreamCreate(made) == cudaSuccess);
  }
  ~TestPool() {
    for (const cudaStream_t made : {stream, other}) cudaStreamDestroy(made);
    cudaMemPoolDestroy(pool);
  }

  template <typename T = char>
  T* take(std::size_t bytes, cudaStream_t on) const {
    void* memory = nullptr;
    REQUIRE(cudaMallocFromPoolAsync(&memory, bytes, pool, on) == cudaSuccess);
    return static_cast<T*>(memory);
  }
  std::size_t number(cudaMemPoolAttr attribute) const {
    std::uint64_t value = 0;
    REQUIRE(cudaMemPoolGetAttribute(pool, attribute, &value) == cudaSuccess);
    return value;
  }
  std::size_t used() const { return number(cudaMemPoolAttrUsedMemCurrent); }
  std::size_t pages() const { return number(cudaMemPoolAttrReservedMemCurrent) / kPoolPage; }

  cudaMemPool_t pool = nullptr;
  cudaStream_t stream = nullptr, other = nullptr;
};

cudaError_t store(int* at, int number, cudaStream_t stream) {
  return launch(store_number, dim3(1), dim3(32), 0, stream, at, number);
}

void give_back(void* memory, cudaStream_t stream) { REQUIRE(cudaFreeAsync(memory, stream) == cudaSuccess); }
void wait(cudaStream_t stream) { REQUIRE(cudaStreamSynchronize(stream) == cudaSuccess); }

}  // namespace

TEST_CASE("pools: memory is there once its stream has got to it") {
  const TestPool p;
  int* const numbers = p.take<int>(sizeof(int), p.stream);
  CHECK(store(numbers, 7, p.other) == cudaSuccess);
  CHECK(cudaStreamSynchronize(p.other) == cudaErrorLaunchFailure);
  CHECK(cudaMemsetAsync(numbers, 0, sizeof(int), p.other) == cudaSuccess);
  CHECK(cudaStreamSynchronize(p.other) == cudaErrorIllegalAddress);
  CHECK(take_failures().size() == 2);
  CHECK(store(numbers, 7, p.stream) == cudaSuccess);
  int number = 0;
  CHECK(cudaMemcpyAsync(&number, numbers, sizeof number, cudaMemcpyDeviceToHost, p.stream) == cudaSuccess);
  CHECK(number == 7);
  CHECK(store(numbers, 8, p.other) == cudaSuccess);  // it is there now
  wait(p.other);
  give_back(numbers, p.stream);
  cudaGetLastError();
}

TEST_CASE("pools: memory that was given back is there for earlier work, and for nothing later") {
  const TestPool p;
  int* const numbers = p.take<int>(sizeof(int), p.stream);
  int* const copied = p.take<int>(sizeof(int), p.stream);
  CHECK(store(numbers, 7, p.stream) == cudaSuccess);
  CHECK(cudaMemcpyAsync(copied, numbers, sizeof(int), cudaMemcpyDeviceToDevice, p.stream) == cudaSuccess);
  give_back(numbers, p.stream);
  CHECK(cudaMemsetAsync(numbers, 0, sizeof(int), p.stream) == cudaErrorInvalidValue);
  CHECK(cudaFreeAsync(numbers, p.stream) == cudaErrorInvalidValue);
  CHECK(take_failures().size() == 1);
  int number = 0;
  CHECK(cudaMemcpyAsync(&number, copied, sizeof number, cudaMemcpyDeviceToHost, p.stream) == cudaSuccess);
  CHECK(number == 7);
  CHECK(store(numbers, 8, p.stream) == cudaSuccess);
  CHECK(cudaStreamSynchronize(p.stream) == cudaErrorLaunchFailure);
  CHECK(take_failures().size() == 1);
  give_back(copied, p.stream);
  cudaGetLastError();
}

TEST_CASE("pools: small pieces share a page, and memory goes round") {
  const TestPool p;
  const std::size_t before = device_memory_in_use();
  std::vector<char*> pieces;
  for (int i = 0; i < 100; ++i) pieces.push_back(p.take(1000, p.stream));
  CHECK(p.used() == 100 * 1024);
  CHECK(p.pages() == 1);
  for (char* piece : pieces) give_back(piece, p.stream);
  CHECK(p.used() == 0);
  char* const large = p.take(3 * kPoolPage, p.stream);
  CHECK(p.pages() == 3);  // the stream takes what it has given back, before it gets there
  give_back(large, p.stream);
  char* const elsewhere = p.take(kPoolPage, p.other);
  CHECK(p.pages() == 4);  // another stream does not
  wait(p.stream);
  char* const again = p.take(3 * kPoolPage, p.other);
  CHECK(p.pages() == 4);
  CHECK(device_memory_in_use() - before == 4 * kPoolPage);
  give_back(again, p.other);
  CHECK(cudaMemPoolTrimTo(p.pool, 0) == cudaSuccess);
  CHECK(p.pages() == 4);  // nobody has seen that the stream got there
  wait(p.other);
  CHECK(p.pages() == 4);
  CHECK(cudaMemPoolTrimTo(p.pool, 2 * kPoolPage) == cudaSuccess);
  CHECK(p.pages() == 2);
  give_back(elsewhere, p.other);
}

TEST_CASE("pools: what is above the threshold goes back when someone waits") {
  const TestPool p(kPoolPage);
  give_back(p.take(3 * kPoolPage, p.stream), p.stream);
  CHECK(p.pages() == 3);
  wait(p.stream);
  CHECK(p.pages() == 1);
  cudaMemPool_t default_pool = nullptr;
  REQUIRE(cudaDeviceGetDefaultMemPool(&default_pool, 0) == cudaSuccess);
  const std::size_t before = device_memory_in_use();
  void* memory = nullptr;
  REQUIRE(cudaMallocAsync(&memory, 100, p.stream) == cudaSuccess);
  CHECK(device_memory_in_use() == before + kPoolPage);
  give_back(memory, p.stream);
  wait(p.stream);
  CHECK(device_memory_in_use() == before);
  CHECK(cudaMemPoolDestroy(default_pool) == cudaErrorInvalidValue);
  cudaGetLastError();
}

TEST_CASE("pools: one that is destroyed ends with its last memory") {
  const std::size_t before = device_memory_in_use();
  {
    TestPool p;
    char* const kept = p.take(100, p.stream);
    give_back(p.take(5 * kPoolPage, p.stream), p.stream);
    wait(p.stream);
    CHECK(cudaMemPoolDestroy(p.pool) == cudaSuccess);
    CHECK(device_memory_in_use() == before + kPoolPage);
    void* more = nullptr;
    CHECK(cudaMallocFromPoolAsync(&more, 100, p.pool, p.stream) == cudaErrorInvalidValue);
    give_back(kept, p.stream);
    CHECK(device_memory_in_use() == before + kPoolPage);
    wait(p.stream);
    CHECK(device_memory_in_use() == before);
  }
  cudaGetLastError();
}

TEST_CASE("pools: memory may be short, and cudaFree waits for nothing") {
  const TestPool p;
  limit_device_memory(device_memory_in_use() + 2 * kPoolPage);
  char* const memory = p.take(kPoolPage, p.stream);
  void* more = nullptr;
  CHECK(cudaMallocFromPoolAsync(&more, kPoolPage + 1, p.pool, p.stream) == cudaErrorMemoryAllocation);
  CHECK(more == nullptr);
  CHECK(cudaMalloc(&more, kPoolPage + 1) == cudaErrorMemoryAllocation);
  wait(p.stream);
  const std::int64_t before = device_synchronisations();
  CHECK(cudaFree(memory) == cudaSuccess);
  CHECK(device_synchronisations() == before);
  CHECK(p.used() == 0);
  CHECK(cudaMallocFromPoolAsync(&more, 2 * kPoolPage, p.pool, p.stream) == cudaSuccess);
  give_back(more, p.stream);
  limit_device_memory(0);
  cudaGetLastError();
}

TEST_CASE("pools: a capture makes nodes of allocations, and frees only its own") {
  const TestPool p;
  const std::size_t before = device_memory_in_use();
  int* const outside = p.take<int>(sizeof(int), p.stream);
  cudaGraph_t graph = nullptr;
  REQUIRE(cudaStreamBeginCapture(p.stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  int* const inside = p.take<int>(sizeof(int), p.stream);
  CHECK(store(inside, 7, p.stream) == cudaSuccess);
  CHECK(cudaMemcpyAsync(outside, inside, sizeof(int), cudaMemcpyDeviceToDevice, p.stream) == cudaSuccess);
  give_back(inside, p.stream);
  REQUIRE(cudaStreamEndCapture(p.stream, &graph) == cudaSuccess);
  CHECK(p.used() == kPoolPiece);  // that of the graph is no pool's
  cudaGraphExec_t exec = nullptr;
  REQUIRE(cudaGraphInstantiate(&exec, graph) == cudaSuccess);
  CHECK(cudaGraphDestroy(graph) == cudaSuccess);
  for (int i = 0; i < 2; ++i) {
    CHECK(cudaMemsetAsync(outside, 0, sizeof(int), p.stream) == cudaSuccess);
    CHECK(cudaGraphLaunch(exec, p.stream) == cudaSuccess);
    int number = 0;
    CHECK(cudaMemcpyAsync(&number, outside, sizeof(int), cudaMemcpyDeviceToHost, p.stream) == cudaSuccess);
    CHECK(number == 7);
    CHECK(store(inside, 8, p.stream) == cudaSuccess);  // beside the graph it is not there
    CHECK(cudaStreamSynchronize(p.stream) == cudaErrorLaunchFailure);
    CHECK(take_failures().size() == 1);
  }
  CHECK(cudaGraphExecDestroy(exec) == cudaSuccess);

  REQUIRE(cudaStreamBeginCapture(p.stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  CHECK(cudaFreeAsync(outside, p.stream) == cudaErrorInvalidValue);
  CHECK(cudaStreamEndCapture(p.stream, &graph) == cudaErrorStreamCaptureInvalidated);
  give_back(outside, p.stream);
  wait(p.stream);
  CHECK(cudaMemPoolTrimTo(p.pool, 0) == cudaSuccess);
  CHECK(device_memory_in_use() == before);
  cudaGetLastError();
}

TEST_CASE("pools: a capture of one thread forbids others only its own stream") {
  const TestPool p;
  cudaGraph_t graph = nullptr;
  cudaError_t allocated = cudaErrorUnknown, waited = cudaErrorUnknown, refused = cudaErrorUnknown;
  const auto from_outside = [&](bool wait_for_it) {
    std::thread([&] {
      void* memory = nullptr;
      allocated = cudaMalloc(&memory, 100);
      cudaFree(memory);
      waited = cudaStreamSynchronize(p.other);
      if (wait_for_it) refused = cudaStreamSynchronize(p.stream);
    }).join();
  };
  REQUIRE(cudaStreamBeginCapture(p.stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  from_outside(false);
  CHECK(allocated == cudaSuccess);
  CHECK(waited == cudaSuccess);
  REQUIRE(cudaStreamEndCapture(p.stream, &graph) == cudaSuccess);
  CHECK(cudaGraphDestroy(graph) == cudaSuccess);
  REQUIRE(cudaStreamBeginCapture(p.stream, cudaStreamCaptureModeThreadLocal) == cudaSuccess);
  from_outside(true);
  CHECK(refused == cudaErrorStreamCaptureUnsupported);
  CHECK(cudaStreamEndCapture(p.stream, &graph) == cudaErrorStreamCaptureInvalidated);
  cudaGetLastError();
}

TEST_CASE("pools: a device may have none") {
  int supported = -1;
  CHECK(cudaDeviceGetAttribute(&supported, cudaDevAttrMemoryPoolsSupported, 0) == cudaSuccess);
  CHECK(supported == 1);
  set_lack(Lack::memory_pools);
  CHECK(cudaDeviceGetAttribute(&supported, cudaDevAttrMemoryPoolsSupported, 0) == cudaSuccess);
  CHECK(supported == 0);
  const cudaMemPoolProps properties = {
      cudaMemAllocationTypePinned, cudaMemHandleTypeNone, {cudaMemLocationTypeDevice, 0}};
  cudaMemPool_t pool = nullptr;
  CHECK(cudaMemPoolCreate(&pool, &properties) == cudaErrorNotSupported);
  set_lack(Lack::nothing);
  cudaGetLastError();
}

}  // namespace transom::cuda_on_host
