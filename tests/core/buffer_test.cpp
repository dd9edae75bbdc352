// SPDX-License-Identifier: Apache-2.0
#include "core/buffer.h"

#include <cstdint>
#include <utility>

#include "core/host_memory.h"
#include "tests/support/catch.h"

using transom::core::Buffer;

TEST_CASE("buffer: zeroed and aligned, small and large") {
  for (const std::size_t bytes : {std::size_t{1}, std::size_t{63}, std::size_t{65}, std::size_t{3} << 20}) {
    const Buffer buffer(bytes, "a test");
    REQUIRE(buffer.size() == bytes);
    CHECK(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64 == 0);
    CHECK(buffer.data()[0] == std::byte{0});
    CHECK(buffer.data()[bytes - 1] == std::byte{0});
  }
  CHECK_FALSE(Buffer());
}

TEST_CASE("buffer: discarded pages read as zero, and bytes around them stay") {
  for (const std::size_t size : {std::size_t{256} << 10, std::size_t{3} << 20}) {
    Buffer buffer(size, "a test", Buffer::Pages::lazy);
    for (std::size_t i = 0; i < size; ++i) buffer.data()[i] = std::byte{7};
    const std::size_t first = 4096 * 3 + 5, bytes = 4096 * 5 + 20;
    buffer.discard(first, bytes);
    std::size_t zeros = 0;
    for (std::size_t i = 0; i < size; ++i) {
      const bool outside = i < first || i >= first + bytes;
      if (buffer.data()[i] == std::byte{0}) {
        REQUIRE_FALSE(outside);
        ++zeros;
      }
    }
    CHECK(zeros >= 4096 * 4);
    buffer.data()[4096 * 4] = std::byte{9};
    CHECK(buffer.data()[4096 * 4] == std::byte{9});
  }
  Buffer small(100, "a test", Buffer::Pages::lazy);
  small.data()[50] = std::byte{7};
  small.discard(0, 100);  // nothing that the system would take
  CHECK(small.data()[50] == std::byte{7});
}

TEST_CASE("buffer: moves hand over the memory") {
  Buffer a(100, "a test");
  const std::byte* data = a.data();
  Buffer b = std::move(a);
  CHECK(b.data() == data);
  CHECK_FALSE(a);
  a = std::move(b);
  CHECK(a.data() == data);
}

TEST_CASE("buffer: memory of a device goes back once, when its last owner lets go") {
  std::byte memory[8] = {};
  int given_back = 0;
  {
    Buffer a({memory, [&](std::byte* data) { given_back += data == memory ? 1 : 100; }}, sizeof memory);
    Buffer b = std::move(a);
    CHECK_FALSE(a);
    CHECK(b.data() == memory);
    CHECK(b.size() == sizeof memory);
    b.make_huge();
    b.discard(0, sizeof memory);
    CHECK(given_back == 0);
    b = Buffer(10, "a test");
    CHECK(given_back == 1);
    CHECK(b.data()[9] == std::byte{0});
  }
  CHECK(given_back == 1);
}

TEST_CASE("buffer: too much memory is an error that names the purpose") {
  try {
    const Buffer buffer(std::size_t{1} << 62, "the moon");
    FAIL("expected OutOfHostMemory");
  } catch (const transom::core::OutOfHostMemory& error) {
    CHECK(std::string(error.what()).find("the moon") != std::string::npos);
  }
}
