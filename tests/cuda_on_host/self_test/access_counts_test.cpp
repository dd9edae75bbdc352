// SPDX-License-Identifier: Apache-2.0
/// Conflicts and sectors against numbers worked out by hand.
#include "tests/cuda_on_host/engine/access_counts.h"

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx.cuh"
#include "tests/cuda_on_host/device_array.h"

namespace transom::cuda_on_host {
namespace {

using namespace kernels::cuda;

struct Words {
  alignas(16) uint32_t of[4096];
};

/// Lane i reads T number i * stride.
template <class T>
__global__ void strided(unsigned stride) {
  load_shared(reinterpret_cast<const T*>(block_shared<Words>().of) + threadIdx.x % 32 * stride);
}

template <class T>
std::uint64_t conflicts_of_stride(unsigned stride, unsigned warps = 1) {
  forget_counts();
  finish(launch(strided<T>, dim3(1), dim3(32 * warps), sizeof(Words), nullptr, stride));
  CHECK(counts("strided", {Use::load_shared}).accesses == warps);
  return counts("strided").conflicts;
}

/// Rows of 16 bytes, `stride` bytes apart.
__global__ void matrices(unsigned stride) {
  uint32_t loaded[4];
  ldmatrix_x4(loaded, reinterpret_cast<const char*>(block_shared<Words>().of) + threadIdx.x * stride);
}

__global__ void global_loads(const float* src, unsigned stride, unsigned lanes) {
  if (threadIdx.x < lanes) load_global(src + threadIdx.x * stride);
  warp_sync();
}

__global__ void global_words(const uint4* src, unsigned stride) {
  Words& shared = block_shared<Words>();
  load_streamed(src + threadIdx.x * stride);
  cp_async_16(shared.of + threadIdx.x * 4, src + threadIdx.x * stride, threadIdx.x < 16);
  cp_async_commit();
  cp_async_wait<0>();
}

/// Lanes leave out every other step, each other ones, and come together at the end of each.
__global__ void out_of_step(const float* src, bool meet) {
  for (unsigned step = 0; step < 8; ++step) {
    if ((step + threadIdx.x) % 2 == 0) load_global(src + step * 32 + threadIdx.x);
    if (meet) warp_sync();
  }
}

Tally global_tally(unsigned stride, unsigned shift, unsigned lanes) {
  const DeviceArray<float> src(32 * 8, shift);
  forget_counts();
  finish(launch(global_loads, dim3(1), dim3(32), 0, nullptr, src.data(), stride, lanes));
  return counts("global_loads", {Use::load_global});
}

}  // namespace

TEST_CASE("bank conflicts of words: lanes apart by the greatest common divisor with 32 banks") {
  CHECK(conflicts_of_stride<uint32_t>(0) == 0);  // one word for all
  CHECK(conflicts_of_stride<uint32_t>(1) == 0);
  CHECK(conflicts_of_stride<uint32_t>(2) == 1);
  CHECK(conflicts_of_stride<uint32_t>(4) == 3);
  CHECK(conflicts_of_stride<uint32_t>(32) == 31);
  CHECK(conflicts_of_stride<uint32_t>(33) == 0);
  CHECK(conflicts_of_stride<uint32_t>(2, 4) == 4);  // four warps
  CHECK(conflicts_of_stride<uint16_t>(1) == 0);     // two lanes a word
  CHECK(conflicts_of_stride<uint8_t>(128) == 31);
}

TEST_CASE("wide accesses go in halves and quarters of a warp") {
  CHECK(conflicts_of_stride<uint2>(1) == 0);
  CHECK(conflicts_of_stride<uint2>(2) == 2);  // in each half, 16 lanes of 2 words in 16 banks
  CHECK(conflicts_of_stride<uint4>(1) == 0);
  CHECK(conflicts_of_stride<uint4>(2) == 4);   // in each quarter, 8 lanes in half the banks
  CHECK(conflicts_of_stride<uint4>(8) == 28);  // in each quarter, all in 4 banks
  CHECK(conflicts_of_stride<uint4>(0) == 0);
}

TEST_CASE("ldmatrix takes a matrix at a time") {
  const auto run = [](unsigned stride) {
    forget_counts();
    finish(launch(matrices, dim3(1), dim3(32), sizeof(Words), nullptr, stride));
    CHECK(counts("matrices", {Use::ldmatrix}).accesses == 1);
    return counts("matrices").conflicts;
  };
  CHECK(run(16) == 0);
  CHECK(run(128) == 28);      // eight rows in the same 4 banks
  CHECK(run(128 + 16) == 0);  // padded
  CHECK(run(64) == 12);       // four rows in the same
}

TEST_CASE("sectors that an access touches, against the least") {
  CHECK(global_tally(1, 0, 32) == Tally{1, 0, 4, 4});
  CHECK(global_tally(1, 1, 32) == Tally{1, 0, 5, 4});   // begins in the middle of a sector
  CHECK(global_tally(2, 0, 32) == Tally{1, 0, 8, 4});   // every other number
  CHECK(global_tally(8, 0, 32) == Tally{1, 0, 32, 4});  // a sector each
  CHECK(global_tally(0, 0, 32) == Tally{1, 0, 1, 1});   // the same for all
  CHECK(global_tally(1, 0, 9) == Tally{1, 0, 2, 2});
  CHECK(global_tally(1, 0, 0) == Tally{});
}

TEST_CASE("weights and copies are counted apart") {
  const DeviceArray<uint4> src(64);
  for (const unsigned stride : {1u, 2u}) {
    forget_counts();
    finish(launch(global_words, dim3(1), dim3(32), sizeof(Words), nullptr, src.data(), stride));
    CHECK(counts("global_words", {Use::load_streamed}) == Tally{1, 0, 16 * stride, 16});
    // Copies that are not valid read nothing and write zeros.
    CHECK(counts("global_words", {Use::copy_from_global}) == Tally{1, 0, 8 * stride, 8});
    CHECK(counts("global_words", {Use::copy_to_shared}) == Tally{1, 0, 0, 0});
    CHECK(counts("global_words", {Use::load_global}) == Tally{});
    CHECK(counts("global_words").sectors == 24 * stride);
  }
  CHECK(describe_counts("global_words").find("load_streamed: 1 accesses, 32 sectors of least 16") !=
        std::string::npos);
}

TEST_CASE("accesses of lanes that skip some are matched where the lanes meet") {
  const DeviceArray<float> src(256);
  forget_counts();
  finish(launch(out_of_step, dim3(1), dim3(32), 0, nullptr, src.data(), true));
  CHECK(counts("out_of_step") == Tally{8, 0, 32, 16});
  // Without, the n-th of each lane: steps 2 n and 2 n + 1 together.
  forget_counts();
  finish(launch(out_of_step, dim3(1), dim3(32), 0, nullptr, src.data(), false));
  CHECK(counts("out_of_step") == Tally{4, 0, 32, 16});
}

TEST_CASE("counts are by kernel and by instance") {
  forget_counts();
  finish(launch(strided<uint32_t>, dim3(1), dim3(32), sizeof(Words), nullptr, 1u));
  finish(launch(strided<uint4>, dim3(1), dim3(32), sizeof(Words), nullptr, 1u));
  CHECK(counts("strided").accesses == 2);
  CHECK(counts("strided<uint4>").accesses == 1);
  CHECK(counts("stride").accesses == 0);
  CHECK(counts("other").accesses == 0);
}

}  // namespace transom::cuda_on_host
