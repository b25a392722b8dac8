// Many small processes. Each is innocent; together they fill the limit, and whoever is killed is not the cause.
#include <cerrno>
#include <vector>

#include "stress/anonymous.h"
#include "stress/child.h"
#include "stress/drive.h"
#include "stress/process_memory.h"

namespace stress::workloads {
namespace {

constexpr std::array kOwn{
    Parameter{"count", ParameterKind::count, "200", "processes at most: a bound of its own, beside pids.max"},
    Parameter{"each", ParameterKind::size, "256K", "anonymous memory of each"},
    Parameter{"hold", ParameterKind::hold, "500ms", "when they are there"},
};

int live(const Parameters& growth, std::uint64_t bytes) {
  const auto pool = AnonymousPool::create(growth);
  if (!pool || !(*pool)->grow(round_up(std::max<std::uint64_t>(bytes, 1), (*pool)->unit()))) {
    return 1;
  }
  hold(3e8);  // until we are ended
  return 0;
}

base::Result<> run_fork_bomb(Context& context) {
  const auto& parameters = context.parameters;
  TRY_ASSIGN(const auto growth, Parameters::check(kAnonymousGrowth, {}));
  std::vector<Child> children;
  note_counters(context, "start", {"anon", "kernel_stack", "pagetables"});
  while (children.size() < parameters.count("count")) {
    auto child = Child::start([&] { return live(growth, parameters.size("each")); });
    if (!child) {
      if (child.error().sys_errno != EAGAIN) {
        return std::unexpected(std::move(child).error());
      }
      context.note("refused", "processes", static_cast<double>(children.size()), "");  // pids.max
      break;
    }
    children.push_back(std::move(*child));
    context.note("started", "processes", static_cast<double>(children.size()), "");
  }
  hold(parameters.seconds("hold"));
  std::uint64_t killed = 0;
  for (auto& child : children) {
    const auto status = child.ended();
    killed += status && status->signal ? 1U : 0U;
  }
  context.note("end", "killed", static_cast<double>(killed), "");
  note_counters(context, "end", {"anon", "kernel_stack", "pagetables"});
  return {};
}

}  // namespace

extern const Workload fork_bomb;
constinit const Workload fork_bomb{
    .summary = "starts many small processes, until the kill, pids.max or its own bound",
    .group = Group::kernel,
    .counter = "anon",
    .seen = "many rows of small tasks in the kernel's report; the victim is one of them and not the cause",
    .source = "fork storms: make -j without a number, process pools; earlyoom's memforkbomb",
    .example = "oomlab stress fork-bomb --memory-max 48M --pids-max 100",
    .parameters = kOwn,
    .run = run_fork_bomb,
};

}  // namespace stress::workloads
