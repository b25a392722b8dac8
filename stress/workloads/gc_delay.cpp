// A toy runtime with regions: garbage is freed inside it at once, but the regions go back to the kernel late, or never.
#include <sys/mman.h>

#include <vector>

#include "stress/drive.h"
#include "stress/pause.h"
#include "stress/populate.h"
#include "stress/process_memory.h"

namespace stress::workloads {
namespace {

constexpr std::array kParameters{
    Parameter{"region", ParameterKind::size, "1M", "of the runtime's heap"},
    Parameter{"per-cycle", ParameterKind::count, "4", "regions that a cycle fills; all of it is garbage at its end"},
    Parameter{"cycles", ParameterKind::count, "12", "of work"},
    Parameter{"period", ParameterKind::duration, "100ms", "of a cycle"},
    Parameter{"return", ParameterKind::choice, "never", "when empty regions go back: never, or every fourth cycle",
              "never|late"},
    Parameter{"hold", ParameterKind::hold, "200ms", "in the end"},
};

class Runtime {
 public:
  explicit Runtime(std::uint64_t region) : region_(round_up(std::max<std::uint64_t>(region, 1), page_size())) {}
  Runtime(const Runtime&) = delete;
  Runtime(Runtime&&) = delete;
  Runtime& operator=(const Runtime&) = delete;
  Runtime& operator=(Runtime&&) = delete;
  ~Runtime() { give_back(); }

  // Objects are never put into an old region: this collector does not reuse before it has compacted, which it never
  // does.
  base::Result<> work(std::uint64_t regions) {
    for (; regions > 0; --regions) {
      void* made = ::mmap(nullptr, region_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (made == MAP_FAILED) {
        return base::system_error("mmap");
      }
      TRY(populate(made, region_));
      regions_.push_back(made);
    }
    return {};
  }
  void give_back() {
    for (void* region : regions_) {
      (void)::munmap(region, region_);  // cannot fail for what was mapped
    }
    regions_.clear();
  }
  [[nodiscard]] double held() const { return static_cast<double>(regions_.size() * region_); }

 private:
  std::uint64_t region_;
  std::vector<void*> regions_;
};

base::Result<> run_gc_delay(Context& context) {
  constexpr std::uint64_t kLate = 4;
  const auto& parameters = context.parameters;
  const bool late = parameters.text("return") == "late";
  listen_for_pause();
  Runtime runtime(parameters.size("region"));
  for (std::uint64_t cycle = 1; cycle <= parameters.count("cycles"); ++cycle) {
    TRY(runtime.work(parameters.count("per-cycle")));
    context.note("last cycle", "garbage", runtime.held(), "bytes");
    note_memory(context, "last cycle", {"Anonymous"});
    hold(parameters.seconds("period"));
    if (late && cycle % kLate == 0) {
      runtime.give_back();
    }
  }
  context.note("end", "garbage", runtime.held(), "bytes");
  note_memory(context, "end", {"Anonymous"});
  hold(parameters.seconds("hold"));
  return {};
}

}  // namespace

extern const Workload gc_delay;
constinit const Workload gc_delay{
    .summary = "a toy runtime whose garbage is freed at once, and whose regions go back late or never",
    .group = Group::misbehaviour,
    .counter = "anon",
    .seen = "anon is a staircase although nothing is live; with --return late it falls now and then",
    .source = "region collectors (G1, ZGC, Go) and the question when memory is uncommitted",
    .example = "oomlab stress gc-delay --memory-max 128M --return late",
    .parameters = kParameters,
    .run = run_gc_delay,
};

}  // namespace stress::workloads
