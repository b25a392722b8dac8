// Memory for each processor: values of a BPF map of that kind.
#include <sys/sysinfo.h>
#include <unistd.h>

#include <vector>

#include "stress/bpf_map.h"
#include "stress/drive.h"
#include "stress/growth.h"

namespace stress::workloads {
namespace {

constexpr std::uint32_t kValue = 4096;      // for each processor
constexpr std::uint32_t kPerMap = 1 << 14;  // its table takes 16 bytes for each

class PercpuPool : public Pool {
 public:
  PercpuPool() : value_(kValue * static_cast<std::size_t>(::get_nprocs_conf())) {}
  [[nodiscard]] std::uint64_t unit() const override { return value_.size(); }
  [[nodiscard]] bool is_exact() const override { return false; }  // the kernel notes an owner for every 4 bytes

 protected:
  base::Result<> add(std::uint64_t bytes) override {
    for (auto left = bytes / unit(); left > 0; --left) {
      if (maps_.empty() || last_ == kPerMap) {
        TRY_ASSIGN(auto map, create_percpu_map(kValue, kPerMap));
        maps_.push_back(std::move(map));
        last_ = 0;
      }
      TRY(put(maps_.back(), last_, value_));
      ++last_;
    }
    return {};
  }
  base::Result<> remove(std::uint64_t bytes) override {
    for (auto left = bytes / unit(); left > 0; --left) {
      TRY(take_away(maps_.back(), --last_));
      if (last_ == 0) {
        maps_.pop_back();
        last_ = maps_.empty() ? 0 : kPerMap;
      }
    }
    return {};
  }

 private:
  std::vector<std::byte> value_;
  std::vector<base::Fd> maps_;
  std::uint32_t last_ = 0;  // values in the last map
};

base::Result<> probe_percpu(const Context&) {
  TRY(create_percpu_map(kValue, 1));
  return {};
}

base::Result<> run_percpu(Context& context) {
  PercpuPool pool;
  return drive(context, pool, "percpu");
}

}  // namespace

extern const Workload percpu;
constinit const Workload percpu{
    .summary = "fills with per-CPU memory of the kernel, by a BPF map",
    .group = Group::kernel,
    .counter = "percpu",
    .kind = "percpu",
    .seen =
        "percpu follows the fill and no process's RSS does; at the limit bpf(2) is refused, the next page is the kill",
    .needs = "root (CAP_BPF); Linux 5.11, which charges maps to the cgroup",
    .source = "bpf(2) BPF_MAP_TYPE_PERCPU_HASH; mm/percpu.c, memcg hooks",
    .example = "oomlab stress percpu --memory-max 64M --size 32M",
    .parameters = kGrowth,
    .probe = probe_percpu,
    .run = run_percpu,
};

}  // namespace stress::workloads
