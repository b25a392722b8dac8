#include "cli/supervisor.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

#include "base/fd.h"
#include "base/file.h"
#include "forensics/analyze.h"

// NOLINTNEXTLINE(readability-redundant-declaration,cppcoreguidelines-avoid-non-const-global-variables): environ(7)
extern char** environ;

namespace cli {

std::optional<std::string> kernel_release() {
  utsname name{};
  return ::uname(&name) == 0 ? std::optional<std::string>(name.release) : std::nullopt;
}

// vm.panic_on_oom=2 panics on a cgroup's OOM too (Documentation/admin-guide/sysctl/vm.rst).
base::Result<> refuse_to_panic(bool in_guest) {
  const auto text = base::read_all("/proc/sys/vm/panic_on_oom", 64);
  if (!in_guest && text && text->starts_with("2")) {
    return base::fail(base::ErrorKind::unsupported,
                      "vm.panic_on_oom is 2: an OOM kill in a cgroup would panic this machine",
                      "use --backend vm, or `sysctl vm.panic_on_oom=0`");
  }
  return {};
}

std::optional<int> protect_supervisor(bool in_guest) {
  if (!in_guest) {
    return std::nullopt;
  }
  const auto text = base::read_all("/proc/self/oom_score_adj", 64);
  const base::Fd fd(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  (void)base::write_all(fd.get(), "-1000");  // a refusal only costs the protection
  const sched_param priority{.sched_priority = 1};
  (void)::sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &priority);  // as above; the child is ordinary again
  return text ? std::atoi(text->c_str()) : 0;  // NOLINT(cert-err34-c): the kernel's own number
}

std::vector<std::string> command_environment() {
  std::vector<std::string> all;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (!std::string_view(*variable).starts_with("OOMLAB_REEXEC=")) {  // ours, not the command's
      all.emplace_back(*variable);
    }
  }
  return all;
}

std::optional<KernelLog> open_kernel_log(std::vector<forensics::Warning>& warnings) {
  auto opened = KernelLog::open_at_end();
  if (!opened) {
    const auto message = fmt::format("{}; without it nobody is named (as root, or with kernel.dmesg_restrict=0)",
                                     opened.error().message);
    warnings.push_back({.code = "kernel_log_unreadable", .message = message});
    return std::nullopt;
  }
  return std::move(*opened);
}

base::Result<std::vector<forensics::Incident>> read_incidents(std::optional<KernelLog>& log,
                                                              forensics::Postmortem& document) {
  if (!log) {
    return std::vector<forensics::Incident>{};
  }
  log->drain();
  std::vector<forensics::Source> sources;
  sources.push_back({.name = "/dev/kmsg", .bytes = log->text(), .carrier = "kmsg"});
  TRY_ASSIGN(auto read, forensics::analyze(sources));
  document.inputs = std::move(read.inputs);
  document.warnings.insert(document.warnings.end(), read.warnings.begin(), read.warnings.end());
  if (log->overruns() + log->dropped() != 0) {
    document.warnings.push_back(
        {.code = "log_overrun",
         .message = fmt::format("the kernel's ring buffer lapped the reader {} times, {} records were too many to keep",
                                log->overruns(), log->dropped()),
         .input = 0});
  }
  return std::move(read.incidents);
}

}  // namespace cli
