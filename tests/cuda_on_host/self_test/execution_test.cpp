// SPDX-License-Identifier: Apache-2.0
/// Threads, barriers and memory: what goes wrong is told, with kernel, block and place.
#include "tests/cuda_on_host/engine/execution.h"

#include "kernels/cuda/ptx.cuh"
#include "tests/cuda_on_host/self_test/failures_of.h"

namespace transom::cuda_on_host {
namespace {

using namespace kernels::cuda;

struct Numbers {
  alignas(16) float of[64];
};

__global__ void who_am_i(unsigned* dst) {
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  store_global(dst + block * blockDim.x + threadIdx.x, block * 1000 + threadIdx.x);
}

__global__ void many_barriers(unsigned* dst) {
  Numbers& shared = block_shared<Numbers>();
  float sum = 0;
  for (unsigned i = 0; i < 100; ++i) {
    store_shared(shared.of + threadIdx.x, float(i + threadIdx.x));
    block_sync();
    sum += load_shared(shared.of + (threadIdx.x + i) % 64);
    block_sync();
  }
  store_global(dst + threadIdx.x, static_cast<unsigned>(sum));
}

template <int kReturning>
__global__ void return_early() {
  if (blockIdx.x == 1 && threadIdx.x < kReturning) return;
  block_sync();
}

__global__ void part_ways() {
  if (threadIdx.x < 8) {
    shuffle(1, 0);
  } else {
    shuffle_xor(1, 1);
  }
}

__global__ void wait_apart() {
  if (threadIdx.x < 40) {
    block_sync();
  } else {
    warp_sync();
  }
}

enum class Mistake {
  shared_end,
  shared_before,
  shared_odd,
  global_end,
  global_odd,
  copy_odd,
  plain_shared_end
};

__global__ void touch(Mistake mistake, float* global) {
  Numbers& shared = block_shared<Numbers>();
  char* bytes = reinterpret_cast<char*>(shared.of);
  if (threadIdx.x != 3) return;
  if (mistake == Mistake::shared_end) load_shared(shared.of + 64);
  if (mistake == Mistake::shared_before) store_shared(shared.of - 1, 0.0f);
  if (mistake == Mistake::shared_odd) load_shared(reinterpret_cast<const float*>(bytes + 2));
  if (mistake == Mistake::global_end) store_global(global + 32, 0.0f);
  if (mistake == Mistake::global_odd) load_global(reinterpret_cast<const float4*>(global + 1));
  if (mistake == Mistake::copy_odd) cp_async_16(bytes + 8, global);
  if (mistake == Mistake::plain_shared_end) {
    volatile char* end = bytes + sizeof(Numbers) + 5;
    *end = 1;
  }
}

__global__ void read_undefined(float* dst) {
  store_global(dst + threadIdx.x, load_shared(block_shared<Numbers>().of + threadIdx.x));
}

__global__ void read_all(const float* src, float* dst) {
  store_global(dst + threadIdx.x, load_global(src + threadIdx.x));
}

}  // namespace

TEST_CASE("every thread of every block runs once, with its indices") {
  for (const bool reversed : {false, true}) {
    reverse_blocks(reversed);
    DeviceArray<unsigned> dst(2 * 3 * 4 * 64);
    finish(launch(who_am_i, dim3(2, 3, 4), dim3(64), 0, nullptr, dst.data()));
    const std::vector<unsigned> found = dst.download();
    for (std::size_t i = 0; i < found.size(); ++i) CHECK(found[i] == i / 64 * 1000 + i % 64);
  }
  reverse_blocks(false);
}

TEST_CASE("threads meet at barriers as often as they like") {
  DeviceArray<unsigned> dst(64);
  finish(launch(many_barriers, dim3(2), dim3(64), sizeof(Numbers), nullptr, dst.data()));
  const std::vector<unsigned> found = dst.download();
  for (unsigned thread = 0; thread < 64; ++thread) {
    unsigned sum = 0;
    for (unsigned i = 0; i < 100; ++i) sum += i + (thread + i) % 64;
    CHECK(found[thread] == sum);
  }
}

TEST_CASE("threads that return while others wait are told") {
  check_holds(
      failures_of(return_early<1>, {64, 0, 3}),
      "return_early<1>, block (1, 0, 0): nothing goes on: threads 0 .. 0 have returned; threads 1 .. 63 "
      "wait for block_sync at execution_test.cpp:");
  check_holds(failures_of(return_early<32>, {64, 0, 3}),
              "threads 0 .. 31 have returned; threads 32 .. 63 wait");
  // The machine goes on after a failure.
  CHECK(failures_of(return_early<64>, {64, 0, 3}) == "");
}

TEST_CASE("lanes that part around a warp's operation are told") {
  const std::string text = failures_of(part_ways, {});
  check_holds(text, "lanes of warp 0 part: some are at shuffle at execution_test.cpp:");
  check_holds(text, "thread 8 is at shuffle_xor at execution_test.cpp:");
  const std::string waiting = failures_of(wait_apart, {64});
  check_holds(waiting, "threads 0 .. 39 wait for block_sync");
  check_holds(waiting, "threads 40 .. 63 wait for warp_sync");
}

TEST_CASE("accesses outside of memory or out of alignment end the launch") {
  DeviceArray<float> global(32);
  const auto run = [&](Mistake mistake) {
    return failures_of(touch, {32, sizeof(Numbers)}, mistake, global.data());
  };
  check_holds(run(Mistake::shared_end), "access outside of the block's shared memory at execution_test.cpp:");
  check_holds(run(Mistake::shared_before), "access outside of the block's shared memory");
  check_holds(run(Mistake::shared_odd), "misaligned access to shared memory");
  check_holds(run(Mistake::global_end), "access outside of device memory");
  check_holds(run(Mistake::global_odd), "misaligned access to global memory");
  check_holds(run(Mistake::copy_odd), "cp_async to a misaligned address");
  check_holds(run(Mistake::plain_shared_end), "writes 5 bytes behind the block's shared memory");
}

TEST_CASE("memory of the host is no device memory, unless it is pinned") {
  std::vector<float> host(32, 1.0f);
  DeviceArray<float> dst(32);
  check_holds(failures_of(read_all, {}, host.data(), dst.data()), "access outside of device memory");
  REQUIRE(cudaHostRegister(host.data(), host.size() * sizeof(float), cudaHostRegisterDefault) == cudaSuccess);
  CHECK(failures_of(read_all, {}, host.data(), dst.data()) == "");
  CHECK(cudaHostUnregister(host.data()) == cudaSuccess);
  CHECK(dst.download() == host);
}

TEST_CASE("shared memory is undefined at first, and so is device memory") {
  float *fresh = nullptr, numbers[32] = {};
  REQUIRE(cudaMalloc(&fresh, sizeof numbers) == cudaSuccess);
  CHECK(cudaMemcpy(numbers, fresh, sizeof numbers, cudaMemcpyDeviceToHost) == cudaSuccess);
  CHECK(cudaFree(fresh) == cudaSuccess);
  for (const float number : numbers) CHECK(std::isnan(number));
  DeviceArray<float> dst(std::vector<float>(32, 1.0f));
  finish(launch(read_undefined, dim3(1), dim3(32), sizeof(Numbers), nullptr, dst.data()));
  for (const float number : dst.download()) CHECK(std::isnan(number));
}

TEST_CASE("shapes of launches that a device refuses") {
  check_holds(failures_of(return_early<64>, {33}), "33 threads in a block");
  check_holds(failures_of(return_early<64>, {1056}), "1056 threads in a block");
  check_holds(failures_of(return_early<64>, {32, 0, 0}), "a grid without blocks");
  check_holds(failures_of(return_early<64>, {32, kMostSharedBytes + 1}), "more than 227 KB");
  CHECK(failures_of(return_early<1024>, {1024, kMostSharedBytes}) == "");
  check_holds(failures_of(read_undefined, {32, sizeof(Numbers) - 1}, static_cast<float*>(nullptr)),
              "block_shared of 256 bytes, launched with 255");
}

}  // namespace transom::cuda_on_host
