// A program that is told no, and copes: allocation fails by a limit of its address space, or because the system calls
// are made to fail. Nobody is killed; the way out is the program's own.
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <fmt/format.h>

#include "base/bytes.h"
#include "stress/fault.h"
#include "stress/process_memory.h"

namespace stress::workloads {
namespace {

constexpr std::array kParameters{
    Parameter{"way", ParameterKind::choice, "rlimit", "a limit of the address space, or mmap(2) that fails",
              "rlimit|fault"},
    Parameter{"size", ParameterKind::size, "32M", "rlimit: room for that much beside the program itself"},
    Parameter{"after", ParameterKind::count, "20", "fault: blocks that still work"},
    Parameter{"block", ParameterKind::size, "1M", "of one allocation"},
    Parameter{"status", ParameterKind::count, "1", "the exit status of the program's own handling, 1 to 99"},
};

// The program: takes blocks until there are none, lets go of what it has, and ends in order. Its exit status is its
// own.
int take_until_refused(std::uint64_t block, std::uint64_t& taken) {
  std::vector<void*> blocks;
  blocks.reserve(1 << 16);  // no allocation of its own when there are none
  int error = 0;
  while (blocks.size() < blocks.capacity()) {
    void* made = std::malloc(block);
    if (made == nullptr) {
      error = errno;
      break;
    }
    std::memset(made, 1, block);
    blocks.push_back(made);
  }
  taken = blocks.size();
  for (void* made : blocks) {
    std::free(made);
  }
  return error;
}

base::Result<> finish(const Context& context, std::uint64_t taken, int error) {
  const auto block = context.parameters.size("block");
  context.note("refused", "blocks", static_cast<double>(taken), "");
  context.note("refused", "taken", static_cast<double>(taken * block), "bytes");
  context.note("refused", "errno", error, "");
  note_memory(context, "after", {"VmRSS"});
  (void)::fflush(nullptr);
  // Its own ending, with its own status: not ours, which would be an error of oomlab.
  ::_exit(static_cast<int>(context.parameters.count("status")));
}

base::Result<> run_by_rlimit(const Context& context) {
  const auto now = status_bytes("VmSize").value_or(0);
  const auto most = now + context.parameters.size("size");
  const rlimit limit{most, most};
  if (::setrlimit(RLIMIT_AS, &limit) != 0) {
    return base::system_error("setrlimit(RLIMIT_AS)");
  }
  std::uint64_t taken = 0;
  const int error = take_until_refused(context.parameters.size("block"), taken);
  return finish(context, taken, error);
}

// The program is a child, whose calls are ours to decide.
base::Result<> run_by_fault(const Context& context) {
  const auto block = context.parameters.size("block");
  FaultPlan plan(
      {{.call = "mmap", .error = ENOMEM, .after = context.parameters.count("after"), .at_least_bytes = block},
       {.call = "brk", .error = ENOMEM, .at_least_bytes = block}});
  std::uint64_t taken = 0;
  TRY_ASSIGN(auto program, Intercepted::start(plan.calls(), [&]() -> int {
               const int error = take_until_refused(block, taken);
               return error == ENOMEM ? static_cast<int>(std::min<std::uint64_t>(taken, 100)) : 101;
             }));
  TRY_ASSIGN(const auto status, program.serve([&plan](const Call& call) { return plan.decide(call); }));
  if (!status.exit_code || *status.exit_code > 100) {
    return base::fail(base::ErrorKind::syscall, "the program was not refused as planned");
  }
  context.note("refused", "calls failed", static_cast<double>(plan.failed()), "calls");
  return finish(context, static_cast<std::uint64_t>(*status.exit_code), ENOMEM);
}

base::Result<> run_enomem(Context& context) {
  const auto status = context.parameters.count("status");
  if (status < 1 || status > 99) {
    return base::fail(base::ErrorKind::usage, fmt::format("--status: {} is not 1 to 99", status));
  }
  return context.parameters.text("way") == "fault" ? run_by_fault(context) : run_by_rlimit(context);
}

}  // namespace

extern const Workload enomem;
constinit const Workload enomem{
    .summary = "is refused memory instead of being killed, and ends in its own way",
    .group = Group::kernel,
    .counter = "anon",
    .seen = "exit by the program's own handling, with its own status; no kill in memory.events",
    .needs = "for --way fault: seccomp filters that ask (Linux 5.0)",
    .source = "getrlimit(2) RLIMIT_AS; seccomp_unotify(2); `oomlab run --fault` does it to any command",
    .example = "oomlab stress enomem --memory-max 64M --way fault --after 10",
    .parameters = kParameters,
    .run = run_enomem,
};

}  // namespace stress::workloads
