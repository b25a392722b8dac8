#include "stress/bpf_map.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace stress {
namespace {

long call_bpf(bpf_cmd command, bpf_attr& attributes) {
  return ::syscall(SYS_bpf, command, &attributes, sizeof attributes);
}

base::Result<base::Fd> create(bpf_attr attributes) {
  attributes.key_size = sizeof(std::uint32_t);
  base::Fd map(static_cast<int>(call_bpf(BPF_MAP_CREATE, attributes)));
  if (map) {
    return map;
  }
  auto error = base::system_error("bpf(BPF_MAP_CREATE)");
  if (error.error().sys_errno == EPERM || error.error().sys_errno == ENOSYS) {
    error.error().kind = error.error().sys_errno == EPERM ? base::ErrorKind::permission : base::ErrorKind::unsupported;
    error.error().remedy = "as root (CAP_BPF); or --backend vm";
  }
  return error;
}

bpf_attr element(const base::Fd& map, const std::uint32_t& key) {
  bpf_attr attributes{};
  attributes.map_fd = static_cast<std::uint32_t>(map.get());
  attributes.key = reinterpret_cast<std::uintptr_t>(&key);
  return attributes;
}

}  // namespace

base::Result<base::Fd> create_array_map(std::uint32_t value_bytes) {
  bpf_attr attributes{};
  attributes.map_type = BPF_MAP_TYPE_ARRAY;
  attributes.value_size = value_bytes;
  attributes.max_entries = 1;
  return create(attributes);
}

base::Result<base::Fd> create_percpu_map(std::uint32_t value_bytes, std::uint32_t most) {
  // Values that are allocated with the map are charged to nobody: the map has no owner yet (kernel/bpf/syscall.c,
  // map_create()).
  bpf_attr attributes{};
  attributes.map_type = BPF_MAP_TYPE_PERCPU_HASH;
  attributes.map_flags = BPF_F_NO_PREALLOC;
  attributes.value_size = value_bytes;
  attributes.max_entries = most;
  return create(attributes);
}

base::Result<> put(const base::Fd& map, std::uint32_t key, std::span<const std::byte> value) {
  constexpr int kTries = 1000;
  auto attributes = element(map, key);
  attributes.value = reinterpret_cast<std::uintptr_t>(value.data());
  for (int i = 0; call_bpf(BPF_MAP_UPDATE_ELEM, attributes) != 0; ++i) {
    // ENOMEM: the map's small stock is used up. A worker of the kernel fills it again, and says to nobody when it has.
    if (errno != ENOMEM || i == kTries) {
      return base::system_error("bpf(BPF_MAP_UPDATE_ELEM)");
    }
    constexpr timespec kMoment{.tv_sec = 0, .tv_nsec = 1'000'000};
    (void)::nanosleep(&kMoment, nullptr);  // cut short by a signal is as good
  }
  return {};
}

base::Result<> take_away(const base::Fd& map, std::uint32_t key) {
  auto attributes = element(map, key);
  return call_bpf(BPF_MAP_DELETE_ELEM, attributes) == 0 ? base::Result<>{}
                                                        : base::system_error("bpf(BPF_MAP_DELETE_ELEM)");
}

}  // namespace stress
