// The part of an init system that a guest for one command needs, and no more: done before the greeting, so all of it is
// in the snapshot. Nothing here may keep the time or anything random.

#include <fcntl.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include <fmt/format.h>

#include "base/file.h"
#include "base/scanner.h"
#include "vm/guest.h"

namespace vm {

namespace {

struct Mount {
  const char* type;
  const char* target;
  unsigned long flags;
  const char* options;
};

constexpr Mount kMounts[] = {
    {"proc", "/proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, ""},
    {"sysfs", "/sys", MS_NOSUID | MS_NODEV | MS_NOEXEC, ""},
    {"devtmpfs", "/dev", MS_NOSUID, "mode=0755"},
    {"devpts", "/dev/pts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=0620,ptmxmode=0666"},
    {"tmpfs", "/dev/shm", MS_NOSUID | MS_NODEV, "mode=1777"},
    {"tmpfs", "/tmp", MS_NOSUID | MS_NODEV, "mode=1777"},
    {"tmpfs", "/run", MS_NOSUID | MS_NODEV, "mode=0755"},
    {"cgroup2", "/sys/fs/cgroup", MS_NOSUID | MS_NODEV | MS_NOEXEC, "nsdelegate,memory_recursiveprot"},
};

// udev makes these where there is one.
constexpr std::pair<const char*, const char*> kDeviceLinks[] = {
    {"/proc/self/fd", "/dev/fd"},
    {"/proc/self/fd/0", "/dev/stdin"},
    {"/proc/self/fd/1", "/dev/stdout"},
    {"/proc/self/fd/2", "/dev/stderr"},
};

base::Result<> mount_all() {
  for (const auto& entry : kMounts) {
    if (::mkdir(entry.target, 0755) != 0 && errno != EEXIST && errno != EPERM) {  // EPERM: sysfs makes no folders
      return base::system_error(fmt::format("mkdir {}", entry.target));
    }
    // EBUSY: the kernel has mounted devtmpfs itself (CONFIG_DEVTMPFS_MOUNT).
    if (::mount(entry.type, entry.target, entry.type, entry.flags, entry.options) != 0 && errno != EBUSY) {
      return base::system_error(fmt::format("mount {}", entry.target));
    }
  }
  for (const auto& [target, link] : kDeviceLinks) {
    if (::symlink(target, link) != 0 && errno != EEXIST) {
      return base::system_error(link);
    }
  }
  return {};
}

base::Result<> load_module(const std::string& path) {
  TRY_ASSIGN(const base::Fd file, base::open_for_reading(path));
  if (::syscall(SYS_finit_module, file.get(), "", 0) != 0 && errno != EEXIST) {
    return base::system_error(fmt::format("module {}", path));
  }
  return {};
}

base::Result<> load_modules() {
  if (::access(kModuleOrder, F_OK) != 0) {
    return {};
  }
  TRY_ASSIGN(const auto order, base::read_all(kModuleOrder));
  base::Scanner lines(order);
  while (const auto path = lines.until("\n")) {
    if (!path->empty()) {
      TRY(load_module(std::string(*path)));
    }
  }
  return {};
}

base::Result<> bring_up_loopback() {
  const base::Fd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  if (!socket || ::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) {
    return base::system_error("lo");
  }
  return {};
}

base::Result<> write_control(const char* path, std::string_view value) {
  const base::Fd file(::open(path, O_WRONLY | O_CLOEXEC));
  if (!file || ::write(file.get(), value.data(), value.size()) < 0) {
    return base::system_error(fmt::format("{}: write '{}'", path, value));
  }
  return {};
}

base::Result<> enable_controllers() {
  constexpr const char* kSubtreeControl = "/sys/fs/cgroup/cgroup.subtree_control";
  TRY(write_control(kSubtreeControl, "+memory +pids"));
  for (const auto* optional : {"+cpu", "+io"}) {
    (void)write_control(kSubtreeControl, optional);  // a kernel without them runs commands as well
  }
  return {};
}

// A kernel with less than 512 MiB switches huge pages off (mm/huge_memory.c, hugepage_init()); who asks for them shall
// get them, as on larger machines.
void allow_huge_pages() {
  constexpr const char* kEnabled = "/sys/kernel/mm/transparent_hugepage/enabled";
  const auto text = base::read_all(kEnabled, 256);
  if (text && text->find("[never]") != std::string::npos) {
    (void)write_control(kEnabled, "madvise");  // as on a kernel without them
  }
}

base::Result<> quieten() {
  // Emergencies only on the serial console, which is slow: a panic still shows there.
  TRY(write_control("/proc/sys/kernel/printk", "1 4 1 7"));
  const rlimit files{1024, 524288};  // what systemd gives every service
  if (::setrlimit(RLIMIT_NOFILE, &files) != 0) {
    return base::system_error("setrlimit");
  }
  return {};
}

}  // namespace

base::Result<> prepare_system() {
  TRY(mount_all());
  TRY(quieten());
  allow_huge_pages();
  TRY(load_modules());
  TRY(bring_up_loopback());
  TRY(enable_controllers());
  return write_control("/proc/self/oom_score_adj", "-1000");
}

}  // namespace vm
