// A large parent whose children write a part each: what is written is copied, and only that is charged anew.
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <vector>

#include <fmt/format.h>

#include "stress/anonymous.h"
#include "stress/child.h"
#include "stress/drive.h"
#include "stress/process_memory.h"

namespace stress::workloads {
namespace {

constexpr std::array kOwn{
    Parameter{"size", ParameterKind::size, "16M", "of the parent"},
    Parameter{"children", ParameterKind::count, "4", "that it forks, 1 to 64"},
    Parameter{"share", ParameterKind::percent, "25", "of the parent's pages that each child writes"},
    Parameter{"hold", ParameterKind::hold, "200ms", "when all have written"},
};

void note(const Context& context, const std::string& step, const std::vector<Child>& children) {
  double rss = static_cast<double>(rollup_bytes("Rss").value_or(0));
  for (const auto& child : children) {
    rss += static_cast<double>(rollup_bytes("Rss", child.pid()).value_or(0));
  }
  note_counters(context, step, {"anon"});
  context.note(step, "sum of Rss", rss, "bytes");
}

// The first of every hundred pages, as many as the share says, written.
int write_share(const AnonymousPool& pool, std::uint64_t share) {
  for (std::uint64_t page = 0; page < pool.held() / page_size(); ++page) {
    if (page % 100 < share) {
      pool.at(page * page_size(), 1).front() = std::byte{1};
    }
  }
  return 0;
}

base::Result<> run_fork_cow(Context& context) {
  const auto& parameters = context.parameters;
  const auto count = std::clamp<std::uint64_t>(parameters.count("children"), 1, 64);
  TRY_ASSIGN(const auto growth, Parameters::check(kAnonymousGrowth, {}));
  TRY_ASSIGN(const auto pool, AnonymousPool::create(growth));
  std::vector<Child> children;
  note(context, "start", children);
  TRY(pool->grow(round_up(std::max<std::uint64_t>(parameters.size("size"), 1), pool->unit())));
  note(context, "parent filled", children);
  std::array<int, 2> ready{};
  if (::pipe2(ready.data(), O_CLOEXEC) != 0) {
    return base::system_error("pipe2");
  }
  const base::Fd reading(ready[0]);
  const base::Fd writing(ready[1]);
  for (std::uint64_t i = 1; i <= count; ++i) {
    TRY_ASSIGN(auto child, Child::start([&] {
                 (void)write_share(*pool, parameters.count("share"));
                 if (::write(writing.get(), "r", 1) != 1) {
                   return 1;
                 }
                 hold(3e8);  // until we are ended
                 return 0;
               }));
    children.push_back(std::move(child));
    char word = 0;
    if (::read(reading.get(), &word, 1) != 1) {
      return base::system_error("waiting for a child");
    }
    note(context, fmt::format("child {} wrote", i), children);
  }
  hold(parameters.seconds("hold"));
  return {};
}

}  // namespace

extern const Workload fork_cow;
constinit const Workload fork_cow{
    .summary = "a large parent forks children that write a part of its memory each",
    .group = Group::kernel,
    .counter = "anon",
    .seen = "anon grows by what each child writes, the sum of RSS by the whole parent each time",
    .source = "fork(2), copy on write; pre-forking servers, Redis' background save",
    .example = "oomlab stress fork-cow --memory-max 64M --children 8 --share 50",
    .parameters = kOwn,
    .run = run_fork_cow,
};

}  // namespace stress::workloads
