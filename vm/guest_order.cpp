// What a guest becomes by the order it is given: everything here is done after the snapshot, so it is fresh in each
// run.

#include <fcntl.h>
#include <linux/random.h>
#include <sys/ioctl.h>
#include <sys/swap.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/escape.h"
#include "base/file.h"
#include "vm/guest.h"

namespace vm {

namespace {

constexpr std::size_t kPage = 4096;
constexpr const char* kSwapDevice = "/dev/zram0";

base::Result<> write_control(const std::string& path, std::string_view value) {
  const base::Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file || ::write(file.get(), value.data(), value.size()) < 0) {
    return base::system_error(base::escape_terminal(fmt::format("{}: write '{}'", path, value)));
  }
  return {};
}

base::Result<> set_clock(std::int64_t realtime_ns) {
  const timespec now{realtime_ns / 1'000'000'000, realtime_ns % 1'000'000'000};
  if (::clock_settime(CLOCK_REALTIME, &now) != 0) {
    return base::system_error("clock");
  }
  return {};
}

// Restored guests are copies of one another, their random numbers too: mixes in the host's bytes and makes the
// generator use them at once (random(4)).
base::Result<> reseed(std::string_view seed) {
  struct {
    int entropy_bits, bytes;
    std::array<char, 64> pool;
  } entropy{};
  const auto count = std::min(seed.size(), entropy.pool.size());
  std::memcpy(entropy.pool.data(), seed.data(), count);
  entropy.bytes = static_cast<int>(count);
  entropy.entropy_bits = 8 * entropy.bytes;
  const base::Fd random(::open("/dev/urandom", O_RDWR | O_CLOEXEC));
  if (!random || ::ioctl(random.get(), RNDADDENTROPY, &entropy) != 0 || ::ioctl(random.get(), RNDRESEEDCRNG) != 0) {
    return base::system_error("randomness");
  }
  return {};
}

// "vm.panic_on_oom" or "net/ipv4/conf/eth0.1/mtu", as sysctl(8) takes them.
base::Result<> set_sysctl(std::string name, std::string_view value) {
  const auto shown = base::escape_terminal(name);
  if (name.find('/') == std::string::npos) {
    std::ranges::replace(name, '.', '/');
  }
  if (name.find("..") != std::string::npos) {
    return base::fail(base::ErrorKind::usage, fmt::format("sysctl {}: no such name", shown));
  }
  const base::Fd file(::open(("/proc/sys/" + name).c_str(), O_WRONLY | O_CLOEXEC));
  if (!file || ::write(file.get(), value.data(), value.size()) < 0) {
    return base::system_error(fmt::format("sysctl {}={}", shown, base::escape_terminal(value)));
  }
  return {};
}

// The header that mkswap(8) writes: union swap_header of include/linux/swap.h, magic at the end of the first page.
std::string swap_header(std::uint64_t bytes, std::string_view seed) {
  constexpr std::size_t kInfoAt = 1024, kUuidAt = kInfoAt + 12, kUuidBytes = 16;
  constexpr std::string_view kMagic = "SWAPSPACE2";
  std::string header(kPage, '\0');
  const std::array<std::uint32_t, 2> info{1, static_cast<std::uint32_t>(bytes / kPage - 1)};  // version, last page
  std::memcpy(header.data() + kInfoAt, info.data(), sizeof info);
  std::memcpy(header.data() + kUuidAt, seed.data(), std::min(seed.size(), kUuidBytes));
  std::memcpy(header.data() + kPage - kMagic.size(), kMagic.data(), kMagic.size());
  return header;
}

// Compressed memory as swap. Pages that do not compress are kept as they are, so swap that is larger than the guest's
// memory would be a lie.
base::Result<> enable_swap(std::uint64_t wanted_bytes, std::string_view seed) {
  const std::uint64_t bytes = (wanted_bytes + kPage - 1) / kPage * kPage;
  struct sysinfo system{};
  (void)::sysinfo(&system);  // fails only for a bad address
  const std::uint64_t memory = std::uint64_t{system.totalram} * system.mem_unit;
  if (bytes > memory || bytes < 10 * kPage) {  // 10 pages: what mkswap(8) takes at least
    return base::fail(base::ErrorKind::unsupported,
                      fmt::format("swap of {}: expected 40 KiB to the guest's memory ({}), which holds it compressed",
                                  base::human_size(wanted_bytes), base::human_size(memory)));
  }
  TRY(write_control("/sys/block/zram0/disksize", std::to_string(bytes)));
  const base::Fd device(::open(kSwapDevice, O_WRONLY | O_CLOEXEC));
  if (!device) {
    return base::system_error(kSwapDevice);
  }
  TRY(base::write_all(device.get(), swap_header(bytes, seed)));
  if (::fsync(device.get()) != 0 || ::swapon(kSwapDevice, 0) != 0) {
    return base::system_error("swapon");
  }
  return {};
}

base::Result<> set_hostname(const std::string& name) {
  if (!name.empty() && ::sethostname(name.data(), std::min<std::size_t>(name.size(), 64)) != 0) {
    return base::system_error("host name");
  }
  return {};
}

}  // namespace

base::Result<> apply_order(const RunFrame& order) {
  TRY(set_clock(order.realtime_ns));
  TRY(reseed(order.seed));
  TRY(set_hostname(order.hostname));
  if (order.console_verbose) {
    TRY(set_sysctl("kernel.printk", "7 4 1 7"));
  }
  for (const auto& [name, value] : order.sysctls) {
    TRY(set_sysctl(name, value));
  }
  if (order.swap_bytes > 0) {
    TRY(enable_swap(order.swap_bytes, order.seed));
  }
  return order.disk_bytes > 0 ? make_disk(order.disk_bytes, order.seed) : base::Result<>{};
}

}  // namespace vm
