#include "cgroup/delegation.h"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/escape.h"
#include "base/scanner.h"
#include "cgroup/facts.h"
#include "cgroup/group.h"

namespace cgroup {
namespace {

using base::quote_shell;
using base::Result;

constexpr std::string_view kOrVm = "or run it in a micro-VM: --backend vm";

Delegation refuse(std::string reason, std::string_view remedy) {
  return {.access = Access::refused, .reason = std::move(reason), .remedy = fmt::format("{}\n{}", remedy, kOrVm)};
}

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

std::string shown(const std::filesystem::path& path) {
  return base::escape_terminal(path.native());
}

// Hosts that cannot limit memory by cgroup v2, whoever asks.
std::optional<Delegation> refuse_host(const Hierarchy& hierarchy) {
  constexpr std::string_view kUnify =
      "boot with cgroup v2: add systemd.unified_cgroup_hierarchy=1 to GRUB_CMDLINE_LINUX in /etc/default/grub, then\n"
      "sudo update-grub && sudo reboot";
  switch (hierarchy.version) {
    case Version::v1:
      return refuse("this machine uses cgroup v1; oomlab needs v2", kUnify);
    case Version::none:
      return refuse("no cgroup2 filesystem is mounted", "sudo mount -t cgroup2 none /sys/fs/cgroup");
    case Version::hybrid:
    case Version::v2:
      break;
  }
  if (hierarchy.memory_on_v1) {
    return refuse("this machine has cgroup v1 and v2 side by side, and the memory controller is on v1", kUnify);
  }
  if (hierarchy.read_only) {
    return refuse(
        fmt::format("{} is mounted read-only, as in an ordinary container", shown(hierarchy.mount)),
        fmt::format("mount -o remount,rw {}\nwhere that is refused, start the container with docker run --privileged "
                    "or podman run --systemd=always",
                    quote_shell(hierarchy.mount.native())));
  }
  return std::nullopt;
}

// A place that can hold our groups as things are, or after we stepped aside.
std::optional<Delegation> use_own(const Facts& facts, bool undelegated_too) {
  if (facts.own.is_root && facts.own.is_usable()) {
    return Delegation{.access = Access::direct, .parent = facts.own.path};
  }
  // We stepped aside before, or systemd put us into a child of the delegated cgroup (DelegateSubgroup=).
  if (facts.above && facts.above->is_usable() &&
      (facts.own.path.filename() == kAsideFolder || (facts.above->delegated && facts.above->empty))) {
    return Delegation{.access = Access::direct, .parent = facts.above->path};
  }
  const bool is_ours = facts.own.delegated || facts.reexecuted || !facts.systemd || undelegated_too;
  if (is_ours && facts.own.is_usable() && facts.own.others.empty()) {
    return Delegation{.access = Access::move_self, .parent = facts.own.path};
  }
  // Without systemd nobody else rules the tree: root may use its top, unless that leaves a limit that somebody set.
  if (facts.uid == 0 && !facts.limited && facts.top && facts.top->is_usable() && (!facts.systemd || undelegated_too)) {
    return Delegation{.access = Access::direct, .parent = facts.top->path};
  }
  return std::nullopt;
}

Delegation refuse_user_manager(uid_t uid, const std::vector<std::string>& controllers) {
  return refuse(fmt::format("the memory controller is not delegated to this user's systemd (it has: {})",
                            controllers.empty() ? "none" : fmt::format("{}", fmt::join(controllers, " "))),
                fmt::format("sudo mkdir -p /etc/systemd/system/user@.service.d\n"
                            "printf '[Service]\\nDelegate=cpu cpuset io memory pids\\n' | "
                            "sudo tee /etc/systemd/system/user@.service.d/delegate.conf\n"
                            "sudo systemctl daemon-reload && sudo systemctl restart user@{}.service",
                            uid));
}

// Another start by systemd in a delegated scope. Never twice: what systemd could not give once it will not give again.
std::optional<Delegation> ask_systemd(const Facts& facts) {
  if (!facts.systemd || !facts.systemd_run || facts.reexecuted) {
    return std::nullopt;
  }
  std::vector<std::string> command = {"systemd-run"};
  if (facts.uid != 0) {
    if (facts.runtime_dir.empty()) {
      return std::nullopt;
    }
    if (facts.user_controllers && !contains(*facts.user_controllers, "memory")) {
      return refuse_user_manager(facts.uid, *facts.user_controllers);
    }
    if (!facts.runtime_dir_set) {
      command = {"env", fmt::format("XDG_RUNTIME_DIR={}", facts.runtime_dir.native()), "systemd-run"};
    }
    command.emplace_back("--user");
  }
  for (const char* word : {"--scope", "-p", "Delegate=yes", "--quiet", "--collect"}) {
    command.emplace_back(word);
  }
  command.push_back(fmt::format("--setenv={}=1", kReexecVariable));
  command.emplace_back("--");
  return Delegation{.access = facts.uid == 0 ? Access::systemd_root : Access::systemd_user,
                    .reexec = std::move(command)};
}

Delegation refuse_unwritable(const Facts& facts) {
  const Place& own = facts.own;
  const bool root = facts.uid == 0;
  if (facts.hierarchy.in_namespace) {
    return refuse(fmt::format("this container may not change its cgroup {}", shown(own.path)),
                  "start it with docker run --privileged or podman run --systemd=always, as root inside");
  }
  if (!root && facts.systemd && !facts.reexecuted) {
    return refuse(
        fmt::format("this user may not change the cgroup {}, and no systemd of this user can be asked",
                    shown(own.path)),
        fmt::format("sudo loginctl enable-linger {0} && export XDG_RUNTIME_DIR=/run/user/{0}\nor run it as root",
                    facts.uid));
  }
  return refuse(
      fmt::format("this user may not change the cgroup {}", shown(own.path)),
      root ? std::string_view("run it with CAP_SYS_ADMIN and CAP_DAC_OVERRIDE") : std::string_view("run it as root"));
}

// Why our own cgroup does not do, most basic reason first.
Delegation refuse_own(const Facts& facts) {
  const Place& own = facts.own;
  const bool root = facts.uid == 0;
  constexpr std::string_view kScope = "sudo systemd-run --scope -p Delegate=yes -- oomlab ...";
  if (own.path.empty()) {
    return refuse(fmt::format("our cgroup {} is not inside what is mounted at {}",
                              base::escape_terminal(facts.hierarchy.own_path), shown(facts.hierarchy.mount)),
                  "start the container with a cgroup namespace of its own: docker run --cgroupns=private --privileged");
  }
  if (own.is_threaded()) {
    return refuse(
        fmt::format("the cgroup {} is threaded (cgroup.type: {}), and memory cannot be limited in threaded ones",
                    shown(own.path), base::escape_terminal(own.type)),
        kScope);
  }
  if (!own.writable) {
    return refuse_unwritable(facts);
  }
  if (!contains(own.controllers, "memory")) {
    if (own.is_root) {
      return refuse("the kernel offers no memory controller",
                    "boot without cgroup_disable=memory (on a Raspberry Pi with cgroup_enable=memory)");
    }
    if (!root) {
      return refuse_user_manager(facts.uid, own.controllers);
    }
    const auto parent = own.path.parent_path() / "cgroup.subtree_control";
    return refuse(fmt::format("the memory controller is not delegated to the cgroup {} (it has: {})", shown(own.path),
                              own.controllers.empty() ? "none" : fmt::format("{}", fmt::join(own.controllers, " "))),
                  facts.hierarchy.in_namespace
                      ? "enable it for the container on the host, e.g. docker run -m 1g"
                      : fmt::format("echo +memory | sudo tee {}", quote_shell(parent.native())));
  }
  const auto aside = own.path / kAsideFolder;
  return refuse(
      fmt::format("the cgroup {} holds other processes (e.g. {}), so it cannot have limited children", shown(own.path),
                  own.others.empty() ? 0 : own.others.front()),
      fmt::format("{2}mkdir -p {0}\nfor p in $(cat {1}); do echo $p | {2}tee {0}/cgroup.procs; done",
                  quote_shell(aside.native()), quote_shell((own.path / "cgroup.procs").native()), root ? "" : "sudo "));
}

// Moves this process and its ancestors out of the way. Somebody else in there is an error: others' processes are not
// ours to move.
Result<> step_aside(const std::filesystem::path& folder) {
  const auto aside = folder / kAsideFolder;
  if (::mkdir(aside.c_str(), 0755) != 0 && errno != EEXIST) {
    return base::system_error(shown(aside));
  }
  TRY_ASSIGN(const Dir target, Dir::open(aside));
  const auto ours = self_and_ancestors();
  for (const auto pid : processes_in(folder)) {
    if (std::ranges::find(ours, pid) == ours.end()) {
      return base::fail(base::ErrorKind::unsupported,
                        fmt::format("{}: process {} came into it meanwhile", shown(folder), pid));
    }
    auto moved = target.write("cgroup.procs", fmt::format("{}", pid));
    if (!moved && moved.error().sys_errno != ESRCH) {
      return moved;
    }
  }
  return {};
}

Result<> enable_controllers(const Dir& dir) {
  const auto words_of = [&dir](const char* file) -> Result<std::vector<std::string>> {
    TRY_ASSIGN(const auto text, dir.read(file));
    std::vector<std::string> words;
    base::Scanner scanner(text);
    for (auto word = scanner.word(); word; scanner.skip_blanks(), word = scanner.word()) {
      words.emplace_back(*word);
    }
    return words;
  };
  constexpr const char* kEnabled = "cgroup.subtree_control";
  TRY_ASSIGN(auto enabled, words_of(kEnabled));
  if (!contains(enabled, "memory")) {
    TRY(dir.write(kEnabled, "+memory"));
    TRY_ASSIGN(enabled, words_of(kEnabled));
    if (!contains(enabled, "memory")) {
      return base::fail(base::ErrorKind::unsupported,
                        fmt::format("{}: took +memory, but does not show it", shown(dir.path() / kEnabled)));
    }
  }
  if (!contains(enabled, "pids")) {
    const auto offered = words_of("cgroup.controllers");
    if (offered && contains(*offered, "pids")) {
      (void)dir.write(kEnabled, "+pids");  // wanted for --pids-max only, which says so itself
    }
  }
  return {};
}

}  // namespace

Delegation decide(const Facts& facts) {
  if (auto refused = refuse_host(facts.hierarchy)) {
    return *std::move(refused);
  }
  if (auto own = use_own(facts, false)) {
    return *std::move(own);
  }
  if (auto systemd = ask_systemd(facts)) {
    return *std::move(systemd);
  }
  if (auto own = use_own(facts, true)) {
    return *std::move(own);
  }
  return refuse_own(facts);
}

Delegation find_delegation(const Hierarchy& hierarchy) {
  return decide(gather_facts(hierarchy));
}

Result<std::filesystem::path> make_ready(const Delegation& delegation) {
  if (delegation.access != Access::direct && delegation.access != Access::move_self) {
    return base::fail(
        base::ErrorKind::unsupported,
        delegation.reason.empty() ? "no cgroup of ours to prepare before the new start" : delegation.reason,
        delegation.remedy);
  }
  TRY_ASSIGN(const Dir dir, Dir::open(delegation.parent));
  for (int attempt = 0;; ++attempt) {
    if (delegation.access == Access::move_self) {
      TRY(step_aside(delegation.parent));
    }
    auto enabled = enable_controllers(dir);
    if (enabled) {
      return delegation.parent;
    }
    // One of ours was forked between the move and the enabling: again.
    if (enabled.error().sys_errno != EBUSY || delegation.access == Access::direct || attempt == 10) {
      return std::unexpected(std::move(enabled).error());
    }
  }
}

}  // namespace cgroup
