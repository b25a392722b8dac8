// malloc(3) promises memory; only touching it takes some.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <memory>

#include "stress/drive.h"
#include "stress/populate.h"
#include "stress/process_memory.h"

namespace stress::workloads {
namespace {

constexpr std::array kParameters{
    Parameter{"size", ParameterKind::size, "64M", "how much to allocate"},
    Parameter{"touch-after", ParameterKind::hold, "500ms", "touch it then, or at SIGUSR1 if that comes first"},
    Parameter{"hold", ParameterKind::hold, "200ms", "how long to keep it once touched"},
};

// Until the time is over or SIGUSR1 comes, which who started us has kept back until now.
void wait_for_cue(double seconds) {
  sigset_t cue;
  sigemptyset(&cue);
  sigaddset(&cue, SIGUSR1);
  (void)::pthread_sigmask(SIG_BLOCK, &cue, nullptr);
  constexpr double kForever = 3e8;
  const double whole = std::floor(std::min(seconds, kForever));
  const timespec time{.tv_sec = static_cast<time_t>(whole),
                      .tv_nsec = static_cast<long>((std::min(seconds, kForever) - whole) * 1e9)};
  while (::sigtimedwait(&cue, nullptr, &time) < 0 && errno == EINTR) {
  }
}

base::Result<> run_lazy_malloc(Context& context) {
  const auto size = context.parameters.size("size");
  note_memory(context, "start", {"VmSize", "VmRSS", "RssAnon"});
  const std::unique_ptr<void, decltype(&std::free)> block(std::malloc(size), &std::free);
  if (!block) {
    return base::system_error("malloc");
  }
  note_memory(context, "allocated", {"VmSize", "VmRSS", "RssAnon"});
  wait_for_cue(context.parameters.seconds("touch-after"));
  auto* bytes = static_cast<volatile char*>(block.get());
  for (std::uint64_t at = 0; at < size; at += page_size()) {
    bytes[at] = 1;
  }
  note_memory(context, "touched", {"VmSize", "VmRSS", "RssAnon"});
  hold(context.parameters.seconds("hold"));
  return {};
}

}  // namespace

extern const Workload lazy_malloc;
constinit const Workload lazy_malloc{
    .summary = "allocates 64 MiB, touches nothing, and touches all of it later or at SIGUSR1",
    .group = Group::process,
    .counter = "anon",
    .seen =
        "VmSize rises by the size at once, RSS only when it is touched; under 6 MiB of memory and 6 MiB of swap the "
        "touch is the kill, with a total-vm of 64 MiB and the program itself",
    .source = "malloc(3), notes on overcommit; proc(5)",
    .example = "oomlab stress lazy-malloc --memory-max 6M --swap-max 6M",
    .parameters = kParameters,
    .run = run_lazy_malloc,
};

}  // namespace stress::workloads
