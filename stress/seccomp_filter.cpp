#include "stress/seccomp_filter.h"

#include <fcntl.h>
#include <seccomp.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include <fmt/format.h>

#include "base/escape.h"

namespace stress {
namespace {

struct ReleaseFilter {
  void operator()(void* filter) const { ::seccomp_release(filter); }
};

base::Error no_filter(int error) {
  auto made = base::system_error("a seccomp filter that asks", error).error();
  made.kind = base::ErrorKind::unsupported;
  made.remedy = "Linux 5.0 or newer, outside of sandboxes that forbid it; or --backend vm";
  return made;
}

}  // namespace

bool is_system_call(const std::string& name) {
  return ::seccomp_syscall_resolve_name(name.c_str()) >= 0;  // negative: none, or one of other machines only
}

std::string system_call_name(int number) {
  char* name = ::seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
  std::string copy = name == nullptr ? "" : name;
  ::free(name);  // NOLINT(cppcoreguidelines-no-malloc): libseccomp allocates
  return copy;
}

base::Result<base::Fd> install_asking_filter(std::span<const std::string> calls) {
  const std::unique_ptr<void, ReleaseFilter> filter(::seccomp_init(SCMP_ACT_ALLOW));
  if (!filter) {
    return std::unexpected(no_filter(ENOMEM));
  }
  for (const auto& name : calls) {
    const int call = ::seccomp_syscall_resolve_name(name.c_str());
    if (call < 0) {
      return base::fail(base::ErrorKind::usage,
                        fmt::format("'{}' is no system call of this machine", base::escape_terminal(name)));
    }
    if (const int result = ::seccomp_rule_add_array(filter.get(), SCMP_ACT_NOTIFY, call, 0, nullptr); result != 0) {
      return std::unexpected(no_filter(-result));
    }
  }
  if (const int result = ::seccomp_load(filter.get()); result != 0) {
    return std::unexpected(no_filter(-result));
  }
  const int fd = ::seccomp_notify_fd(filter.get());
  base::Fd listener(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!listener) {
    return base::system_error("seccomp_notify_fd");
  }
  return listener;
}

}  // namespace stress
