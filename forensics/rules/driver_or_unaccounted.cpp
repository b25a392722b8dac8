#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

constexpr std::string_view kOutranks[] = {"host_exhausted", "swap_absent", "swap_full", "ancestor_limit",
                                          "sibling_victim"};

constexpr double kNoticeable = 0.25;

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  const auto unaccounted = part_bytes(incident, "unaccounted"), balloon = part_bytes(incident, "balloon"),
             gpu = part_bytes(incident, "gpu");
  const auto bytes = unaccounted + balloon + gpu;
  const auto share = share_of_whole(incident, bytes);
  const bool beyond_error = unaccounted > 2 * incident.analysis.breakdown_error_bytes.value_or(0);
  if (share < kNoticeable || (balloon + gpu == 0 && !beyond_error) || incident.manual) {
    return std::nullopt;
  }
  const std::string_view part = balloon > unaccounted && balloon > gpu ? "balloon"
                                : gpu > unaccounted                    ? "gpu"
                                                                       : "unaccounted";
  Diagnosis found{.code = "driver_or_unaccounted",
                  .title = part == "balloon" ? "A balloon driver has given the memory back to the hypervisor"
                           : part == "gpu"   ? "Memory of the GPU driver filled it"
                                             : "Memory that no counter of the kernel names filled it",
                  .confidence = std::min(0.93, 0.45 + 0.5 * share)};
  found.evidence.push_back(fmt::format("{}: {}", part_words(part), of_whole(incident, part_bytes(incident, part))));
  quote_text(found, incident, "pages RAM");
  quote_text(found, incident, part == "balloon" ? "Balloon:" : part == "gpu" ? "gpu_active:" : "active_anon:");
  quote_usage(found, incident);
  if (part == "balloon") {
    found.advice.emplace_back(
        "Ask the host: it takes memory from this guest (virtio_balloon, hv_balloon, vmw_balloon).");
  } else if (is_memcg(incident)) {
    found.advice.emplace_back(
        "Kernels before 5.18 print no sum of kernel memory: pipes, BPF maps, io_uring rings and packet rings are "
        "charged "
        "and named nowhere. A newer kernel's memory.stat has `kernel`.");
  } else {
    found.advice.emplace_back(
        "Whole pages that drivers take appear nowhere: network and storage rings, GPU and DMA buffers, balloons, ZFS's "
        "cache, VM guests' locked memory. Compare `cat /proc/meminfo` right after boot and now, module by module.");
    found.advice.emplace_back(
        "vmalloc, percpu and zram are not in this report either: /proc/vmallocinfo, Percpu of /proc/meminfo, "
        "`zramctl`. "
        "CONFIG_MEM_ALLOC_PROFILING (6.10) names the call sites.");
  }
  found.will_not_help.emplace_back("Looking for the leak in processes: no process's RSS shows this memory.");
  return found;
}

Example example() {
  return {.incident = machine_example({{"active_anon", 30000}, {"inactive_file", 2000}, {"free", 8000}}), .run = {}};
}

}  // namespace

constinit extern const Rule driver_or_unaccounted{
    .summary = "memory of drivers, balloons or the GPU, or of nobody that counts it",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules
