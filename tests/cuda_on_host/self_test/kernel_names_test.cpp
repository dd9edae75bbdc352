// SPDX-License-Identifier: Apache-2.0
#include "tests/cuda_on_host/engine/kernel_names.h"

#include "tests/support/catch.h"

namespace transom::cuda_on_host {
namespace {

template <int kRows, class T>
void templated(T*) {}
void plain() {}

}  // namespace

TEST_CASE("names of functions are found by their addresses") {
  CHECK(kernel_name(reinterpret_cast<const void*>(&plain)) == "plain");
  CHECK(kernel_name(reinterpret_cast<const void*>(&templated<3, float>)) == "templated<3, float>");
  CHECK(kernel_name(nullptr) == "kernel");
}

TEST_CASE("short names leave out namespaces, types and parameters") {
  CHECK(short_name("a::b::(anonymous namespace)::f(int, a::T<3>)") == "f");
  CHECK(short_name("void a::f<a::(anonymous namespace)::T, 64>(int)") ==
        "f<a::(anonymous namespace)::T, 64>");
  CHECK(short_name("std::pair<int, a::T> a::f<(a::E)2>(void (*)(int))") == "f<(a::E)2>");
  CHECK(short_name("f") == "f");
}

}  // namespace transom::cuda_on_host
