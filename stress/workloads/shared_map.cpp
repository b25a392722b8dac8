// Several processes that map the same memory: each shows it in its RSS, and it is charged once.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <vector>

#include "stress/child.h"
#include "stress/drive.h"
#include "stress/populate.h"
#include "stress/process_memory.h"

namespace stress::workloads {
namespace {

constexpr std::array kParameters{
    Parameter{"size", ParameterKind::size, "16M", "of the memory"},
    Parameter{"processes", ParameterKind::count, "4", "that map it, 1 to 64"},
    Parameter{"hold", ParameterKind::hold, "200ms", "when all have touched it"},
};

base::Result<> run_shared_map(Context& context) {
  const auto size = round_up(std::max<std::uint64_t>(context.parameters.size("size"), 1), page_size());
  const auto count = std::clamp<std::uint64_t>(context.parameters.count("processes"), 1, 64);
  note_counters(context, "start", {"shmem", "anon"});
  void* mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) {
    return base::system_error("mmap");
  }
  std::vector<Child> children;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::array<int, 2> ready{};
    if (::pipe2(ready.data(), O_CLOEXEC) != 0) {
      return base::system_error("pipe2");
    }
    const base::Fd reading(ready[0]);
    base::Fd writing(ready[1]);
    TRY_ASSIGN(auto child, Child::start([&] {
                 if (!populate(mapped, size) || ::write(writing.get(), "r", 1) != 1) {
                   return 1;
                 }
                 hold(3e8);  // until we are ended
                 return 0;
               }));
    writing.reset();  // at its end when the child is killed
    char word = 0;
    if (::read(reading.get(), &word, 1) != 1) {
      end_like(child.wait());
      return base::fail(base::ErrorKind::syscall, "a process ended before it had touched all of the memory");
    }
    children.push_back(std::move(child));
  }
  double rss = 0, pss = 0;
  for (const auto& child : children) {
    rss += static_cast<double>(rollup_bytes("Rss", child.pid()).value_or(0));
    pss += static_cast<double>(rollup_bytes("Pss", child.pid()).value_or(0));
  }
  context.note("all touched", "sum of Rss", rss, "bytes");
  context.note("all touched", "sum of Pss", pss, "bytes");
  note_counters(context, "all touched", {"shmem", "anon"});
  hold(context.parameters.seconds("hold"));
  (void)::munmap(mapped, size);
  return {};
}

}  // namespace

extern const Workload shared_map;
constinit const Workload shared_map{
    .summary = "several processes map and touch the same memory",
    .group = Group::misbehaviour,
    .counter = "shmem",
    .seen = "the sum of RSS is N times the size, the sum of PSS and the cgroup's shmem once",
    .source = "proc(5), smaps: Pss; shared buffers of pre-forking servers and databases",
    .example = "oomlab stress shared-map --memory-max 64M --processes 8",
    .parameters = kParameters,
    .run = run_shared_map,
};

}  // namespace stress::workloads
