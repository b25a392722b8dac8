// Memory that the kernel maps page by page: large BPF arrays are made of it.
#include "stress/bpf_map.h"
#include "stress/descriptor_pool.h"
#include "stress/drive.h"
#include "stress/growth.h"

namespace stress::workloads {
namespace {

constexpr std::uint32_t kValue = 128 << 10;  // above what the kernel still takes from one block (32 KiB)

base::Result<base::Fd> make() {
  return create_array_map(kValue);
}

base::Result<> probe_vmalloc(const Context&) {
  TRY(make());
  return {};
}

base::Result<> run_vmalloc(Context& context) {
  DescriptorPool pool(kValue, make);
  return drive(context, pool, "vmalloc");
}

}  // namespace

extern const Workload vmalloc;
constinit const Workload vmalloc{
    .summary = "fills with memory that the kernel has mapped page by page, by BPF arrays",
    .group = Group::kernel,
    .counter = "vmalloc",
    .kind = "vmalloc",
    .seen =
        "vmalloc follows the fill and no process's RSS does; at the limit bpf(2) is refused, the next page is the kill",
    .needs = "root (CAP_BPF); Linux 5.17, which counts it",
    .source = "bpf(2) BPF_MAP_TYPE_ARRAY; kernel commit 4e5aa1f4c2b4",
    .example = "oomlab stress vmalloc --memory-max 64M --size 32M",
    .parameters = kGrowth,
    .probe = probe_vmalloc,
    .run = run_vmalloc,
};

}  // namespace stress::workloads
