#include "cgroup/clone.h"

#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>

#include <cerrno>

namespace cgroup {
namespace {

// Of linux/sched.h, which distributions before 5.7 have without these.
constexpr std::uint64_t kClearSighand = 0x100000000ULL;
constexpr std::uint64_t kIntoCgroup = 0x200000000ULL;

// struct clone_args of linux/sched.h as of 5.7 (CLONE_ARGS_SIZE_VER2).
struct CloneArgs {
  std::uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};
static_assert(sizeof(CloneArgs) == 88);

// The system call and the child's first step. The child has the parent's registers and an empty stack: it takes
// function and argument from registers and calls, never to return (as glibc's own __clone3 does).
[[gnu::noinline]] long clone3_call(CloneArgs& args, void (*function)(void*), void* argument) {
#if defined(__x86_64__)
  long result = SYS_clone3;
  register CloneArgs* first asm("rdi") = &args;
  register std::size_t second asm("rsi") = sizeof args;
  register auto* function_register asm("r12") = function;
  register void* argument_register asm("r13") = argument;
  asm volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xor %%ebp, %%ebp\n\t"
      "mov %%r13, %%rdi\n\t"
      "call *%%r12\n\t"
      "hlt\n"
      "1:"
      : "+a"(result)
      : "r"(first), "r"(second), "r"(function_register), "r"(argument_register)
      : "rcx", "r11", "memory", "cc");
  return result;
#elif defined(__aarch64__)
  register long number asm("x8") = SYS_clone3;
  register long result asm("x0") = reinterpret_cast<long>(&args);
  register std::size_t second asm("x1") = sizeof args;
  register auto* function_register asm("x10") = function;
  register void* argument_register asm("x11") = argument;
  asm volatile(
      "svc #0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x29, xzr\n\t"
      "mov x30, xzr\n\t"
      "mov x0, x11\n\t"
      "blr x10\n\t"
      "brk #0\n"
      "1:"
      : "+r"(result)
      : "r"(number), "r"(second), "r"(function_register), "r"(argument_register)
      : "memory", "cc");
  return result;
#else
  (void)args, (void)function, (void)argument;
  return -ENOSYS;
#endif
}

}  // namespace

long clone_sharing(void (*function)(void*), void* argument, int cgroup_fd, int& pidfd) {
  alignas(64) char stack[32 * 1024];  // alive until the child is gone from it: we are suspended that long
  CloneArgs args{};
  args.flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | kClearSighand;
  args.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  args.stack = reinterpret_cast<std::uintptr_t>(stack);
  args.stack_size = sizeof stack;
  if (cgroup_fd >= 0) {
    args.flags |= kIntoCgroup;
    args.cgroup = static_cast<std::uint64_t>(cgroup_fd);
  }
  return clone3_call(args, function, argument);
}

}  // namespace cgroup
