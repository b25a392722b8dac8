#include "cgroup/spawn.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/file.h"
#include "cgroup/child.h"
#include "cgroup/clone.h"

namespace cgroup {
namespace {

using base::ErrorKind;
using base::Result;

// Reaps a child that did not get as far as its exec.
void reap(pid_t pid) {
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

std::unexpected<base::Error> describe(const Failure& failure, const SpawnRequest& request, const Dir* dir) {
  const auto command = base::escape_terminal(request.argv.empty() ? "" : request.argv[0]);
  const auto because = [&failure](std::string_view what) { return base::system_error(what, failure.error); };
  switch (failure.step) {
    case Step::exec: {
      auto error = failure.error == ENOENT ? base::fail(ErrorKind::usage, fmt::format("{}: not found", command))
                                           : because(command);
      error.error().kind = ErrorKind::usage;
      error.error().sys_errno = failure.error;
      return error;
    }
    case Step::join_group:
      return because(
          fmt::format("moving {} into {}", command, base::escape_terminal(dir == nullptr ? "" : dir->path().native())));
    case Step::process_group:
      return because("setpgid");
    case Step::oom_score_adj:
      return because(fmt::format("setting oom_score_adj to {}", request.oom_score_adj.value_or(0)));
    case Step::shm:
      return because(fmt::format("a /dev/shm of {} bytes", request.shm_bytes.value_or(0)));
    case Step::resource_limits:
      return because("setting a resource limit");
    case Step::root:
      return because(fmt::format("chroot to {}", base::escape_terminal(request.root.value_or(""))));
    case Step::working_folder:
      return because(fmt::format("working folder {}", base::escape_terminal(request.working_folder.value_or("/"))));
    case Step::groups:
      return because("emptying the list of groups");
    case Step::gid:
      return because(fmt::format("becoming group {}", request.gid.value_or(0)));
    case Step::uid:
      return because(fmt::format("becoming user {}", request.uid.value_or(0)));
    case Step::parent:
      return because("tying the command to oomlab's life");
    case Step::descriptors:
      return because("standard input, output and error of the command");
    case Step::none:
      break;
  }
  return base::fail(ErrorKind::syscall, fmt::format("{}: ended before it began", command));
}

// The kernel or a filter in front of it does not know the call or the flags: what older ones can do is tried. ENOSYS:
// clone3 is of 5.3, and Docker's filter says so too; EINVAL, E2BIG: CLONE_INTO_CGROUP is of 5.7; EPERM: older filters.
bool is_unknown_call(long error) {
  return error == ENOSYS || error == EINVAL || error == E2BIG || error == EPERM || error == EOPNOTSUPP;
}

// Whether the process is in the cgroup. The folder's name, or that of the group above it, holds random letters, so the
// end of the "0::" line tells.
Result<> verify_placement(pid_t pid, const Dir& dir) {
  const auto text = base::read_all(fmt::format("/proc/{}/cgroup", pid));
  if (!text) {
    return {};  // ended already
  }
  const auto line = text->find("0::");
  const auto path = line == std::string::npos ? "" : text->substr(line + 3, text->find('\n', line) - line - 3);
  const auto& folder = dir.path().native();
  const auto from = std::min(folder.rfind("/oomlab-"), folder.rfind('/'));
  const auto name = folder.substr(from == std::string::npos ? 0 : from + 1);
  if (path.ends_with("/" + name) || path.ends_with("/" + name + " (deleted)")) {
    return {};
  }
  return base::fail(ErrorKind::unsupported,
                    fmt::format("the command is in the cgroup {} and not in {}", base::escape_terminal(path), name),
                    "use --backend vm");
}

// What is not read from the pipe is a child that went through its exec, which closed the other end, or was killed
// before.
Failure read_failure(int fd) {
  Failure failure;
  ssize_t got = 0;
  do {
    got = ::read(fd, &failure, sizeof failure);
  } while (got < 0 && errno == EINTR);
  return got == static_cast<ssize_t>(sizeof failure) ? failure : Failure{};
}

// For kernels before 5.7 and where clone3 is filtered: fork, and the child moves itself before it does anything else.
Result<Spawned> spawn_by_fork(ChildPlan& plan, const SpawnRequest& request, const Dir* dir) {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return base::system_error("pipe2");
  }
  const base::Fd reading(ends[0]);
  base::Fd writing(ends[1]);
  base::Fd procs;
  if (dir != nullptr) {
    TRY_ASSIGN(procs, dir->open_file("cgroup.procs", O_WRONLY));
  }
  plan.procs_fd = procs.get();
  plan.report_fd = writing.get();
  const pid_t pid = ::fork();
  if (pid < 0) {
    return base::system_error("fork");
  }
  if (pid == 0) {
    run_child(plan);
  }
  writing.reset();
  if (const auto failure = read_failure(reading.get()); failure.step != Step::none) {
    reap(pid);
    return describe(failure, request, dir);
  }
  Spawned spawned{.pid = pid, .pidfd = base::Fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)))};
  auto verified = spawned.pidfd ? Result<>{} : base::system_error("pidfd_open");
  if (verified && dir != nullptr) {
    verified = verify_placement(pid, *dir);
  }
  if (!verified) {
    (void)::kill(pid, SIGKILL);  // it is our child: it exists until it is reaped
    reap(pid);
    return std::unexpected(std::move(verified).error());
  }
  return spawned;
}

Result<Spawned> spawn_at(const SpawnRequest& request, const Dir* dir, Placement placement) {
  auto plan = prepare(request);
  if (placement == Placement::automatic) {
    int pidfd = -1;
    const long pid = clone_sharing([](void* argument) { run_child(*static_cast<ChildPlan*>(argument)); }, &plan,
                                   dir == nullptr ? -1 : dir->fd(), pidfd);
    if (pid > 0) {
      Spawned spawned{.pid = static_cast<pid_t>(pid), .pidfd = base::Fd(pidfd)};
      if (plan.failure.step != Step::none) {
        reap(spawned.pid);
        return describe(plan.failure, request, dir);
      }
      return spawned;
    }
    if (!is_unknown_call(-pid)) {
      return base::system_error(
          dir == nullptr ? "clone3" : fmt::format("clone3 into {}", base::escape_terminal(dir->path().native())),
          static_cast<int>(-pid));
    }
  }
  return spawn_by_fork(plan, request, dir);
}

}  // namespace

Result<Spawned> spawn(const SpawnRequest& request, const Group* group, Placement placement) {
  return spawn_at(request, group == nullptr ? nullptr : &group->dir(), placement);
}

Result<Spawned> spawn_in(const SpawnRequest& request, const Dir& dir, Placement placement) {
  return spawn_at(request, &dir, placement);
}

Result<base::ExitStatus> wait(const Spawned& child) {
  siginfo_t info{};
  int result = 0;
  do {
    result = ::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(child.pidfd.get()), &info, WEXITED);
    if (result != 0 && errno == EINVAL) {  // before 5.4
      result = ::waitid(P_PID, static_cast<id_t>(child.pid), &info, WEXITED);
    }
  } while (result != 0 && errno == EINTR);
  if (result != 0) {
    return base::system_error(fmt::format("waiting for process {}", child.pid));
  }
  if (info.si_code == CLD_EXITED) {
    return base::ExitStatus{.exit_code = info.si_status, .signal = {}};
  }
  return base::ExitStatus{.exit_code = {}, .signal = info.si_status};
}

}  // namespace cgroup
