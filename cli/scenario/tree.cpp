#include "cli/scenario/tree.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/file.h"
#include "cgroup/limits.h"
#include "cgroup/parse.h"
#include "cli/scenario/settings.h"

namespace cli::scenario {
namespace {

std::string trimmed(std::string text) {
  while (text.ends_with('\n') || text.ends_with(' ')) {
    text.pop_back();
  }
  return text;
}

// Whether what the kernel has is what was asked for: numbers may be rounded, a text may have got its default parts.
bool took(const Setting& setting, const std::string& got) {
  const auto* file = find_control_file(setting.file);
  if (file != nullptr && file->form == ControlFile::Form::bytes) {
    const auto wanted = cgroup::parse_limit(setting.value);
    const auto there = cgroup::parse_limit(got);
    return wanted && there && cgroup::limit_took(*wanted, *there, static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
  }
  return got == setting.value || got.starts_with(setting.value + " ");
}

// A limit of 0 on swap that nobody has needs no file.
bool goes_without(const Setting& setting) {
  const auto swaps = base::read_all("/proc/swaps");
  return setting.file == "memory.swap.max" && setting.value == "0" && !(swaps && cgroup::names_swap_area(*swaps));
}

base::Result<> enable(const cgroup::Dir& dir, const std::string& controllers) {
  auto written = dir.write("cgroup.subtree_control", controllers);
  if (written) {
    return {};
  }
  auto error = std::move(written).error();
  const bool forbidden = error.sys_errno == EACCES || error.sys_errno == EPERM;
  error.kind = forbidden ? base::ErrorKind::permission : base::ErrorKind::unsupported;
  error.remedy = "delegate these controllers too, or use --backend vm";
  return std::unexpected(std::move(error).context(fmt::format("enabling '{}'", controllers)));
}

base::Result<> check_files(const cgroup::Dir& dir, const Scenario& scenario) {
  for (const auto& file : scenario.needs.files) {
    if (!dir.has(file.c_str())) {
      return base::fail(base::ErrorKind::unsupported, fmt::format("this kernel has no {}", base::escape_terminal(file)),
                        "choose another --kernel");
    }
  }
  return {};
}

}  // namespace

base::Result<> apply(const cgroup::Dir& dir, const Setting& setting) {
  if (auto written = dir.write(setting.file.c_str(), setting.value); !written) {
    if (written.error().sys_errno == ENOENT && goes_without(setting)) {
      return {};
    }
    auto error = std::move(written).error();
    const bool forbidden = error.sys_errno == EACCES || error.sys_errno == EPERM;
    error.kind = forbidden ? base::ErrorKind::permission : base::ErrorKind::unsupported;
    error.remedy = "use --backend vm";
    return std::unexpected(std::move(error).context(fmt::format("asked for {}", setting.value)));
  }
  TRY_ASSIGN(const auto back, dir.read(setting.file.c_str()));
  if (!took(setting, trimmed(back))) {
    return base::fail(base::ErrorKind::unsupported,
                      fmt::format("{}: asked for {}, but the kernel has {}", setting.file, setting.value,
                                  base::escape_terminal(trimmed(back))),
                      "use --backend vm");
  }
  return {};
}

base::Result<> Tree::add(const GroupSpec& group, const std::string& controllers) {
  const auto path = top_.dir().path() / group.path;
  if (::mkdir(path.c_str(), 0755) != 0) {
    return base::system_error(fmt::format("making the cgroup {}", base::escape_terminal(path.native())));
  }
  TRY_ASSIGN(auto dir, cgroup::Dir::open(path));
  const auto& kept = dirs_.emplace(group.path, std::move(dir)).first->second;
  if (!controllers.empty()) {
    TRY(enable(kept, controllers));
  }
  for (const auto& setting : group.settings) {
    if (auto applied = apply(kept, setting); !applied) {
      return std::unexpected(std::move(applied).error().context(group.path));
    }
  }
  return {};
}

base::Result<Tree> Tree::create(const std::filesystem::path& parent, const Scenario& scenario) {
  std::string controllers = "+memory +pids";
  for (const auto& controller : controllers_of(scenario)) {
    controllers += fmt::format(" +{}", controller);
    if (const auto above = cgroup::Dir::open(parent)) {
      (void)above->write("cgroup.subtree_control", fmt::format("+{}", controller));  // below it fails if this did
    }
  }
  TRY_ASSIGN(auto top, cgroup::Group::create(parent, scenario.name, {}));
  TRY(check_files(top.dir(), scenario));
  TRY(enable(top.dir(), controllers));
  Tree tree(std::move(top));
  for (const auto& group : scenario.groups) {
    const bool has_children = std::ranges::any_of(
        scenario.groups, [&group](const GroupSpec& other) { return other.path.starts_with(group.path + "/"); });
    TRY(tree.add(group, has_children ? controllers : ""));
  }
  return tree;
}

std::vector<std::pair<std::string, std::string>> Tree::settings(const GroupSpec& group) const {
  std::vector<std::pair<std::string, std::string>> all;
  for (const auto& setting : group.settings) {
    if (const auto text = dir(group.path).read(setting.file.c_str())) {
      all.emplace_back(setting.file, trimmed(*text));
    }
  }
  return all;
}

// Reading cpu.stat adds up what the processors hold of all counters (kernel/cgroup/rstat.c); memory.stat alone may lag
// by some pages for each.
cgroup::Counters read_all_counters(const cgroup::Dir& dir) {
  (void)dir.read("cpu.stat");
  cgroup::Counters all;
  for (const auto& file : counter_files()) {
    if (const auto text = dir.read(file.c_str())) {
      const auto numbers = numbers_in(file, *text);
      all.insert(all.end(), numbers.begin(), numbers.end());
    }
  }
  return all;
}

std::optional<double> read_counter(const cgroup::Dir& dir, const Counter& counter) {
  cgroup::Counters values;
  std::string last;
  for (const auto& term : counter.terms) {
    if (term.file == last) {
      continue;
    }
    last = term.file;
    if (last == "memory.stat") {
      (void)dir.read("cpu.stat");
    }
    if (const auto text = dir.read(last.c_str())) {
      const auto numbers = numbers_in(last, *text);
      values.insert(values.end(), numbers.begin(), numbers.end());
    }
  }
  return value_of(counter, values);
}

}  // namespace cli::scenario
