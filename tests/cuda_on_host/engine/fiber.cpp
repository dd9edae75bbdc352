// SPDX-License-Identifier: Apache-2.0
#include "tests/cuda_on_host/engine/fiber.h"

#include <cstdint>

#if defined(__SANITIZE_ADDRESS__)
#define TRANSOM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define TRANSOM_ASAN 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define TRANSOM_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TRANSOM_TSAN 1
#endif
#endif
#ifdef TRANSOM_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef TRANSOM_TSAN
#include <sanitizer/tsan_interface.h>
#endif

// swapcontext asks the kernel for the signal mask at each switch, which costs half a microsecond; a kernel of
// 256 threads switches hundreds of times at each barrier. So x86-64 has a switch of its own: the registers
// that a call must keep go to the old stack and come from the new one.
#if defined(__x86_64__)
#define TRANSOM_OWN_SWITCH 1
extern "C" void transom_switch_stack(void** save, void* load);
__asm__(R"(
.text
.type transom_switch_stack, @function
.globl transom_switch_stack
.hidden transom_switch_stack
transom_switch_stack:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size transom_switch_stack, .-transom_switch_stack
)");
#endif

namespace transom::cuda_on_host {
namespace {

Fiber* left = nullptr;     // who called resume_from last
Fiber* resumed = nullptr;  // and whom it resumed

}  // namespace

Fiber::~Fiber() {
#ifdef TRANSOM_TSAN
  if (owns_tsan_fiber_) __tsan_destroy_fiber(tsan_fiber_);
#endif
}

void Fiber::prepare(void* stack, std::size_t bytes, void (*entry)()) {
  stack_ = stack;
  bytes_ = bytes;
  fake_stack_ = nullptr;
#ifdef TRANSOM_ASAN
  __asan_unpoison_memory_region(stack, bytes);
#endif
#ifdef TRANSOM_TSAN
  if (owns_tsan_fiber_) __tsan_destroy_fiber(tsan_fiber_);
  tsan_fiber_ = __tsan_create_fiber(0);
  owns_tsan_fiber_ = true;
#endif
#ifdef TRANSOM_OWN_SWITCH
  // As transom_switch_stack leaves it: six registers, then the address to return to, then that of entry's
  // caller, which is none.
  void** top = static_cast<void**>(stack) + bytes / sizeof(void*) / 2 * 2;
  *--top = nullptr;
  *--top = reinterpret_cast<void*>(entry);
  for (int i = 0; i < 6; ++i) *--top = nullptr;
  stack_pointer_ = top;
#else
  context_ = std::make_unique<ucontext_t>();
  getcontext(context_.get());
  context_->uc_stack.ss_sp = stack;
  context_->uc_stack.ss_size = bytes;
  context_->uc_link = nullptr;
  makecontext(context_.get(), entry, 0);
#endif
}

void Fiber::resume_from(Fiber& from) {
  left = &from;
  resumed = this;
#ifdef TRANSOM_ASAN
  __sanitizer_start_switch_fiber(&from.fake_stack_, stack_, bytes_);
#endif
#ifdef TRANSOM_TSAN
  if (from.tsan_fiber_ == nullptr) from.tsan_fiber_ = __tsan_get_current_fiber();
  __tsan_switch_to_fiber(tsan_fiber_, 0);
#endif
#ifdef TRANSOM_OWN_SWITCH
  transom_switch_stack(&from.stack_pointer_, stack_pointer_);
#else
  if (!from.context_) from.context_ = std::make_unique<ucontext_t>();
  swapcontext(from.context_.get(), context_.get());
#endif
  arrived(from);
}

void Fiber::entered() { arrived(*resumed); }

void Fiber::arrived([[maybe_unused]] Fiber& fiber) {
#ifdef TRANSOM_ASAN
  __sanitizer_finish_switch_fiber(fiber.fake_stack_, &left->stack_, &left->bytes_);
#endif
}

}  // namespace transom::cuda_on_host
