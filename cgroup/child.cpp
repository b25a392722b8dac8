#include "cgroup/child.h"

#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

namespace cgroup {
namespace {

constexpr std::string_view kDefaultPath = "/usr/local/bin:/usr/bin:/bin";

// As execvp(3): a name with a slash as it is, else one path per entry of PATH; an empty entry is the working folder.
std::vector<std::string> find_candidates(const SpawnRequest& request) {
  if (request.argv.empty() || request.argv[0].empty()) {
    return {};
  }
  const std::string& name = request.argv[0];
  if (name.find('/') != std::string::npos) {
    return {name};
  }
  std::string_view path = kDefaultPath;
  for (const std::string_view variable : request.environment) {
    if (variable.starts_with("PATH=")) {
      path = variable.substr(5);
      break;
    }
  }
  std::vector<std::string> candidates;
  while (true) {
    const auto end = path.find(':');
    const auto folder = path.substr(0, end);
    candidates.push_back(folder.empty() ? fmt::format("./{}", name) : fmt::format("{}/{}", folder, name));
    if (end == std::string_view::npos) {
      return candidates;
    }
    path.remove_prefix(end + 1);
  }
}

// exec wants char* and does not write to it.
char* as_argument(const std::string& text) {
  return const_cast<char*>(text.c_str());
}

[[noreturn]] void give_up(ChildPlan& plan, Step step, int error) {
  plan.failure = {step, error};
  if (plan.report_fd >= 0) {
    (void)!::write(plan.report_fd, &plan.failure, sizeof plan.failure);  // without it the parent sees status 127
  }
  ::_exit(127);
}

void need(ChildPlan& plan, Step step, long result) {
  if (result < 0) {
    give_up(plan, step, errno);
  }
}

void write_file(ChildPlan& plan, Step step, int fd, std::string_view text) {
  need(plan, step, fd);
  need(plan, step, ::write(fd, text.data(), text.size()));
  (void)::close(fd);
}

// Raw system calls: the C library's would tell threads that this child does not have.
void change_user(ChildPlan& plan) {
  const auto& request = *plan.request;
  if (request.uid || request.gid) {
    need(plan, Step::groups, ::syscall(SYS_setgroups, 0, nullptr));
  }
  if (request.gid) {
    need(plan, Step::gid, ::syscall(SYS_setresgid, *request.gid, *request.gid, *request.gid));
  }
  if (request.uid) {
    need(plan, Step::uid, ::syscall(SYS_setresuid, *request.uid, *request.uid, *request.uid));
  }
}

// A mount namespace that only the command sees; an ordinary user needs a user namespace for it, and stays who it is
// there (user_namespaces(7)).
void mount_shm(ChildPlan& plan) {
  constexpr Step kStep = Step::shm;
  if (::unshare(CLONE_NEWNS) != 0) {
    need(plan, kStep, ::unshare(CLONE_NEWUSER | CLONE_NEWNS));
    write_file(plan, kStep, ::open("/proc/self/setgroups", O_WRONLY | O_CLOEXEC), "deny");
    write_file(plan, kStep, ::open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC), plan.uid_map);
    write_file(plan, kStep, ::open("/proc/self/gid_map", O_WRONLY | O_CLOEXEC), plan.gid_map);
  }
  need(plan, kStep, ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr));
  need(plan, kStep,
       ::mount("oomlab-shm", plan.shm_folder.c_str(), "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC,
               plan.shm_options.c_str()));
}

// The three standard descriptors, and one more. Sources among 0 to 2 are copied out of the way first, so that any
// permutation works.
void set_descriptors(ChildPlan& plan) {
  int source[3] = {plan.request->stdin_fd, plan.request->stdout_fd, plan.request->stderr_fd};
  for (int target = 0; target < 3; ++target) {
    if (source[target] <= 2 && source[target] != target) {
      source[target] = ::fcntl(source[target], F_DUPFD_CLOEXEC, 3);
      need(plan, Step::descriptors, source[target]);
    }
  }
  for (int target = 0; target < 3; ++target) {
    const bool there = source[target] == target;
    need(plan, Step::descriptors, there ? ::fcntl(target, F_SETFD, 0) : ::dup2(source[target], target));
  }
  if (plan.request->inherited_fd >= 0) {
    need(plan, Step::descriptors, ::fcntl(plan.request->inherited_fd, F_SETFD, 0));
  }
}

// Dies with the parent; the parent may be dead already. A parent outside our PID namespace shows as 0.
void tie_to_parent(ChildPlan& plan) {
  need(plan, Step::parent, ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0));
  const auto parent = static_cast<pid_t>(::syscall(SYS_getppid));
  if (parent != plan.parent && parent != 0) {
    give_up(plan, Step::parent, ESRCH);
  }
}

void reset_signals(const SpawnRequest& request) {
  struct sigaction standard{};
  standard.sa_handler = SIG_DFL;
  (void)::sigaction(SIGPIPE, &standard, nullptr);  // cannot fail for SIGPIPE
  sigset_t blocked;
  sigemptyset(&blocked);
  for (const int signal : request.held_back) {
    sigaddset(&blocked, signal);
  }
  (void)::sigprocmask(SIG_SETMASK, &blocked, nullptr);
}

[[noreturn]] void try_candidates(ChildPlan& plan) {
  int error = ENOENT;
  for (const auto& candidate : plan.candidates) {
    plan.argv[1] = as_argument(plan.request->argv[0]);
    (void)::execve(candidate.c_str(), plan.argv.data() + 1, plan.environment.data());
    if (errno == ENOEXEC) {  // a script without "#!" is the shell's, as execvp(3) has it
      plan.argv[1] = as_argument(candidate);
      (void)::execve("/bin/sh", plan.argv.data(), plan.environment.data());
      give_up(plan, Step::exec, ENOEXEC);
    }
    if (errno == EACCES) {
      error = EACCES;  // said only if no later one works
    } else if (errno != ENOENT && errno != ENOTDIR && errno != ENODEV && errno != ESTALE && errno != ETIMEDOUT) {
      give_up(plan, Step::exec, errno);
    }
  }
  give_up(plan, Step::exec, error);
}

}  // namespace

ChildPlan prepare(const SpawnRequest& request) {
  ChildPlan plan{.request = &request, .candidates = find_candidates(request), .parent = ::getpid()};
  static const std::string shell = "/bin/sh";
  plan.argv.reserve(request.argv.size() + 2);
  plan.argv.push_back(as_argument(shell));
  for (const auto& argument : request.argv) {
    plan.argv.push_back(as_argument(argument));
  }
  plan.argv.push_back(nullptr);
  plan.environment.reserve(request.environment.size() + 1);
  for (const auto& variable : request.environment) {
    plan.environment.push_back(as_argument(variable));
  }
  plan.environment.push_back(nullptr);
  if (request.shm_bytes) {
    plan.shm_folder = request.root.value_or("") + "/dev/shm";
    plan.shm_options = fmt::format("mode=1777,size={}", *request.shm_bytes);
    plan.uid_map = fmt::format("{0} {0} 1", ::geteuid());
    plan.gid_map = fmt::format("{0} {0} 1", ::getegid());
  }
  if (request.oom_score_adj) {
    plan.oom_score_adj = fmt::format("{}", *request.oom_score_adj);
  }
  return plan;
}

void run_child(ChildPlan& plan) {
  const auto& request = *plan.request;
  if (plan.procs_fd >= 0) {
    need(plan, Step::join_group, ::write(plan.procs_fd, "0", 1));
  }
  if (request.new_process_group) {
    need(plan, Step::process_group, ::setpgid(0, 0));
  }
  if (!plan.oom_score_adj.empty()) {
    write_file(plan, Step::oom_score_adj, ::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC), plan.oom_score_adj);
  }
  if (request.shm_bytes) {
    mount_shm(plan);
  }
  for (const auto& limit : request.resource_limits) {
    const rlimit wanted{limit.value, limit.value};
    need(plan, Step::resource_limits, ::setrlimit(static_cast<__rlimit_resource_t>(limit.resource), &wanted));
  }
  if (request.root) {
    need(plan, Step::root, ::chroot(request.root->c_str()));
  }
  if (request.root || request.working_folder) {
    need(plan, Step::working_folder, ::chdir(request.working_folder ? request.working_folder->c_str() : "/"));
  }
  change_user(plan);
  if (request.die_with_parent) {
    tie_to_parent(plan);  // after change_user: a change of credentials takes the death signal away (prctl(2))
  }
  set_descriptors(plan);
  reset_signals(request);
  try_candidates(plan);
}

}  // namespace cgroup
