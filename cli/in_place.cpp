#include "cli/in_place.h"

#include <sys/prctl.h>

#include <fmt/format.h>

#include "cgroup/own_limit.h"
#include "cli/report.h"

namespace cli {
namespace {

// What this machine cannot is told apart from what went wrong on the way.
int failed(const base::Error& error) {
  const int status = report(error);
  return status == kExitCannot || status == kExitUsage ? status : 1;
}

}  // namespace

std::uint64_t cap_above(std::uint64_t memory_bytes, std::uint64_t swap_bytes) {
  constexpr std::uint64_t kRoom = std::uint64_t{64} << 20;
  return memory_bytes + memory_bytes / 4 + kRoom + swap_bytes;
}

base::Result<std::uint64_t> cap_in_place(const stress::Parameters& parameters) {
  const auto limit = cgroup::own_limit();
  if (limit && limit->memory_bytes) {
    return cap_above(*limit->memory_bytes, limit->swap_bytes.value_or(0));
  }
  if (parameters.has("size")) {
    return parameters.size("size");
  }
  return base::fail(base::ErrorKind::usage,
                    fmt::format("nothing limits this process{}: a growth without an end would fill the whole machine",
                                limit ? "" : " as far as can be seen (" + limit.error().message + ")"),
                    "give the container a limit (docker run --memory 64m, mem_limit: 64m), or give --size");
}

int run_in_place(const base::Descriptor<stress::Workload>& workload, stress::Context context) {
  // What the kernel's report and ps(1) show instead of the program's name; 15 bytes at most.
  (void)::prctl(PR_SET_NAME, fmt::format("oomlab-{}", workload.name).c_str());
  if (workload->probe != nullptr) {
    if (const auto able = workload->probe(context); !able) {
      return failed(able.error());
    }
  }
  const auto ran = workload->run(context);
  return ran ? 0 : failed(ran.error());
}

}  // namespace cli
