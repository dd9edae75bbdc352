// SPDX-License-Identifier: Apache-2.0
/// The emulated runtime: work waits, copies are checked, graphs replay.
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx.cuh"
#include "tests/cuda_on_host/device_array.h"
#include "tests/cuda_on_host/runtime/device.h"
#include "tests/cuda_on_host/runtime/device_memory.h"

namespace transom::cuda_on_host {
namespace {

using namespace kernels::cuda;

__global__ void add_number(int* numbers, int number, const int* factor) {
  int* at = numbers + threadIdx.x;
  store_global(at, load_global(at) * load_global(factor) + number);
}
__global__ void fail_at_once() { load_global(static_cast<const int*>(nullptr)); }

struct TestStream {
  explicit TestStream(unsigned flags = cudaStreamNonBlocking) {
    REQUIRE(cudaStreamCreateWithFlags(&stream, flags) == cudaSuccess);
  }
  ~TestStream() { cudaStreamDestroy(stream); }
  cudaStream_t stream = nullptr;
};
struct TestEvent {
  TestEvent() { REQUIRE(cudaEventCreate(&event) == cudaSuccess); }
  ~TestEvent() { cudaEventDestroy(event); }
  cudaEvent_t event = nullptr;
};

/// A number in pinned memory.
struct Pinned {
  Pinned() { REQUIRE(cudaMallocHost(&number, sizeof(int)) == cudaSuccess); }
  ~Pinned() { cudaFreeHost(number); }
  int* number = nullptr;
};

cudaError_t add(DeviceArray<int>& numbers, int number, const DeviceArray<int>& factor, cudaStream_t stream) {
  return launch(add_number, dim3(1), dim3(32), 0, stream, numbers.data(), number, factor.data());
}

std::vector<int> all(int number) { return std::vector<int>(32, number); }

}  // namespace

TEST_CASE("work is done when someone waits for it") {
  DeviceArray<int> numbers(all(1));
  const DeviceArray<int> factor(std::vector<int>{10});
  const TestStream s;
  Pinned pinned;
  *pinned.number = 7;
  CHECK(add(numbers, 2, factor, s.stream) == cudaSuccess);
  CHECK(cudaMemcpyAsync(pinned.number, numbers.data(), sizeof(int), cudaMemcpyDeviceToHost, s.stream) ==
        cudaSuccess);
  CHECK(*pinned.number == 7);
  CHECK(cudaStreamSynchronize(s.stream) == cudaSuccess);
  CHECK(*pinned.number == 12);
}

TEST_CASE("a copy from pinned memory reads it late, from other memory at once") {
  DeviceArray<int> number(1);
  const TestStream s;
  Pinned pinned;
  *pinned.number = 1;
  int pageable = 1;
  const auto upload = [&](const int* from) {
    CHECK(cudaMemcpyAsync(number.data(), from, sizeof(int), cudaMemcpyHostToDevice, s.stream) == cudaSuccess);
  };
  upload(pinned.number);
  *pinned.number = 2;
  CHECK(cudaStreamSynchronize(s.stream) == cudaSuccess);
  CHECK(number.download()[0] == 2);
  upload(&pageable);
  pageable = 3;
  CHECK(cudaStreamSynchronize(s.stream) == cudaSuccess);
  CHECK(number.download()[0] == 1);
}

TEST_CASE("events order streams, and the default stream takes turns with blocking ones") {
  DeviceArray<int> numbers(all(0));
  const DeviceArray<int> ten(std::vector<int>{10});
  const TestStream first, second, blocking(cudaStreamDefault);
  const TestEvent event;
  CHECK(cudaEventQuery(event.event) == cudaSuccess);
  CHECK(add(numbers, 1, ten, first.stream) == cudaSuccess);
  CHECK(cudaEventRecord(event.event, first.stream) == cudaSuccess);
  CHECK(cudaEventQuery(event.event) == cudaErrorNotReady);
  CHECK(add(numbers, 3, ten, first.stream) == cudaSuccess);
  CHECK(cudaStreamWaitEvent(second.stream, event.event) == cudaSuccess);
  CHECK(add(numbers, 2, ten, second.stream) == cudaSuccess);
  CHECK(cudaStreamSynchronize(second.stream) == cudaSuccess);
  CHECK(cudaEventQuery(event.event) == cudaSuccess);
  CHECK(cudaDeviceSynchronize() == cudaSuccess);
  CHECK(numbers.download() == all(123));

  CHECK(add(numbers, 4, ten, blocking.stream) == cudaSuccess);
  CHECK(add(numbers, 5, ten, nullptr) == cudaSuccess);
  CHECK(add(numbers, 6, ten, blocking.stream) == cudaSuccess);
  CHECK(cudaStreamSynchronize(blocking.stream) == cudaSuccess);
  CHECK(numbers.download() == all(123456));
}

TEST_CASE("a queue of work ends for those who ask again and again") {
  DeviceArray<int> numbers(all(0));
  const DeviceArray<int> one(std::vector<int>{1});
  const TestStream s;
  for (int i = 0; i < 3; ++i) CHECK(add(numbers, 1, one, s.stream) == cudaSuccess);
  int asked = 0;
  while (cudaStreamQuery(s.stream) == cudaErrorNotReady) ++asked;
  CHECK(asked == 2);
  CHECK(numbers.download() == all(3));
}

TEST_CASE("a graph replays launches with their arguments, on what memory holds then") {
  DeviceArray<int> numbers(all(1));
  DeviceArray<int> factor(std::vector<int>{10});
  const TestStream s, side;
  const TestEvent fork, join;
  cudaGraph_t graph = nullptr;
  REQUIRE(cudaStreamBeginCapture(s.stream, cudaStreamCaptureModeGlobal) == cudaSuccess);
  CHECK(add(numbers, 2, factor, s.stream) == cudaSuccess);
  CHECK(cudaEventRecord(fork.event, s.stream) == cudaSuccess);
  CHECK(cudaStreamWaitEvent(side.stream, fork.event) == cudaSuccess);
  CHECK(add(numbers, 3, factor, side.stream) == cudaSuccess);
  CHECK(cudaEventRecord(join.event, side.stream) == cudaSuccess);
  CHECK(cudaStreamWaitEvent(s.stream, join.event) == cudaSuccess);
  REQUIRE(cudaStreamEndCapture(s.stream, &graph) == cudaSuccess);
  cudaGraphExec_t exec = nullptr;
  REQUIRE(cudaGraphInstantiate(&exec, graph) == cudaSuccess);
  CHECK(numbers.download() == all(1));  // nothing ran
  CHECK(cudaGraphLaunch(exec, s.stream) == cudaSuccess);
  CHECK(cudaStreamSynchronize(s.stream) == cudaSuccess);
  CHECK(numbers.download() == all(123));
  factor.upload(std::vector<int>{100});
  CHECK(cudaGraphLaunch(exec, s.stream) == cudaSuccess);
  CHECK(cudaStreamSynchronize(s.stream) == cudaSuccess);
  CHECK(numbers.download() == all(1230203));
  CHECK(cudaGraphDestroy(graph) == cudaSuccess);
  CHECK(cudaGraphExecDestroy(exec) == cudaSuccess);
}

TEST_CASE("what a capture forbids") {
  DeviceArray<int> numbers(all(1));
  const DeviceArray<int> factor(std::vector<int>{1});
  const TestStream s, side;
  const TestEvent fork;
  cudaGraph_t graph = nullptr;
  void* memory = nullptr;
  CHECK(cudaStreamBeginCapture(nullptr, cudaStreamCaptureModeGlobal) == cudaErrorStreamCaptureUnsupported);

  REQUIRE(cudaStreamBeginCapture(s.stream, cudaStreamCaptureModeGlobal) == cudaSuccess);
  CHECK(add(numbers, 1, factor, nullptr) == cudaErrorStreamCaptureImplicit);
  CHECK(cudaStreamSynchronize(s.stream) == cudaErrorStreamCaptureUnsupported);
  CHECK(add(numbers, 1, factor, s.stream) == cudaErrorStreamCaptureInvalidated);
  CHECK(cudaStreamEndCapture(s.stream, &graph) == cudaErrorStreamCaptureInvalidated);

  REQUIRE(cudaStreamBeginCapture(s.stream, cudaStreamCaptureModeGlobal) == cudaSuccess);
  CHECK(cudaMalloc(&memory, 16) == cudaErrorStreamCaptureUnsupported);
  CHECK(cudaStreamEndCapture(s.stream, &graph) == cudaErrorStreamCaptureInvalidated);

  REQUIRE(cudaStreamBeginCapture(s.stream, cudaStreamCaptureModeGlobal) == cudaSuccess);
  CHECK(cudaEventRecord(fork.event, s.stream) == cudaSuccess);
  CHECK(cudaStreamWaitEvent(side.stream, fork.event) == cudaSuccess);
  CHECK(add(numbers, 1, factor, side.stream) == cudaSuccess);
  CHECK(cudaStreamEndCapture(s.stream, &graph) == cudaErrorStreamCaptureUnjoined);
  CHECK(graph == nullptr);
  CHECK(numbers.download() == all(1));
}

TEST_CASE("a graph takes over another of the same shape") {
  DeviceArray<int> numbers(all(0));
  const DeviceArray<int> factor(std::vector<int>{10});
  const TestStream s;
  const auto capture = [&](int number, int times) {
    cudaGraph_t graph = nullptr;
    REQUIRE(cudaStreamBeginCapture(s.stream, cudaStreamCaptureModeGlobal) == cudaSuccess);
    for (int i = 0; i < times; ++i) CHECK(add(numbers, number, factor, s.stream) == cudaSuccess);
    REQUIRE(cudaStreamEndCapture(s.stream, &graph) == cudaSuccess);
    return graph;
  };
  const cudaGraph_t first = capture(1, 2), second = capture(2, 2), longer = capture(3, 3);
  cudaGraphExec_t exec = nullptr;
  REQUIRE(cudaGraphInstantiate(&exec, first) == cudaSuccess);
  cudaGraphExecUpdateResultInfo info;
  CHECK(cudaGraphExecUpdate(exec, second, &info) == cudaSuccess);
  CHECK(cudaGraphExecUpdate(exec, longer, &info) == cudaErrorGraphExecUpdateFailure);
  CHECK(cudaGraphLaunch(exec, s.stream) == cudaSuccess);
  CHECK(cudaStreamSynchronize(s.stream) == cudaSuccess);
  CHECK(numbers.download() == all(22));
  for (const cudaGraph_t graph : {first, second, longer}) CHECK(cudaGraphDestroy(graph) == cudaSuccess);
  CHECK(cudaGraphExecDestroy(exec) == cudaSuccess);
}

TEST_CASE("an error of work comes to who waits, and what follows it is not done") {
  DeviceArray<int> numbers(all(1));
  const DeviceArray<int> factor(std::vector<int>{1});
  const TestStream s;
  CHECK(launch(fail_at_once, dim3(1), dim3(32), 0, s.stream) == cudaSuccess);
  CHECK(add(numbers, 1, factor, s.stream) == cudaSuccess);
  CHECK(cudaStreamSynchronize(s.stream) == cudaErrorLaunchFailure);
  CHECK(take_failures().size() == 1);
  CHECK(cudaGetLastError() == cudaErrorLaunchFailure);
  CHECK(cudaGetLastError() == cudaSuccess);
  CHECK(numbers.download() == all(1));
}

TEST_CASE("copies check their ends and directions") {
  DeviceArray<int> numbers(all(1));
  std::vector<int> host(64, 2);
  CHECK(cudaMemcpy(numbers.data(), host.data(), 33 * sizeof(int), cudaMemcpyHostToDevice) ==
        cudaErrorInvalidValue);
  CHECK(cudaMemcpy(host.data(), host.data() + 32, 4, cudaMemcpyDeviceToHost) == cudaErrorInvalidValue);
  CHECK(cudaMemcpy(numbers.data(), numbers.data() + 1, 4, cudaMemcpyHostToDevice) == cudaErrorInvalidValue);
  CHECK(cudaMemset(host.data(), 0, 4) == cudaErrorInvalidValue);
  CHECK(take_failures().size() == 4 - 1);  // one text twice
  CHECK(cudaMemset(numbers.data() + 30, 0, 8) == cudaSuccess);
  CHECK(cudaMemcpy2DAsync(numbers.data(), 8, host.data(), 12, 4, 3, cudaMemcpyHostToDevice) == cudaSuccess);
  std::vector<int> expected = all(1);
  expected[30] = expected[31] = 0;
  expected[0] = expected[2] = expected[4] = 2;
  CHECK(numbers.download() == expected);
}

TEST_CASE("memory may be short, and a device may be missing") {
  limit_device_memory(100);
  void *first = nullptr, *second = nullptr;
  CHECK(cudaMalloc(&first, 60) == cudaSuccess);
  CHECK(cudaMalloc(&second, 60) == cudaErrorMemoryAllocation);
  CHECK(second == nullptr);
  CHECK(cudaFree(first) == cudaSuccess);
  CHECK(cudaMalloc(&second, 60) == cudaSuccess);
  CHECK(cudaFree(second) == cudaSuccess);
  CHECK(cudaFree(second) == cudaErrorInvalidValue);
  limit_device_memory(0);
  int count = 0;
  CHECK(cudaGetDeviceCount(&count) == cudaSuccess);
  CHECK(count == 1);
  set_device_count(0);
  CHECK(cudaGetDeviceCount(&count) == cudaErrorNoDevice);
  CHECK(cudaSetDevice(0) == cudaErrorInvalidDevice);
  set_device_count(1);
  cudaGetLastError();
}

}  // namespace transom::cuda_on_host
