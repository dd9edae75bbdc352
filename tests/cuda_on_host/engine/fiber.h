// SPDX-License-Identifier: Apache-2.0
/// Stacks to switch between inside one thread of the system. The address and thread sanitizers are told of
/// each switch.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <memory>

namespace transom::cuda_on_host {

/// A point of execution that can be left and resumed: a stack of its own, or the stack of the thread that
/// came from outside.
class Fiber {
 public:
  Fiber() = default;
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;
  ~Fiber();

  /// The next switch to this fiber begins entry(), which must not return, on the given memory. What ran there
  /// before is forgotten without being unwound.
  void prepare(void* stack, std::size_t bytes, void (*entry)());
  /// Leaves `from`, which is running, and resumes this one, which is not.
  void resume_from(Fiber& from);
  /// The first thing that entry() does.
  static void entered();

 private:
  static void arrived(Fiber& fiber);

  void* stack_pointer_ = nullptr;
  std::unique_ptr<ucontext_t> context_;  // where there is no switch of our own
  const void* stack_ = nullptr;
  std::size_t bytes_ = 0;
  [[maybe_unused]] void* fake_stack_ = nullptr;    // of the address sanitizer
  [[maybe_unused]] void* tsan_fiber_ = nullptr;    // of the thread sanitizer
  [[maybe_unused]] bool owns_tsan_fiber_ = false;  // not that of the thread from outside
};

}  // namespace transom::cuda_on_host
