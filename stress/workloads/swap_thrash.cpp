// A working set above memory.max with swap beside it: slow, not dead; then more than both together hold.
#include <sys/mman.h>

#include <chrono>

#include <fmt/format.h>

#include "base/bytes.h"
#include "stress/anonymous.h"
#include "stress/drive.h"
#include "stress/pause.h"
#include "stress/process_memory.h"
#include "stress/random.h"

namespace stress::workloads {
namespace {

constexpr std::array kOwn{
    Parameter{"size", ParameterKind::size, "", "of the working set (default: a quarter more than the limit)"},
    Parameter{"for", ParameterKind::hold, "3s", "how long to write here and there in it"},
    Parameter{"then", ParameterKind::choice, "kill", "grow on to the kill, or end", "kill|end"},
    Parameter{"chunk", ParameterKind::size, "2M", "how much to add in one step"},
    Parameter{"compressible", ParameterKind::percent, "50", "share of each page that compresses to nothing"},
    Parameter{"seed", ParameterKind::count, "1", "of the order and the contents"},
};
constexpr std::array kNeedsSwap{Need::swap};

void note(const Context& context, std::string_view step, double writes) {
  note_counters(context, step, {"anon", "swap"});
  if (const auto stalled = context.meter.read_stalled()) {
    context.note(step, "stalled", *stalled, "s");
  }
  context.note(step, "writes", writes, "pages/s");
}

base::Result<> run_swap_thrash(Context& context) {
  const auto& parameters = context.parameters;
  if (!parameters.has("size") && !context.meter.limit_bytes) {
    return base::fail(base::ErrorKind::usage, "swap-thrash: neither --size nor a limit of memory");
  }
  const auto size = parameters.has("size") ? parameters.size("size") : *context.meter.limit_bytes / 4 * 5;
  TRY_ASSIGN(const auto growth, Parameters::check(kAnonymousGrowth, {{"chunk", parameters.text("chunk")},
                                                                     {"compressible", parameters.text("compressible")},
                                                                     {"seed", parameters.text("seed")}}));
  TRY_ASSIGN(const auto pool, AnonymousPool::create(growth));
  listen_for_pause();
  const auto chunk = round_up(std::max<std::uint64_t>(parameters.size("chunk"), 1), pool->unit());
  while (pool->held() < size) {
    TRY(pool->grow(chunk));
  }
  note(context, "filled", 0);
  Random random(parameters.count("seed"));
  const auto pages = pool->held() / page_size();
  const double length = parameters.seconds("for");
  const auto start = Clock::now();
  double passed = 0;
  for (std::uint64_t writes = 0; passed < length;) {
    (void)wait_while_paused();
    for (int i = 0; i < 64; ++i, ++writes) {
      pool->at(random.below(pages) * page_size(), page_size()).back() = std::byte{1};
    }
    passed = std::chrono::duration<double>(Clock::now() - start).count();
    note(context, "thrashing", static_cast<double>(writes) / passed);
  }
  while (parameters.text("then") == "kill") {
    if (context.cap_bytes != 0 && pool->held() + chunk > context.cap_bytes) {
      return base::fail(
          base::ErrorKind::unsupported,
          fmt::format("filled {} and was not stopped: the limit does not hold", base::human_size(pool->held())));
    }
    TRY(pool->grow(chunk));
  }
  return {};
}

}  // namespace

extern const Workload swap_thrash;
constinit const Workload swap_thrash{
    .summary = "writes here and there in more memory than the limit holds, with swap; then fills swap, too",
    .group = Group::kernel,
    .counter = "anon",
    .seen =
        "swap grows and PSI is high while nobody is killed; then the kill, with swap full (memory.swap.events counts "
        "max and fail on kernels that still try)",
    .needs = "swap, and --swap-max",
    .needed = kNeedsSwap,
    .source = "kernel selftests cgroup/test_memcontrol.c, swap; `slow, not dead`",
    .example = "oomlab stress swap-thrash --memory-max 32M --swap-max 32M --backend vm",
    .parameters = kOwn,
    .run = run_swap_thrash,
};

}  // namespace stress::workloads
