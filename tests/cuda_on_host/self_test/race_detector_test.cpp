// SPDX-License-Identifier: Apache-2.0
/// Kernels that are wrong on purpose: each must fail, with the right words.
#include "kernels/cuda/ptx.cuh"
#include "tests/cuda_on_host/self_test/failures_of.h"

namespace transom::cuda_on_host {
namespace {

using namespace kernels::cuda;

struct Numbers {
  alignas(16) float of[256];
};

/// Each thread writes a number and reads that of another.
__global__ void pass_on(float* dst, int distance, bool barrier, bool second_barrier) {
  Numbers& shared = block_shared<Numbers>();
  const unsigned other = (threadIdx.x + static_cast<unsigned>(distance)) % blockDim.x;
  store_shared(shared.of + threadIdx.x, float(threadIdx.x));
  if (barrier) block_sync();
  const float value = load_shared(shared.of + other);
  if (second_barrier) block_sync();
  store_shared(shared.of + threadIdx.x, value + 1);
  store_global(dst + threadIdx.x, value);
}

/// The same in a warp.
__global__ void pass_on_in_warps(bool barrier, bool by_shuffle) {
  Numbers& shared = block_shared<Numbers>();
  store_shared(shared.of + threadIdx.x, 1.0f);
  if (barrier) warp_sync();
  if (by_shuffle) shuffle_xor(1.0f, 1);
  load_shared(shared.of + (threadIdx.x ^ 1u));
}

/// Many read a number; one of them, of any warp, overwrites it.
__global__ void overwrite(unsigned writer, bool barrier) {
  Numbers& shared = block_shared<Numbers>();
  if (threadIdx.x == 0) store_shared(shared.of, 1.0f);
  block_sync();
  load_shared(shared.of);
  if (barrier) block_sync();
  if (threadIdx.x == writer) store_shared(shared.of, 2.0f);
}

struct Bytes {
  int8_t of[64];
};

/// Neighbouring bytes of one word by neighbouring threads, or the same byte by two.
__global__ void write_bytes(bool same) {
  Bytes& shared = block_shared<Bytes>();
  store_shared(shared.of + (same ? threadIdx.x / 2 : threadIdx.x), int8_t{1});
}

struct Copied {
  alignas(16) float of[2][128];
};
enum class Mistake { none, no_wait, no_barrier, no_barrier_after_reading, not_committed, never_waited };

/// Two stages of 128 numbers through one buffer or two, each read by other threads than those that copied it.
__global__ void copy_stages(const float* src, float* dst, bool two_buffers, Mistake mistake) {
  Copied& shared = block_shared<Copied>();
  for (unsigned stage = 0; stage < 2; ++stage) {
    float* buffer = shared.of[two_buffers ? stage : 0];
    cp_async_16(buffer + threadIdx.x * 4, src + stage * 128 + threadIdx.x * 4);
    if (mistake != Mistake::not_committed) cp_async_commit();
    if (mistake == Mistake::never_waited && stage == 1) return;
    if (mistake != Mistake::no_wait) cp_async_wait<0>();
    if (mistake != Mistake::no_barrier) block_sync();
    const unsigned other = (threadIdx.x + 1) % 32;
    for (unsigned i = 0; i < 4; ++i)
      store_global(dst + stage * 128 + other * 4 + i, load_shared(buffer + other * 4 + i));
    if (mistake != Mistake::no_barrier_after_reading) block_sync();
  }
}

}  // namespace

TEST_CASE("barriers put the accesses of a block in order") {
  DeviceArray<float> dst(64);
  CHECK(failures_of(pass_on, {64, sizeof(Numbers)}, dst.data(), 33, true, true) == "");
  std::vector<float> expected(64);
  for (std::size_t i = 0; i < 64; ++i) expected[i] = float((i + 33) % 64);
  CHECK(dst.download() == expected);
}

TEST_CASE("a missing barrier is a race, of reads after writes and of writes after reads") {
  DeviceArray<float> dst(64);
  const Shape shape{64, sizeof(Numbers)};
  const std::string read = failures_of(pass_on, shape, dst.data(), 33, false, true);
  check_holds(read, "pass_on, block (0, 0, 0): race in shared memory: ");
  check_holds(read, "read at race_detector_test.cpp:");
  check_holds(failures_of(pass_on, shape, dst.data(), 33, true, false),
              "and write at race_detector_test.cpp:");
  // Each thread its own.
  CHECK(failures_of(pass_on, shape, dst.data(), 64, false, false) == "");
}

TEST_CASE("a writer races with each of many readers") {
  for (const unsigned writer : {0u, 1u, 31u, 32u, 63u, 95u}) {
    INFO("writer " << writer);
    CHECK(failures_of(overwrite, {96, sizeof(Numbers)}, writer, true) == "");
    check_holds(failures_of(overwrite, {96, sizeof(Numbers)}, writer, false), "race in shared memory: ");
  }
}

TEST_CASE("warp_sync orders the memory of a warp, and a shuffle does not") {
  CHECK(failures_of(pass_on_in_warps, {64, sizeof(Numbers)}, true, false) == "");
  check_holds(failures_of(pass_on_in_warps, {64, sizeof(Numbers)}, false, true), "race");
}

TEST_CASE("bytes of one word are different memory") {
  CHECK(failures_of(write_bytes, {64, sizeof(Bytes)}, false) == "");
  check_holds(failures_of(write_bytes, {64, sizeof(Bytes)}, true), "race");
}

TEST_CASE("what cp_async copies is there after a wait and a barrier, and not before") {
  std::vector<float> numbers(256);
  for (std::size_t i = 0; i < numbers.size(); ++i) numbers[i] = float(i);
  const DeviceArray<float> src(numbers);
  DeviceArray<float> dst(256);
  const auto run = [&](bool two_buffers, Mistake mistake) {
    return failures_of(copy_stages, {32, sizeof(Copied)}, src.data(), dst.data(), two_buffers, mistake);
  };
  CHECK(run(false, Mistake::none) == "");
  CHECK(dst.download() == numbers);
  check_holds(run(true, Mistake::no_wait), "no cp_async_wait or");
  CHECK(dst.download() != numbers);
  check_holds(run(true, Mistake::no_barrier), "race");
  check_holds(run(false, Mistake::no_barrier_after_reading), "and write at");
  // With two buffers, the second stage waits for nothing.
  CHECK(run(true, Mistake::no_barrier_after_reading) == "");
  check_holds(run(true, Mistake::not_committed), "no cp_async_wait or");
  check_holds(run(true, Mistake::never_waited), "ends and has not waited for its cp_async");
}

}  // namespace transom::cuda_on_host
