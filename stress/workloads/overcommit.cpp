// What the kernel promises before anything is touched: vm.overcommit_memory.
#include <sys/mman.h>
#include <sys/sysinfo.h>

#include "base/file.h"
#include "base/scanner.h"
#include "stress/workload.h"

namespace stress::workloads {
namespace {

constexpr std::array kParameters{
    Parameter{"size", ParameterKind::size, "1T",
              "how much to map: more than memory and swap together; nothing is touched"},
};

bool can_map(std::uint64_t size, int flags) {
  void* mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
  if (mapped == MAP_FAILED) {
    return false;
  }
  (void)::munmap(mapped, size);  // cannot fail for what was mapped
  return true;
}

base::Result<> run_overcommit(Context& context) {
  TRY_ASSIGN(const auto text, base::read_all("/proc/sys/vm/overcommit_memory", 64));
  const auto mode = base::Scanner(text).number<unsigned>();
  if (!mode) {
    return base::expected_but_got("0, 1 or 2 in vm.overcommit_memory", text);
  }
  const auto size = context.parameters.size("size");
  struct sysinfo system{};
  (void)::sysinfo(&system);  // fails only for a bad address
  const auto there = static_cast<double>(system.totalram + system.totalswap) * system.mem_unit;
  context.note("vm.overcommit_memory", "mode", *mode, "");
  context.note("memory and swap", "size", there, "bytes");
  context.note("plain mapping", "size", static_cast<double>(size), "bytes");
  context.note("plain mapping", "works", can_map(size, 0) ? 1 : 0, "");
  context.note("MAP_NORESERVE", "size", static_cast<double>(size), "bytes");
  context.note("MAP_NORESERVE", "works", can_map(size, MAP_NORESERVE) ? 1 : 0, "");
  return {};
}

}  // namespace

extern const Workload overcommit;
constinit const Workload overcommit{
    .summary = "maps more than can be committed, with and without MAP_NORESERVE",
    .group = Group::process,
    .counter = "anon",
    .seen = "mode 0: the plain mapping fails with ENOMEM, MAP_NORESERVE works; 1: both work; 2: both fail",
    .needs = "for another mode than the machine's: --sysctl vm.overcommit_memory=2 in the micro-VM",
    .source = "Documentation/mm/overcommit-accounting.rst",
    .example = "oomlab stress overcommit --backend vm --sysctl vm.overcommit_memory=2",
    .parameters = kParameters,
    .run = run_overcommit,
};

}  // namespace stress::workloads
