// Pages of the hugetlb pool, which the administrator has set aside: in no RSS, and, unless cgroup2 is mounted with
// memory_hugetlb_accounting (Linux 6.7), in no memory.current.
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "base/bytes.h"
#include "stress/drive.h"
#include "stress/process_memory.h"

namespace stress::workloads {
namespace {

constexpr std::uint64_t kHugePage = 2ULL << 20;  // of x86-64, and of arm64 with pages of 4 KiB

constexpr std::array kParameters{
    Parameter{"size", ParameterKind::size, "16M", "how much of the pool to use"},
    Parameter{"hold", ParameterKind::hold, "300ms", "how long to keep it"},
};
constexpr std::array kNeedsGuest{Need::guest};

void note(const Context& context, std::string_view step) {
  note_memory(context, step, {"VmRSS", "HugetlbPages"});
}

base::Result<> run_hugetlb(Context& context) {
  const auto wanted = std::max<std::uint64_t>(context.parameters.size("size"), 1);
  const auto size = (wanted + kHugePage - 1) / kHugePage * kHugePage;
  note(context, "start");
  void* mapped = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
  if (mapped == MAP_FAILED) {
    auto error = base::system_error(fmt::format("{} of huge pages", base::human_size(size)));
    error.error().kind = base::ErrorKind::unsupported;
    error.error().remedy = fmt::format("--sysctl vm.nr_hugepages={}", size / kHugePage);
    return error;
  }
  note(context, "mapped");  // reserved, and not taken yet
  for (std::uint64_t at = 0; at < size; at += kHugePage) {
    static_cast<volatile char*>(mapped)[at] = 1;
  }
  note(context, "touched");
  hold(context.parameters.seconds("hold"));
  (void)::munmap(mapped, size);  // cannot fail for what was mapped
  note(context, "unmapped");
  return {};
}

}  // namespace

extern const Workload hugetlb;
constinit const Workload hugetlb{
    .summary = "uses huge pages of the hugetlb pool, which no limit of memory counts",
    .group = Group::kernel,
    .counter = "hugetlb",
    .seen = "HugetlbPages is the size, RSS and the cgroup's memory stay as they were",
    .needs = "a machine of its own: --backend vm --sysctl vm.nr_hugepages=N",
    .needed = kNeedsGuest,
    .source = "Documentation/admin-guide/mm/hugetlbpage.rst; kernel selftests cgroup/test_hugetlb_memcg.c",
    .example = "oomlab stress hugetlb --memory-max 8M --backend vm --sysctl vm.nr_hugepages=8",
    .parameters = kParameters,
    .run = run_hugetlb,
};

}  // namespace stress::workloads
