// SPDX-License-Identifier: Apache-2.0
/// Operations of a warp against their definitions in plain loops.
#include <array>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/ptx.cuh"
#include "tests/cuda_on_host/device_array.h"
#include "tests/kernels/support.h"

namespace transom::cuda_on_host {
namespace {

using namespace kernels::cuda;
using kernels::bf16_to_f32;
using kernels::f32_to_bf16;

__global__ void exchange_all(int* dst) {
  const int lane = static_cast<int>(threadIdx.x);
  int* row = dst + lane * 5;
  store_global(row, shuffle(lane, 7));
  store_global(row + 1, shuffle_xor(lane, 12));
  store_global(row + 2, shuffle_down(lane, 5));
  store_global(row + 3, static_cast<int>(ballot(lane % 3 == 0)));
  store_global(row + 4, static_cast<int>(any_lane(lane == 31)) + 2 * static_cast<int>(any_lane(lane == 40)));
}

struct Tile {
  alignas(16) uint16_t a[16][16 + 8];
  alignas(16) uint16_t b[16][8 + 8];  // row = k
};

/// d [16, 8] = a [16, 16] b [16, 8], both brought in by ldmatrix as a kernel does, a plain and b transposed.
__global__ void multiply_by_ldmatrix(const uint16_t* a, const uint16_t* b, float* d) {
  Tile& tile = block_shared<Tile>();
  const int lane = static_cast<int>(threadIdx.x), g = lane / 4, t = lane % 4;
  for (int i = lane; i < 256; i += 32) store_shared(&tile.a[i / 16][i % 16], load_global(a + i));
  for (int i = lane; i < 128; i += 32) store_shared(&tile.b[i / 8][i % 8], load_global(b + i));
  warp_sync();
  uint32_t a_words[4], b_words[4];
  ldmatrix_x4(a_words, &tile.a[lane % 16][lane / 16 * 8]);
  ldmatrix_x4_transposed(b_words, &tile.b[lane % 16][0]);
  float sums[4] = {0.5f, 0.5f, 0.5f, 0.5f};
  const uint32_t b_two[2] = {b_words[0], b_words[1]};
  mma_m16n8k16_bf16(sums, a_words, b_two);
  for (int i = 0; i < 4; ++i) store_global(d + (g + i / 2 * 8) * 8 + 2 * t + i % 2, sums[i]);
}

/// a [16, 32], b [8, 32] by columns, d [16, 8], fragments by the manual's indices.
__global__ void multiply_bytes(const int8_t* a, const int8_t* b, int* d) {
  const int lane = static_cast<int>(threadIdx.x), g = lane / 4, t = lane % 4;
  const auto four = [](const int8_t* from) { return load_global(reinterpret_cast<const uint32_t*>(from)); };
  const uint32_t a_words[4] = {four(a + g * 32 + 4 * t), four(a + (g + 8) * 32 + 4 * t),
                               four(a + g * 32 + 4 * t + 16), four(a + (g + 8) * 32 + 4 * t + 16)};
  const uint32_t b_words[2] = {four(b + g * 32 + 4 * t), four(b + g * 32 + 4 * t + 16)};
  int sums[4] = {1000, 1000, 1000, 1000};
  mma_m16n8k32_s8(sums, a_words, b_words);
  for (int i = 0; i < 4; ++i) store_global(d + (g + i / 2 * 8) * 8 + 2 * t + i % 2, sums[i]);
}

__global__ void count_blocks(unsigned* counter, unsigned* order) {
  if (threadIdx.x == 0) store_global(order + blockIdx.x, count_arrival(counter, gridDim.x - 1));
}

}  // namespace

TEST_CASE("lanes exchange words") {
  DeviceArray<int> dst(32 * 5);
  finish(launch(exchange_all, dim3(1), dim3(32), 0, nullptr, dst.data()));
  const std::vector<int> found = dst.download();
  for (int lane = 0; lane < 32; ++lane) {
    const int* row = found.data() + lane * 5;
    CHECK(row[0] == 7);
    CHECK(row[1] == (lane ^ 12));
    CHECK(row[2] == (lane + 5 < 32 ? lane + 5 : lane));
    CHECK(row[3] == 0b01001001001001001001001001001001);
    CHECK(row[4] == 1);
  }
}

TEST_CASE("products of bf16 from matrices in shared memory") {
  testing::Random random(1);
  std::vector<uint16_t> a(256), b(128);
  for (uint16_t& x : a) x = f32_to_bf16(random.next());
  for (uint16_t& x : b) x = f32_to_bf16(random.next());
  const DeviceArray<uint16_t> device_a(a), device_b(b);
  DeviceArray<float> d(128);
  finish(launch(multiply_by_ldmatrix, dim3(1), dim3(32), sizeof(Tile), nullptr, device_a.data(),
                device_b.data(), d.data()));
  const std::vector<float> found = d.download();
  for (std::size_t row = 0; row < 16; ++row) {
    for (std::size_t column = 0; column < 8; ++column) {
      double sum = 0.5;
      for (std::size_t k = 0; k < 16; ++k)
        sum += double{bf16_to_f32(a[row * 16 + k])} * double{bf16_to_f32(b[k * 8 + column])};
      CHECK(found[row * 8 + column] == static_cast<float>(sum));
    }
  }
}

TEST_CASE("products of bytes") {
  testing::Random random(2);
  std::vector<int8_t> a(512), b(256);
  for (int8_t& x : a) x = static_cast<int8_t>(random.next() * 128);
  for (int8_t& x : b) x = static_cast<int8_t>(random.next() * 128);
  const DeviceArray<int8_t> device_a(a), device_b(b);
  DeviceArray<int> d(128);
  finish(launch(multiply_bytes, dim3(1), dim3(32), 0, nullptr, device_a.data(), device_b.data(), d.data()));
  const std::vector<int> found = d.download();
  for (std::size_t row = 0; row < 16; ++row) {
    for (std::size_t column = 0; column < 8; ++column) {
      int sum = 1000;
      for (std::size_t k = 0; k < 32; ++k) sum += a[row * 32 + k] * b[column * 32 + k];
      CHECK(found[row * 8 + column] == sum);
    }
  }
}

TEST_CASE("blocks count themselves, and the count begins again") {
  DeviceArray<unsigned> counter(std::vector<unsigned>{0}), order(5);
  for (int round = 0; round < 2; ++round) {
    finish(launch(count_blocks, dim3(5), dim3(32), 0, nullptr, counter.data(), order.data()));
    CHECK(order.download() == std::vector<unsigned>{0, 1, 2, 3, 4});
    CHECK(counter.download() == std::vector<unsigned>{0});
  }
}

TEST_CASE("words are put together and taken apart") {
  CHECK(pack_bf16x2(1.0f, -2.0f) == 0xc0003f80u);
  CHECK(bf16_low(0xc0003f80u) == 1.0f);
  CHECK(bf16_high(0xc0003f80u) == -2.0f);
  CHECK(f16_low(0xffff3c00u) == 1.0f);
  CHECK(byte_permute(0x33221100u, 0x77665544u, 0x7150u) == 0x77115500u);
  CHECK(byte_permute(0x00008000u, 0u, 0x9998u) == 0xffffff00u);  // bit 3: the sign of the byte
  CHECK(dot4_s8(0xff02807fu, 0x01030101u, 10) == 10 - 1 + 6 - 128 + 127);
  CHECK(round_to_int(2.5f) == 2);
  CHECK(round_to_int(-3.5f) == -4);
  CHECK(round_to_int(NAN) == 0);
  CHECK(round_to_int(1e20f) == INT32_MAX);
}

}  // namespace transom::cuda_on_host
