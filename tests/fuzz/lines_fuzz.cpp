// Any bytes as one message of the kernel, newlines included, and as a row of each table. What is found in it must lie
// in it.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "forensics/gfp.h"
#include "forensics/lines/userspace.h"
#include "forensics/oom_line.h"
#include "tests/fuzz/check.h"

namespace {

using fuzz::check;
using fuzz::is_within;
namespace lines = forensics::lines;

// One overload for each line that borrows from its message; the others own what they hold.
struct Borrowed {
  std::string_view message;

  bool operator()(const lines::Trigger& line) const { return allocation(line); }
  bool operator()(const lines::AllocationFailure& line) const { return allocation(line); }
  bool operator()(const lines::Boot& line) const { return in(line.release); }
  bool operator()(const lines::MemcgLimit& line) const { return in(line.oom_memcg) && in(line.task_memcg); }
  bool operator()(const lines::UsageLine& line) const { return !line.usage.unlimited || !line.usage.limit_bytes; }
  bool operator()(const lines::StatsHeader& line) const { return in(line.path); }
  bool operator()(const lines::StatCounter& line) const { return in(line.name); }
  bool operator()(const lines::Identity& line) const { return in(line.comm) && in(line.release) && in(line.tainted); }
  bool operator()(const lines::Hardware& line) const { return in(line.text); }
  bool operator()(const lines::CpusetLine& line) const { return in(line.cpuset) && in(line.mems_allowed); }
  bool operator()(const lines::Frame& line) const { return in(line.symbol); }
  bool operator()(const lines::TaskRow& line) const { return in(line.text); }
  bool operator()(const lines::Summary& line) const {
    return in(line.constraint) && in(line.nodemask) && in(line.oom_memcg) && in(line.task_memcg) && in(line.task);
  }
  bool operator()(const lines::Decision& line) const { return in(line.comm); }
  bool operator()(const lines::GroupKill& line) const { return in(line.path); }
  bool operator()(const auto& /*line*/) const { return true; }

 private:
  [[nodiscard]] bool in(const std::optional<std::string_view>& view) const { return is_within(view, message); }
  [[nodiscard]] bool allocation(const lines::Allocation& line) const {
    return in(line.comm) && in(line.gfp_names) && in(line.nodemask);
  }
};

void read_tables(std::string_view message) {
  (void)lines::parse_slab_row(message);
  (void)lines::parse_allocation_row(message);
  // The first line as a header, the others as rows below it; then the rows alone.
  const auto first = message.substr(0, message.find('\n'));
  const auto header = lines::parse_task_header(first);
  std::vector<std::string> rows;
  fuzz::for_each_line(message, [&](std::string_view row) {
    if (header) {
      (void)lines::split_task_row(row, header->columns);
    }
    rows.emplace_back(row);
  });
  if (const auto guessed = lines::guess_columns(rows)) {
    for (const auto& row : rows) {
      (void)lines::split_task_row(row, *guessed);
    }
  }
}

void check_userspace(const std::optional<lines::UserspaceLine>& line, std::string_view message) {
  if (line) {
    check(!line->killer.empty(), "a killer has a name");
    check(is_within(line->memcg, message), "a cgroup's path is of its message");
    check(is_within(line->allocating, message), "whoever is served is of the message");
  }
}

void read_userspace(std::string_view message) {
  const auto colon = message.find(':');
  const auto tag = message.substr(0, colon == std::string_view::npos ? 0 : colon);
  for (const auto name : {std::string_view(), tag, std::string_view("systemd-oomd"), std::string_view("earlyoom"),
                          std::string_view("lowmemorykiller")}) {
    check_userspace(lines::parse_userspace(name, message), message);
  }
  check_userspace(lines::parse_userspace_of_kernel(message), message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Of exactly its size, so that reading past it is found out.
  const auto bytes = std::make_unique<char[]>(size);
  const std::string_view message(bytes.get(), fuzz::text_of(data, size).copy(bytes.get(), size));
  if (const auto line = forensics::parse_oom_line(message)) {
    check(std::visit(Borrowed{message}, *line), "a line's views are of its message");
  }
  read_tables(message);
  read_userspace(message);
  return 0;
}
