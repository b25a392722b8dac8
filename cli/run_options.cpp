#include "cli/run_options.h"

#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/escape.h"
#include "cli/containers/like.h"
#include "cli/report.h"
#include "stress/fault.h"

namespace cli {
namespace {

std::uint64_t ram_bytes() {
  return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

// A limit: a size, "N%" of RAM, or "max".
Options::Setter limit_setter(std::optional<cgroup::Limit>& target) {
  return [&target](std::string_view text) -> base::Result<> {
    if (text == "max") {
      target = cgroup::Limit{};
      return {};
    }
    TRY_ASSIGN(const auto bytes, base::parse_size(text, ram_bytes()));
    target = cgroup::Limit{bytes};
    return {};
  };
}

Options::Setter count_setter(std::optional<cgroup::Limit>& target) {
  return [&target](std::string_view text) -> base::Result<> {
    TRY_ASSIGN(const auto count, base::parse_size(text));
    if (text.find_first_not_of("0123456789") != std::string_view::npos) {
      return base::fail(base::ErrorKind::usage,
                        fmt::format("'{}' is not a number of processes", base::escape_terminal(text)));
    }
    target = cgroup::Limit{count};
    return {};
  };
}

}  // namespace

void RunOptions::bind(Options& options, MayBeBare bare) {
  bind_limits(options);
  bind_conditions(options);
  bind_expectation(options);
  bind_place(options, bare);
  bind_output(options);
}

void RunOptions::bind_limits(Options& options) {
  auto& limits = experiment.limits;
  options.group("Limits");
  options.text("like", like, "NAME|FILE",
               "those of a container, by name or as docker inspect printed them; other options go before it");
  options.value("memory-max", 0, "SIZE", "hard limit (memory.max): reclaim first, then the OOM killer",
                limit_setter(limits.memory_max));
  options.value("memory-high", 0, "SIZE", "throttle above this (memory.high); never kills",
                limit_setter(limits.memory_high));
  options.value("memory-min", 0, "SIZE", "protected from reclaim always (memory.min)", limit_setter(limits.memory_min));
  options.value("memory-low", 0, "SIZE", "protected from reclaim as far as possible (memory.low)",
                limit_setter(limits.memory_low));
  options.value("swap-max", 0, "SIZE",
                "swap (memory.swap.max), beside the memory; 0 when --memory-max is given and this is not",
                limit_setter(limits.swap_max));
  options.value("zswap-max", 0, "SIZE", "compressed swap cache (memory.zswap.max)", limit_setter(limits.zswap_max));
  options.value("pids-max", 0, "N", "processes and threads (pids.max)", count_setter(limits.pids_max));
  options.size("shm-size", experiment.shm_bytes, "of a /dev/shm of its own");
  options.flag("oom-group", oom_group_, "kill all of the group together (memory.oom.group)");
}

void RunOptions::bind_conditions(Options& options) {
  options.integer("oom-score-adj", oom_score_adj_, -1000, 1000, "of the command: -1000 (never) to 1000 (first)");
  options.duration("timeout", experiment.timeout, "kill it after this time: timed_out, exit 124");
  options.duration("thrash-timeout", experiment.thrash_timeout,
                   "kill it when it stalled this long at its limit without dying: thrashing, exit 124 (default 60s)");

  options.value(
      "fault", 0, "CALL:ERROR[:after=N]",
      "fail its system calls, e.g. mmap:ENOMEM:after=100; also :times=N, :size=SIZE (of at least that much) "
      "and :anon (mappings of no file); may be repeated",
      [this](std::string_view text) -> base::Result<> {
        TRY(stress::parse_faults(text));
        experiment.faults += (experiment.faults.empty() ? "" : ",") + std::string(text);
        return {};
      },
      true);
}

void RunOptions::bind_expectation(Options& options) {
  options.group("Expectation");
  options.value("expect", 0, "oom|fit", "exit 0 when it is met, else 1",
                [this](std::string_view text) -> base::Result<> {
                  if (text != "oom" && text != "fit") {
                    return base::fail(base::ErrorKind::usage,
                                      fmt::format("'{}' is not one of: oom, fit", base::escape_terminal(text)));
                  }
                  expect = text;
                  return {};
                });
  options.size("max-peak", max_peak_bytes, "with --expect fit (implied): the peak must not be above this");
}

void RunOptions::bind_place(Options& options, MayBeBare bare) {
  options.group("Where");
  if (bare == MayBeBare::yes) {
    options.choice("backend", backend, {"auto", "host", "vm", "none"},
                   "here, in the micro-VM, or the host where it can (default); none: in this very process, whose limit "
                   "must be in force already, a container's");
  } else {
    options.choice("backend", backend, {"auto", "host", "vm"},
                   "here, in the micro-VM, or the host where it can (default)");
  }
  options.text("kernel", guest.kernel, "NAME|PATH",
               "the micro-VM's kernel: 6.12, a release, or an image; `oomlab vm kernels` lists them");
  options.size("guest-memory", guest.memory_bytes, "RAM of the micro-VM (default: by the limits, at least 512 MiB)");
  options.size(
      "guest-disk", guest.disk_bytes,
      "a disk at /run/oomlab-disk of the micro-VM, ext4, for page cache (default: 1G where the workload needs it)");
  options.value(
      "sysctl", 0, "NAME=VALUE", "set in the micro-VM before the run, e.g. vm.panic_on_oom=1",
      [this](std::string_view text) -> base::Result<> {
        const auto at = text.find('=');
        if (at == std::string_view::npos || at == 0) {
          return base::fail(base::ErrorKind::usage, fmt::format("'{}' is not NAME=VALUE", base::escape_terminal(text)));
        }
        guest.sysctls.emplace_back(text.substr(0, at), text.substr(at + 1));
        return {};
      },
      true);
  options.flag("cold", guest.cold, "boot the micro-VM instead of restoring its snapshot");
}

void RunOptions::bind_output(Options& options) {
  options.group("Output");
  options.list("output", 'o', outputs, "FILE",
               "write the post-mortem; the ending picks the format, - is standard output; may be repeated");
  options.text("format", format, "NAME", "format for standard output; `oomlab list` shows them");
  options.duration("sample", sample_, "the recorder's period (default 10ms, at least 1ms)");
  options.flag("quiet", quiet, "no words of our own on stderr but errors");
}

base::Result<> RunOptions::take_like() {
  if (!like) {
    return {};
  }
  auto found = containers::find_like(*like);
  if (!found) {
    return std::unexpected(std::move(found).error().context("--like"));
  }
  auto& limits = experiment.limits;
  const auto& theirs = found->limits;
  if (!limits.memory_max) {
    limits.memory_max = theirs.memory_max;
    limits.swap_max = limits.swap_max ? limits.swap_max : theirs.swap_max;  // which belongs to that limit
  }
  for (const auto limit : {&cgroup::Limits::memory_high, &cgroup::Limits::memory_min, &cgroup::Limits::memory_low,
                           &cgroup::Limits::zswap_max, &cgroup::Limits::pids_max}) {
    limits.*limit = limits.*limit ? limits.*limit : theirs.*limit;
  }
  oom_group_ = oom_group_ || theirs.oom_group.value_or(false);
  if (!oom_score_adj_ && found->oom_score_adj) {
    oom_score_adj_ = *found->oom_score_adj;
  }
  experiment.shm_bytes = experiment.shm_bytes ? experiment.shm_bytes : found->shm_bytes;
  for (const auto& note : found->notes) {
    like_notes.push_back(fmt::format("like {}: {}", found->name, note));
  }
  return {};
}

base::Result<> RunOptions::settle() {
  TRY(take_like());
  auto& limits = experiment.limits;
  if (limits.memory_max && !limits.swap_max) {
    limits.swap_max = cgroup::Limit{0};
  }
  if (oom_group_) {
    limits.oom_group = true;
  }
  if (oom_score_adj_) {
    experiment.oom_score_adj = static_cast<int>(*oom_score_adj_);
  }
  if (!experiment.thrash_timeout) {
    experiment.thrash_timeout = std::chrono::seconds(60);
  }
  if (max_peak_bytes && expect.empty()) {
    expect = "fit";
  }
  if (sample_) {
    experiment.sample_period = *sample_;
  }
  TRY(settle_place());
  return check();
}

base::Result<> RunOptions::settle_place() {
  const bool wants_guest =
      guest.kernel || guest.memory_bytes || guest.disk_bytes || !guest.sysctls.empty() || guest.cold;
  if (wants_guest && (backend == "host" || backend == "none")) {
    return base::fail(
        base::ErrorKind::usage,
        "--kernel, --guest-memory, --guest-disk, --sysctl and --cold are of the micro-VM, --backend is " + backend,
        "leave out --backend " + backend);
  }
  if (wants_guest) {
    backend = "vm";
  }
  return {};
}

// What cannot be together.
base::Result<> RunOptions::check() const {
  const auto& limits = experiment.limits;
  const auto usage = [](std::string message, std::string remedy = {}) {
    return base::fail(base::ErrorKind::usage, std::move(message), std::move(remedy));
  };
  if (experiment.sample_period < std::chrono::milliseconds(1)) {
    return usage("--sample: at least 1ms");
  }
  if (max_peak_bytes && expect == "oom") {
    return usage("--max-peak and --expect oom cannot both be met", "--max-peak goes with --expect fit");
  }
  const bool has_limit = limits.memory_max || limits.memory_high || limits.memory_min || limits.memory_low ||
                         limits.swap_max || limits.zswap_max || limits.pids_max || limits.oom_group;
  if (no_limit && (has_limit || backend == "vm" || !expect.empty() || !experiment.faults.empty())) {
    return usage("--no-limit: goes with no limit, no micro-VM, no --expect and no --fault");
  }
  const auto largest = std::max({limits.memory_min.value_or(cgroup::Limit{0}).bytes.value_or(0),
                                 limits.memory_low.value_or(cgroup::Limit{0}).bytes.value_or(0)});
  if (limits.memory_max && limits.memory_max->bytes && largest > *limits.memory_max->bytes) {
    return usage("--memory-min and --memory-low protect more than --memory-max allows");
  }
  return {};
}

}  // namespace cli
