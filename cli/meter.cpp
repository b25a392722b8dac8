#include "cli/meter.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/scanner.h"
#include "cgroup/group.h"
#include "cgroup/hierarchy.h"
#include "cgroup/parse.h"

namespace cli {
namespace {

namespace fs = std::filesystem;

// The open files, and room for what is in them.
struct Files {
  base::Fd stat, flush, current, swap, pressure;
  std::array<char, 16 << 10> text{};

  std::string_view read(const base::Fd& file) {
    const ssize_t got = ::pread(file.get(), text.data(), text.size(), 0);
    return {text.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0))};
  }

  std::optional<std::uint64_t> number(const base::Fd& file) {
    base::Scanner in(read(file));
    return in.number<std::uint64_t>();
  }

  // "anon 4096\n": the value after a key that begins a line.
  static std::optional<std::uint64_t> value_of(std::string_view text, std::string_view key) {
    base::Scanner in(text);
    while (!in.done()) {
      if (in.literal(key) && in.literal(" ")) {
        return in.number<std::uint64_t>();
      }
      if (!in.until("\n")) {
        break;
      }
    }
    return std::nullopt;
  }

  // memory.stat is exact only after its per-CPU parts were added up, which the kernel does when there is much or every
  // two seconds. Reading cpu.stat adds them up at once, those of all controllers (kernel/cgroup/rstat.c, up to 6.16).
  std::optional<std::uint64_t> counter(std::string_view name) {
    if (name == "swap") {
      return number(swap);
    }
    (void)read(flush);
    return value_of(read(stat), name);
  }

  // "some avg10=0.00 avg60=0.00 avg300=0.00 total=1234"
  std::optional<double> stalled_s() {
    base::Scanner in(read(pressure));
    if (!in.literal("some ") || !in.until("total=")) {
      return std::nullopt;
    }
    const auto us = in.number<std::uint64_t>();
    return us ? std::optional(static_cast<double>(*us) / 1e6) : std::nullopt;
  }
};

// The lowest memory.max from our cgroup up to the top of what we see.
std::optional<std::uint64_t> lowest_limit(const cgroup::Hierarchy& hierarchy) {
  std::optional<std::uint64_t> lowest;
  for (fs::path folder = hierarchy.own;; folder = folder.parent_path()) {
    if (const auto dir = cgroup::Dir::open(folder)) {
      const auto limit = dir->value("memory.max", cgroup::parse_limit);
      if (limit && limit->bytes) {
        lowest = std::min(lowest.value_or(*limit->bytes), *limit->bytes);
      }
    }
    if (folder == hierarchy.mount || !folder.has_relative_path()) {
      return lowest;
    }
  }
}

}  // namespace

stress::Meter own_meter() {
  const auto hierarchy = cgroup::find_own_hierarchy();
  if (!hierarchy || hierarchy->own.empty()) {
    return {};
  }
  const auto dir = cgroup::Dir::open(hierarchy->own);
  if (!dir || !dir->has("memory.stat")) {
    return {};
  }
  const auto open = [&](const char* file) {
    auto opened = dir->open_file(file, O_RDONLY);
    return opened ? *std::move(opened) : base::Fd();
  };
  const auto files = std::make_shared<Files>();
  files->stat = open("memory.stat");
  files->flush = open("cpu.stat");
  files->current = open("memory.current");
  files->swap = open("memory.swap.current");
  files->pressure = open("memory.pressure");
  return {.counter = [files](std::string_view name) { return files->counter(name); },
          .level = [files] { return files->number(files->current); },
          .stalled_s = [files] { return files->stalled_s(); },
          .limit_bytes = lowest_limit(*hierarchy)};
}

}  // namespace cli
