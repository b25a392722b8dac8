// Facts to findings: a pure function per item. What the numbers mean: Documentation/admin-guide/sysctl/vm.rst,
// cgroup-v2.rst and accounting/psi.rst.
#include "cli/doctor/judge.h"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/bytes.h"

namespace cli::doctor {
namespace {

constexpr std::string_view kUseVm = "--backend vm runs the job in a guest of its own";

Finding kernel(const Facts& facts) {
  return {.item = "kernel", .found = facts.kernel};
}

Finding cgroup_version(const Facts& facts) {
  const auto& hierarchy = facts.hierarchy;
  Finding finding{.item = "cgroup"};
  const std::string_view kinds = hierarchy.in_namespace ? ", in a cgroup namespace" : "";
  switch (hierarchy.version) {
    case cgroup::Version::v2:
      finding.found = fmt::format("version 2 on {}{}", hierarchy.mount.native(), kinds);
      break;
    case cgroup::Version::hybrid:
      finding.state = State::limited;
      finding.found = fmt::format("hybrid: version 2 on {} beside version 1{}", hierarchy.mount.native(), kinds);
      finding.consequence = "controllers that version 1 holds are not there for us";
      break;
    case cgroup::Version::v1:
      finding.state = State::missing;
      finding.found = "version 1 only";
      finding.consequence = "no job on the host";
      finding.remedy = "boot with systemd.unified_cgroup_hierarchy=1 (systemd 243 or newer)";
      break;
    case cgroup::Version::none:
      finding.state = State::missing;
      finding.found = "no cgroup file system is mounted";
      finding.consequence = "no job on the host";
      finding.remedy = "mount -t cgroup2 none /sys/fs/cgroup";
      break;
  }
  if (hierarchy.version == cgroup::Version::v2 && hierarchy.read_only) {
    finding.state = State::limited;
    finding.found += ", read-only";
    finding.consequence = "no cgroup can be made through this mount";
    finding.remedy = "give the container its cgroups: docker run --privileged --cgroupns private";
  }
  return finding;
}

Finding memory_controller(const Facts& facts) {
  Finding finding{.item = "memory controller"};
  if (std::ranges::find(facts.controllers, "memory") != facts.controllers.end()) {
    finding.found = fmt::format("there, beside {}", fmt::join(facts.controllers, " "));
    return finding;
  }
  finding.state = State::missing;
  finding.consequence = "no memory limit can be set on the host";
  if (facts.hierarchy.memory_on_v1) {
    finding.found = "held by cgroup version 1";
    finding.remedy = "boot with cgroup_no_v1=memory, or systemd.unified_cgroup_hierarchy=1";
  } else if (facts.hierarchy.mount.empty()) {
    finding.found = "no cgroup version 2 to look at";
  } else {
    finding.found =
        fmt::format("not in cgroup.controllers ({})",
                    facts.controllers.empty() ? "empty" : fmt::format("{}", fmt::join(facts.controllers, " ")));
    finding.remedy =
        "take cgroup_disable=memory off the kernel's command line; in a container or a user's session: delegate memory";
  }
  return finding;
}

Finding delegation(const Facts& facts) {
  Finding finding{.item = "delegation"};
  switch (facts.delegation.access) {
    case cgroup::Access::direct:
      finding.found = fmt::format("cgroups can be made in {}", facts.delegation.parent.native());
      break;
    case cgroup::Access::move_self:
      finding.found =
          fmt::format("cgroups can be made in {}, once oomlab has stepped aside", facts.delegation.parent.native());
      break;
    case cgroup::Access::systemd_user:
    case cgroup::Access::systemd_root:
      finding.found = fmt::format("through systemd: {}", fmt::join(facts.delegation.reexec, " "));
      break;
    case cgroup::Access::refused:
      finding.state = State::missing;
      finding.found = facts.delegation.reason;
      finding.consequence = "no job on the host";
      finding.remedy = facts.delegation.remedy;
      break;
  }
  return finding;
}

Finding memory_files(const Facts& facts) {
  Finding finding{.item = "memory files"};
  if (!facts.memory_files) {
    finding.state = State::limited;
    finding.found = "no cgroup with the memory controller to look at";
    finding.consequence = "what the kernel offers is seen when a job runs";
    return finding;
  }
  const auto& files = *facts.memory_files;
  std::vector<std::string_view> there;
  std::vector<std::string_view> absent;
  const auto note = [&](bool is_there, std::string_view name) { (is_there ? there : absent).push_back(name); };
  note(files.peak, files.peak_resettable ? "memory.peak (resettable)" : "memory.peak");
  note(files.swap_max, "memory.swap.max");
  note(files.oom_group, "memory.oom.group");
  note(files.cgroup_kill, "cgroup.kill");
  finding.found = there.empty() ? "memory.max alone" : fmt::format("{}", fmt::join(there, ", "));
  if (!absent.empty()) {
    finding.state = State::limited;
    finding.consequence = fmt::format("not on this kernel: {}", fmt::join(absent, ", "));
    finding.remedy = files.peak ? "" : "peaks are those of the samples; memory.peak needs Linux 5.19";
  }
  return finding;
}

Finding swap(const Facts& facts) {
  Finding finding{.item = "swap"};
  if (!facts.swap_total_bytes) {
    finding.state = State::limited;
    finding.found = "/proc/meminfo does not say";
    return finding;
  }
  if (*facts.swap_total_bytes == 0) {
    finding.found = "none";
    finding.consequence = "--swap-max has nothing to limit on the host; a guest gets swap of its own";
    return finding;
  }
  finding.found = fmt::format("{}, {} free", base::human_size(*facts.swap_total_bytes),
                              base::human_size(facts.swap_free_bytes.value_or(0)));
  if (facts.memory_files && !facts.memory_files->swap_max) {
    finding.state = State::limited;
    finding.consequence = "not accounted: a limited job swaps instead of being killed";
    finding.remedy = "boot with swapaccount=1, or swapoff -a";
  }
  return finding;
}

Finding pressure(const Facts& facts) {
  Finding finding{.item = "pressure (PSI)"};
  const int error = facts.psi_errno.value_or(ENOENT);
  if (error == 0) {
    finding.found = "/proc/pressure/memory";
    return finding;
  }
  finding.state = State::limited;
  finding.found = error == ENOENT ? "the kernel has none" : "switched off";
  finding.consequence = "no stall times in the timeline, and thrashing is not recognised";
  finding.remedy = error == ENOENT ? "a kernel with CONFIG_PSI=y; boot with psi=1" : "boot with psi=1";
  return finding;
}

Finding kernel_log(const Facts& facts) {
  Finding finding{.item = "kernel log"};
  const int error = facts.kmsg_errno.value_or(ENOENT);
  if (error == 0) {
    finding.found = "/dev/kmsg can be read";
    return finding;
  }
  finding.state = State::limited;
  finding.consequence = "a kill on the host is counted, but its report (victim, task table) is not seen";
  if (error == ENOENT) {
    finding.found = "no /dev/kmsg";
    finding.remedy = "in a container: docker run --device /dev/kmsg; else run as root";
  } else {
    finding.found = facts.dmesg_restrict.value_or(0) != 0 ? "/dev/kmsg is not readable (kernel.dmesg_restrict is 1)"
                                                          : "/dev/kmsg is not readable";
    finding.remedy = facts.dmesg_restrict.value_or(0) != 0 ? "as root: sysctl kernel.dmesg_restrict=0; or run as root"
                                                           : "run as root, or with CAP_SYSLOG";
  }
  return finding;
}

// A finding on a sysctl whose good value is known.
Finding sysctl(std::string_view item, std::optional<std::int64_t> value, std::int64_t good) {
  Finding finding{.item = std::string(item.substr(item.find('.') + 1)),
                  .found = value ? fmt::format("{}", *value) : "cannot be read"};
  if (value != good) {
    finding.state = State::limited;
    if (value) {
      finding.remedy = fmt::format("as root: sysctl {}={}", item, good);
    }
  }
  return finding;
}

Finding panic_on_oom(const Facts& facts) {
  Finding finding = sysctl("vm.panic_on_oom", facts.panic_on_oom, 0);
  if (facts.panic_on_oom.value_or(0) == 2) {
    finding.consequence = "ANY kill panics this machine, a job's at its limit too";
    finding.remedy += fmt::format("; {}", kUseVm);
  } else if (facts.panic_on_oom.value_or(0) != 0) {
    finding.consequence = "running out of memory as a whole panics this machine; a job's own limit does not";
  }
  return finding;
}

Finding oom_kill_allocating_task(const Facts& facts) {
  Finding finding = sysctl("vm.oom_kill_allocating_task", facts.oom_kill_allocating_task, 0);
  if (facts.oom_kill_allocating_task.value_or(0) != 0) {
    finding.consequence = "a global kill takes whoever asks for memory, not the largest";
  }
  return finding;
}

Finding oom_dump_tasks(const Facts& facts) {
  Finding finding = sysctl("vm.oom_dump_tasks", facts.oom_dump_tasks, 1);
  if (facts.oom_dump_tasks == 0) {
    finding.consequence = "reports of this kernel hold no task table: no runners-up, no recomputed scores";
  }
  return finding;
}

Finding overcommit(const Facts& facts) {
  Finding finding = sysctl("vm.overcommit_memory", facts.overcommit_memory, 0);
  switch (facts.overcommit_memory.value_or(0)) {
    case 1:
      finding.state = State::ok;
      finding.remedy.clear();
      finding.consequence = "malloc never fails for want of memory";
      break;
    case 2:
      finding.consequence =
          "malloc fails before memory runs out: programs see NULL, where they would be killed elsewhere";
      break;
    default:
      break;
  }
  return finding;
}

Finding micro_vm(const Facts& facts) {
  Finding finding{.item = "micro-VM", .found = facts.vm.qemu};
  if (facts.vm.available) {
    finding.found += fmt::format(", {}; kernels: {}", facts.vm.accelerator, fmt::join(facts.vm.kernels, ", "));
    if (facts.vm.accelerator != "kvm") {
      finding.consequence = "software emulation: programs run several times slower, kills are as real";
    }
    return finding;
  }
  finding.state = State::missing;
  if (facts.vm.kernels.empty()) {
    finding.found += facts.vm.qemu.empty() ? "no kernel" : "; no kernel";
  }
  finding.consequence = "no --backend vm";
  finding.remedy = facts.vm.remedy;
  return finding;
}

Finding sandbox(const Facts& facts) {
  Finding finding{.item = "seccomp, Landlock"};
  finding.found =
      fmt::format("{}, {}", facts.seccomp_filters ? "seccomp filters" : "no seccomp filters",
                  facts.landlock_abi > 0 ? fmt::format("Landlock ABI {}", facts.landlock_abi) : "no Landlock");
  if (!facts.seccomp_filters) {
    finding.state = State::limited;
    finding.consequence = "system calls can be neither made to fail nor forbidden";
    finding.remedy = "a kernel with CONFIG_SECCOMP_FILTER=y";
  }
  return finding;
}

Finding other_killers(const Facts& facts) {
  Finding finding{.item = "other OOM killers", .found = "none"};
  if (!facts.oom_killers.empty()) {
    finding.state = State::limited;
    finding.found = fmt::format("{}", fmt::join(facts.oom_killers, ", "));
    finding.consequence = "may kill a job on the host before the kernel does, with no kernel report";
    finding.remedy = kUseVm;
  }
  return finding;
}

Finding backend(const Facts& facts) {
  Finding finding{.item = "--backend auto"};
  if (const auto chosen = chosen_backend(facts)) {
    finding.found = *chosen == "host" ? "host: jobs run in a cgroup of this machine" : "vm: jobs run in a micro-VM";
    return finding;
  }
  finding.state = State::missing;
  finding.found = "neither host nor vm";
  finding.consequence = "no job can be run; analyze and report work";
  finding.remedy = facts.vm.remedy;
  return finding;
}

}  // namespace

std::string_view state_name(State state) {
  switch (state) {
    case State::ok:
      return "ok";
    case State::limited:
      return "limited";
    case State::missing:
      break;
  }
  return "missing";
}

std::optional<std::string_view> chosen_backend(const Facts& facts) {
  if (facts.delegation.access != cgroup::Access::refused) {
    return "host";
  }
  if (facts.vm.available) {
    return "vm";
  }
  return std::nullopt;
}

std::vector<Finding> judge(const Facts& facts) {
  return {kernel(facts),
          cgroup_version(facts),
          memory_controller(facts),
          delegation(facts),
          memory_files(facts),
          swap(facts),
          pressure(facts),
          kernel_log(facts),
          panic_on_oom(facts),
          oom_dump_tasks(facts),
          oom_kill_allocating_task(facts),
          overcommit(facts),
          micro_vm(facts),
          sandbox(facts),
          other_killers(facts),
          backend(facts)};
}

}  // namespace cli::doctor
