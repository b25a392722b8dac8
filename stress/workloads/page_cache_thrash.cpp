// A file that is larger than the limit, read here and there through a mapping: each page that comes in pushes out one
// that is wanted again soon. Nobody is killed, and nothing gets on.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "stress/pause.h"
#include "stress/populate.h"
#include "stress/process_memory.h"
#include "stress/random.h"
#include "stress/scratch_file.h"

namespace stress::workloads {
namespace {

constexpr std::array kOwn{
    Parameter{"size", ParameterKind::size, "96M", "of the file: larger than the limit"},
    Parameter{"for", ParameterKind::hold, "3s", "how long to read"},
    Parameter{"seed", ParameterKind::count, "1", "of the order; the same seed gives the same order"},
};
constexpr auto kParameters = join(kOwn, kFolder);

void note(const Context& context, std::string_view step) {
  note_counters(context, step, {"file", "file_mapped"});
  for (const std::string_view events : {"workingset_refault_file", "pgmajfault"}) {
    if (const auto count = context.meter.read(events)) {
      context.note(step, events, static_cast<double>(*count), "");
    }
  }
  if (const auto stalled = context.meter.read_stalled()) {
    context.note(step, "stalled", *stalled, "s");
  }
}

// Once from begin to end, so that what the limit has no room for was there before: from now on each miss is a refault.
base::Result<> read_through(const base::Fd& file, std::uint64_t size) {
  std::vector<char> buffer(std::size_t{256} << 10);
  for (std::uint64_t place = 0; place < size;) {
    const ssize_t got = ::pread(file.get(), buffer.data(), buffer.size(), static_cast<off_t>(place));
    if (got <= 0) {
      return base::system_error("read");
    }
    place += static_cast<std::uint64_t>(got);
  }
  return {};
}

base::Result<> run_page_cache_thrash(Context& context) {
  const auto size = round_up(std::max<std::uint64_t>(context.parameters.size("size"), 1), page_size());
  listen_for_pause();
  TRY_ASSIGN(const auto file, create_scratch_file(context.parameters, size));
  TRY(read_through(file, size));
  void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
  if (mapped == MAP_FAILED) {
    return base::system_error("mmap");
  }
  (void)::madvise(mapped, size, MADV_RANDOM);  // no reading ahead; only advice
  note(context, "start");
  Random random(context.parameters.count("seed"));
  const auto* bytes = static_cast<const volatile char*>(mapped);
  const double length = context.parameters.seconds("for");
  const auto start = Clock::now();
  std::uint64_t reads = 0;
  double passed = 0;
  while (passed < length) {
    (void)wait_while_paused();
    for (int i = 0; i < 256; ++i, ++reads) {
      (void)bytes[random.below(size / page_size()) * page_size()];
    }
    passed = std::chrono::duration<double>(Clock::now() - start).count();
  }
  note(context, "end");
  context.note("end", "reads", static_cast<double>(reads), "pages");
  context.note("end", "read rate", static_cast<double>(reads) / passed, "pages/s");
  (void)::munmap(mapped, size);
  return {};
}

}  // namespace

extern const Workload page_cache_thrash;
constinit const Workload page_cache_thrash{
    .summary = "reads a file larger than the limit at random through a mapping: a working set that does not fit",
    .group = Group::misbehaviour,
    .counter = "file",
    .seen = "workingset_refault_file and pgmajfault rise all the time, PSI too, and nobody is killed",
    .needs = kDiskWords,
    .needed = kNeedsDisk,
    .source = "actions-runner-controller#4436, moby#49801: jobs that hang at their limit",
    .example = "oomlab stress page-cache-thrash --memory-max 48M --for 10s",
    .parameters = kParameters,
    .probe = probe_disk,
    .run = run_page_cache_thrash,
};

}  // namespace stress::workloads
