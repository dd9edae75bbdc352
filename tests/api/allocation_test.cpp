// SPDX-License-Identifier: Apache-2.0
// Decode allocates nothing: every way to get memory from the C++ runtime is counted.
#include <atomic>
#include <cstdlib>
#include <new>

#include "tests/support/catch.h"
#include "tests/support/paths.h"
#include "transom/transom.h"

namespace {

std::atomic<long> allocations{0};

void* counted_or_null(std::size_t bytes, std::size_t alignment) noexcept {
  ++allocations;
  return alignment <= alignof(std::max_align_t)
             ? std::malloc(bytes == 0 ? 1 : bytes)
             : std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
}

void* counted(std::size_t bytes, std::size_t alignment) {
  void* memory = counted_or_null(bytes, alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

void* operator new(std::size_t bytes) { return counted(bytes, 1); }
void* operator new[](std::size_t bytes) { return counted(bytes, 1); }
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return counted(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return counted(bytes, static_cast<std::size_t>(alignment));
}
// A sanitizer's own nothrow forms would not come here, as those of the C++ runtime do.
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept { return counted_or_null(bytes, 1); }
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept { return counted_or_null(bytes, 1); }
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return counted_or_null(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return counted_or_null(bytes, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t, const std::nothrow_t&) noexcept { std::free(memory); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

TEST_CASE("decode: no allocation from token to token") {
  using namespace transom;
  for (const char* quantization : {"none", "int8"}) {
    for (const bool sample : {false, true}) {
      auto config = AutoConfig::from_pretrained(testing::tinystories().string());
      config.update({{"quantization", quantization},
                     {"attention_window", Value::List{32, 16}},
                     {"attention_sinks", Value::List{2, 0}}});
      const Model model = AutoModel::from_pretrained(testing::tinystories().string(), config, {.threads = 2});
      Session session = model.new_session();
      GenerationConfig generation;
      generation.max_new_tokens = 120;
      generation.ignore_eos = true;
      generation.do_sample = sample;
      generation.seed = 5;
      generation.repetition_penalty = 1.1f;
      long first = 0, last = 0;
      int tokens = 0;
      // Counted at the processor: once a token, the rest of the loop lies between two calls.
      generation.processors.push_back([&](std::span<const TokenId>, std::span<float>) {
        if (++tokens == 3) first = allocations;
        last = allocations;
      });
      std::string text;
      text.reserve(4096);
      session.generate("Once upon a time", generation, [&](std::string_view piece) {
        text += piece;
        return true;
      });
      INFO(quantization << (sample ? ", sampling" : ", greedy"));
      CHECK(tokens == 120);
      CHECK(last - first == 0);
      CHECK(allocations > 0);
    }
  }
}
