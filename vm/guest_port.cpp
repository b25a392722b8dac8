// Finds a virtio-serial port by its name. Without udev there is no /dev/virtio-ports: the name is an attribute in
// sysfs, the node is in devtmpfs. The driver learns the ports from QEMU one message at a time, so the wait is on the
// kernel's own announcements (netlink(7), NETLINK_KOBJECT_UEVENT).

#include <dirent.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <string>

#include <fmt/format.h>

#include "base/file.h"
#include "vm/guest.h"

namespace vm {

namespace {

constexpr auto kPatience = std::chrono::seconds(10);

std::string find_node(std::string_view name) {
  std::error_code none;  // the folder is not there before the driver is
  for (const auto& entry : std::filesystem::directory_iterator("/sys/class/virtio-ports", none)) {
    const auto found = base::read_all(entry.path() / "name", 4096);
    if (found && std::string_view(*found).substr(0, found->find('\n')) == name) {
      return "/dev" / entry.path().filename();
    }
  }
  return {};
}

base::Result<base::Fd> listen_to_announcements() {
  base::Fd socket(::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_KOBJECT_UEVENT));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = 1;
  if (!socket || ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return base::system_error("uevents");
  }
  return socket;
}

}  // namespace

base::Result<base::Fd> open_port(std::string_view name) {
  TRY_ASSIGN(const base::Fd announcements, listen_to_announcements());
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    if (const auto node = find_node(name); !node.empty()) {
      base::Fd port(::open(node.c_str(), O_RDWR | O_CLOEXEC));
      if (!port) {
        return base::system_error(node);
      }
      return port;
    }
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd waiting{.fd = announcements.get(), .events = POLLIN, .revents = 0};
    if (left <= 0 || ::poll(&waiting, 1, static_cast<int>(left)) == 0) {
      return base::fail(base::ErrorKind::timeout, fmt::format("no virtio-serial port named {}", name));
    }
    std::array<char, 8192> announcement{};
    while (::recv(announcements.get(), announcement.data(), announcement.size(), 0) > 0) {
    }
  }
}

}  // namespace vm
