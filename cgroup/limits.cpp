#include "cgroup/limits.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "base/escape.h"
#include "cgroup/parse.h"

namespace cgroup {
namespace {

using base::ErrorKind;
using base::Result;

struct Rule {
  const char* file;
  std::optional<Limit> Limits::* limit;
  std::uint64_t unit;                        // the kernel rounds down to it
  bool (*absent_means_zero)(bool has_swap);  // without the file nothing of it can be used
  const char* remedy;                        // when the file is not there
};

std::uint64_t page_size() {
  static const auto size = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  return size;
}

constexpr const char* kMemoryRemedy =
    "use --backend vm, or a kernel built with CONFIG_MEMCG and a cgroup whose parent enables memory in "
    "cgroup.subtree_control";
constexpr const char* kSwapRemedy =
    "boot with swapaccount=1, or switch swap off (sudo swapoff -a), or use --backend vm";

std::string shown(const Limit& limit) {
  return limit.bytes ? fmt::format("{}", *limit.bytes) : "max";
}

base::Error refused(const Dir& dir, const char* file, base::Error error) {
  const bool forbidden = error.sys_errno == EACCES || error.sys_errno == EPERM;
  error.kind = forbidden ? ErrorKind::permission : ErrorKind::unsupported;
  error.remedy = forbidden ? fmt::format("give this user the cgroup (sudo chown -R $USER {}), or use --backend vm",
                                         base::quote_shell(dir.path().parent_path().native()))
                           : fmt::format("choose another value for {}, or use --backend vm", file);
  return error;
}

// Writes text, reads the file back with parse, and lets agree judge.
template <typename Parse, typename Agree>
auto write_and_read_back(const Dir& dir, const char* file, const std::string& text, Parse parse, Agree agree)
    -> decltype(parse("")) {
  if (auto written = dir.write(file, text); !written) {
    if (written.error().sys_errno == ENOENT) {
      return std::unexpected(std::move(written).error());
    }
    return std::unexpected(refused(dir, file, std::move(written).error()));
  }
  TRY_ASSIGN(const auto back, dir.read(file));
  auto got = parse(back);
  if (!got) {
    return std::unexpected(std::move(got).error().context(base::escape_terminal((dir.path() / file).native())));
  }
  if (!agree(*got)) {
    const auto end = back.find_last_not_of('\n');
    return base::fail(ErrorKind::unsupported,
                      fmt::format("{}: asked for {}, but the kernel has {}", file, text,
                                  base::escape_terminal(back.substr(0, end == std::string::npos ? 0 : end + 1))),
                      "choose another value, or use --backend vm");
  }
  return got;
}

Result<std::optional<Limit>> apply(const Dir& dir, const Rule& rule, const Limit& wanted, bool has_swap) {
  const auto took = [&](const Limit& limit) { return limit_took(wanted, limit, rule.unit); };
  auto got = write_and_read_back(dir, rule.file, shown(wanted), parse_limit, took);
  if (got || got.error().sys_errno != ENOENT) {
    return got;
  }
  if (wanted.bytes == 0 && rule.absent_means_zero(has_swap)) {
    return std::nullopt;
  }
  return base::fail(ErrorKind::unsupported,
                    fmt::format("{}: asked for {}, but this kernel has no such limit here", rule.file, shown(wanted)),
                    rule.remedy);
}

}  // namespace

Result<Limits> apply_limits(const Dir& dir, const Limits& wanted, bool has_swap) {
  const auto never = [](bool) { return false; };
  const auto without_swap = [](bool swap) { return !swap; };
  const auto always = [](bool) { return true; };
  const auto page = page_size();
  // memory.max is last: what it would meet is decided before it (swap, group kill).
  const Rule rules[] = {
      {"memory.swap.max", &Limits::swap_max, page, without_swap, kSwapRemedy},
      {"memory.zswap.max", &Limits::zswap_max, page, always,
       "leave --zswap-max out: this kernel is built without zswap"},
      {"memory.min", &Limits::memory_min, page, never, kMemoryRemedy},
      {"memory.low", &Limits::memory_low, page, never, kMemoryRemedy},
      {"pids.max", &Limits::pids_max, 1, never, "leave --pids-max out, or delegate the pids controller too"},
      {"memory.high", &Limits::memory_high, page, never, kMemoryRemedy},
      {"memory.max", &Limits::memory_max, page, never, kMemoryRemedy},
  };
  Limits got;
  if (wanted.oom_group) {
    const std::string text = *wanted.oom_group ? "1" : "0";
    if (dir.has("memory.oom.group")) {
      const std::uint64_t value = *wanted.oom_group ? 1 : 0;
      TRY(write_and_read_back(dir, "memory.oom.group", text, parse_count,
                              [value](std::uint64_t v) { return v == value; }));
      got.oom_group = wanted.oom_group;
    } else if (*wanted.oom_group) {
      return base::fail(ErrorKind::unsupported,
                        "memory.oom.group: asked for 1, but this kernel has no such switch here",
                        "use a kernel from 4.19 on: --backend vm");
    }
  }
  for (const auto& rule : rules) {
    if (const auto& limit = wanted.*rule.limit) {
      TRY_ASSIGN(got.*rule.limit, apply(dir, rule, *limit, has_swap));
    }
  }
  return got;
}

bool limit_took(const Limit& wanted, const Limit& got, std::uint64_t unit) {
  if (!wanted.bytes || !got.bytes) {
    return wanted == got;
  }
  return *got.bytes == *wanted.bytes - *wanted.bytes % unit || *got.bytes == *wanted.bytes;
}

bool names_swap_area(std::string_view proc_swaps) {
  return std::ranges::count(proc_swaps, '\n') > 1;
}

}  // namespace cgroup
