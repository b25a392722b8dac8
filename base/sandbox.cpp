#include "base/sandbox.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <malloc.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <system_error>
#include <thread>
#include <utility>

#include "base/forbidden_call.h"
#include "base/landlock.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define BASE_SANITIZER_NEEDS_CALLS 1
#endif
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BASE_SANITIZER_NEEDS_CALLS 1
#endif

namespace base {
namespace {

#ifdef BASE_SANITIZER_NEEDS_CALLS
constexpr bool kSanitizerNeedsCalls = true;
#else
constexpr bool kSanitizerNeedsCalls = false;
#endif

// Allowed with any arguments. A number below 0 is a call that this architecture has not (libseccomp's pseudo numbers).
constexpr std::array kCalls{
    // what is open
    SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(pwrite64),
    SCMP_SYS(lseek), SCMP_SYS(fstat), SCMP_SYS(close), SCMP_SYS(poll), SCMP_SYS(ppoll),
    // memory
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise),
    // threads
    SCMP_SYS(futex), SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity),
    SCMP_SYS(gettid), SCMP_SYS(getpid), SCMP_SYS(exit), SCMP_SYS(exit_group),
    // signals of our own
    SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack), SCMP_SYS(restart_syscall),
    // time and chance
    SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(clock_nanosleep), SCMP_SYS(nanosleep),
    SCMP_SYS(getrandom)};

// Allowed where (argument & mask) == value; a call may have several rows. All 64 bits count where the mask is kAll: the
// kernel looks at fewer, glibc fills them.
constexpr scmp_datum_t kAll = ~scmp_datum_t{0};
constexpr scmp_datum_t kNewNamespace =
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET;
struct Rule {
  int call;
  unsigned argument;
  scmp_datum_t mask;
  scmp_datum_t value;
};
constexpr std::array kRules{
    // An empty path is glibc's fstat() (2.33 to 2.38). A path that is not empty tells of another file no more than its
    // attributes.
    Rule{SCMP_SYS(newfstatat), 3, kAll, AT_EMPTY_PATH},
    Rule{SCMP_SYS(mmap), 2, PROT_EXEC, 0},
    Rule{SCMP_SYS(mprotect), 2, PROT_EXEC, 0},
    Rule{SCMP_SYS(clone), 0, CLONE_THREAD | kNewNamespace, CLONE_THREAD},
    Rule{SCMP_SYS(fcntl), 1, kAll, F_GETFL},
    Rule{SCMP_SYS(fcntl), 1, kAll, F_SETFL},
    Rule{SCMP_SYS(fcntl), 1, kAll, F_GETFD},
    Rule{SCMP_SYS(fcntl), 1, kAll, F_DUPFD_CLOEXEC},
    Rule{SCMP_SYS(ioctl), 1, kAll, TCGETS},
    Rule{SCMP_SYS(ioctl), 1, kAll, TIOCGWINSZ},
    Rule{SCMP_SYS(prctl), 0, kAll, PR_SET_NAME},
};

// For PendingFile; rmdir and unlinkat(AT_REMOVEDIR) are not among them.
constexpr std::array kReplacing{
    Rule{SCMP_SYS(rename), 0, 0, 0}, Rule{SCMP_SYS(renameat), 0, 0, 0},    Rule{SCMP_SYS(renameat2), 4, kAll, 0},
    Rule{SCMP_SYS(unlink), 0, 0, 0}, Rule{SCMP_SYS(unlinkat), 2, kAll, 0},
};

struct ReleaseFilter {
  void operator()(void* filter) const { ::seccomp_release(filter); }
};
using Filter = std::unique_ptr<void, ReleaseFilter>;

// The first error of libseccomp, which returns it negated.
class Building {
 public:
  explicit Building(scmp_filter_ctx filter) : filter_(filter) {}
  void allow(int call) {
    if (call >= 0) {
      keep(::seccomp_rule_add_array(filter_, SCMP_ACT_ALLOW, call, 0, nullptr));
    }
  }
  void allow(const Rule& rule) {
    const scmp_arg_cmp where{rule.argument, SCMP_CMP_MASKED_EQ, rule.mask, rule.value};
    if (rule.call >= 0) {
      keep(::seccomp_rule_add_array(filter_, SCMP_ACT_ALLOW, rule.call, rule.mask == 0 ? 0 : 1, &where));
    }
  }
  void refuse(int call, int error) {
    keep(::seccomp_rule_add_array(filter_, SCMP_ACT_ERRNO(static_cast<unsigned>(error)), call, 0, nullptr));
  }
  [[nodiscard]] int error() const { return -result_; }

 private:
  void keep(int result) {
    if (result_ == 0) {
      result_ = result;
    }
  }
  scmp_filter_ctx filter_;
  int result_ = 0;
};

// SCMP_ACT_TRAP is as safe as SCMP_ACT_KILL_PROCESS: the call has not been made and never will be, and the signal can
// neither be blocked nor ignored (the kernel's force_sig() makes it deadly then). The handler that names the call is
// all there is between, and rt_sigaction is not allowed, so there will be no other; whoever can overwrite what it reads
// runs code in here already, and gains nothing. The calls of another architecture (x32, i386) kill at once.
Result<Filter> build_filter(const Allowance& allowance) {
  Filter filter(::seccomp_init(SCMP_ACT_TRAP));
  if (!filter) {
    return system_error("seccomp", ENOMEM);
  }
  // What an old kernel or an old libseccomp does not know is not needed: the default for another architecture kills the
  // thread, a list of rules decides the same as a tree, and there are no other threads.
  (void)::seccomp_attr_set(filter.get(), SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  (void)::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  (void)::seccomp_attr_set(filter.get(), SCMP_FLTATR_CTL_TSYNC, 1);

  Building building(filter.get());
  for (const int call : kCalls) {
    building.allow(call);
  }
  for (const auto& rule : kRules) {
    building.allow(rule);
  }
  building.allow(Rule{SCMP_SYS(tgkill), 0, kAll, static_cast<scmp_datum_t>(::getpid())});  // abort()
  building.refuse(SCMP_SYS(clone3), ENOSYS);  // its flags are in memory; glibc falls back to clone
  if (!allowance.replace_files_in.empty()) {
    for (const auto& rule : kReplacing) {
      building.allow(rule);
    }
  }
  if (building.error() != 0) {
    return system_error("seccomp", building.error());
  }
  return filter;
}

Result<> forbid_calls(const Allowance& allowance) {
  TRY_ASSIGN(const auto filter, build_filter(allowance));
  announce_forbidden_calls(allowance.advice);
  errno = 0;
  if (const int result = ::seccomp_load(filter.get()); result != 0) {
    const int error = errno != 0 ? errno : -result;  // libseccomp turns what it does not expect, as EPERM, into EFAULT
    announce_no_forbidden_calls();
    return system_error("seccomp", error);
  }
  return {};
}

// Whether malloc() still maps blocks from 128 KiB on. From the first free() of such a block on it maps larger ones
// only, so the block that tells is kept: its free() would change what the program needs.
bool maps_as_at_first() {
  const auto before = ::mallinfo2().hblks;
  static const auto kept = std::make_unique_for_overwrite<std::byte[]>(std::size_t{129} << 10);
  static_cast<volatile std::byte&>(kept[0]) = {};  // or the compiler may do without the block
  return ::mallinfo2().hblks > before;
}

// glibc's malloc opens /proc/sys/vm/overcommit_memory when it gives back memory of a thread's arena for the first time
// (malloc/arena.c, shrink_heap()), and keeps what it read. Here that first time is a thread of now. What is free at the
// end of an arena's heap must exceed a threshold for that: 128 KiB at first, twice the largest mapped block freed so
// far, less than a heap; and M_TOP_PAD, which main() sets to 1 MiB. So a part of a heap, or all of it, is filled and
// freed. Where there is no memory or no thread to be had, there is nothing to settle either.
void settle_allocator() {
  constexpr std::size_t kBlock = std::size_t{120} << 10;  // never mapped
  const std::size_t fill = maps_as_at_first() ? std::size_t{3} << 19 : std::size_t{64} << 20;
  const auto give_back = [fill] {
    std::array<std::unique_ptr<std::byte[]>, (std::size_t{64} << 20) / kBlock> blocks;
    for (auto& block : std::span(blocks).first(fill / kBlock)) {
      block.reset(new (std::nothrow) std::byte[kBlock]);
    }
    for (auto& block : blocks) {  // the last one is the end of the heap: it is given back once, not bit by bit
      block.reset();
    }
  };
  try {
    std::thread(give_back).join();
  } catch (const std::system_error&) {
    return;  // pthread_create(3): EAGAIN
  }
}

}  // namespace

Confinement confine(const Allowance& allowance) {
  if (kSanitizerNeedsCalls) {
    const auto error = fail(ErrorKind::unsupported, "built with a sanitizer, which needs system calls of its own");
    return {.seccomp = error, .landlock_abi = error};
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1UL, 0UL, 0UL, 0UL) != 0) {
    const auto error = system_error("no_new_privs");
    return {.seccomp = error, .landlock_abi = error};
  }
  settle_allocator();
  auto landlock = forbid_paths(allowance.replace_files_in);  // first: it needs system calls
  return {.seccomp = forbid_calls(allowance), .landlock_abi = std::move(landlock)};
}

}  // namespace base
