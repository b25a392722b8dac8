#include "vm/file_nodes.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ranges>

#include <fmt/format.h>

namespace vm {

namespace {

constexpr std::size_t kMaxNodes =
    2'000'000;  // a few hundred MB of ours; a guest would need 2 GB of its own to know as many

constexpr int kPathFlags = O_PATH | O_NOFOLLOW | O_CLOEXEC;

// Reading these tells of the host's kernel and processes, ours among them, or never ends.
bool is_kernel_file_system(int fd) {
  constexpr long kMagics[] = {PROC_SUPER_MAGIC,
                              SYSFS_MAGIC,
                              CGROUP_SUPER_MAGIC,
                              CGROUP2_SUPER_MAGIC,
                              DEBUGFS_MAGIC,
                              TRACEFS_MAGIC,
                              SECURITYFS_MAGIC,
                              BPF_FS_MAGIC,
                              DEVPTS_SUPER_MAGIC,
                              PSTOREFS_MAGIC,
                              EFIVARFS_MAGIC,
                              SELINUX_MAGIC,
                              BINFMTFS_MAGIC,
                              0x19800202 /* mqueue */,
                              0x62656570 /* configfs */,
                              0x65735543 /* fusectl */,
                              0x0187 /* autofs */};
  struct statfs status{};
  return ::fstatfs(fd, &status) == 0 &&
         std::ranges::find(kMagics, static_cast<long>(status.f_type)) != std::end(kMagics);
}

bool is_component(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.size() <= 255 &&
         name.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos;
}

}  // namespace

base::Result<FileNodes> FileNodes::create(const std::filesystem::path& root, std::size_t open_files) {
  FileNodes nodes(open_files);
  Node node;
  node.fd.reset(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  struct stat status{};
  if (!node.fd || ::fstat(node.fd.get(), &status) != 0) {
    return base::system_error(root.native());
  }
  node.key = {status.st_dev, status.st_ino};
  node.type = S_IFDIR;
  node.lookups = 1;
  nodes.numbers_[node.key] = kRoot;
  nodes.nodes_.emplace(kRoot, std::move(node));
  return nodes;
}

Outcome<FileNodes::Node*> FileNodes::find(std::uint64_t number) {
  const auto found = nodes_.find(number);
  if (found == nodes_.end()) {
    return std::unexpected(ESTALE);
  }
  return &found->second;
}

bool FileNodes::hides(const Node& parent, std::string_view name, int parent_fd, const struct stat& status) const {
  if (!S_ISDIR(status.st_mode)) {
    return false;
  }
  // devtmpfs cannot be told from tmpfs, so by name; and so that a container's host looks the same.
  if (parent.key == nodes_.at(kRoot).key && (name == "proc" || name == "sys" || name == "dev")) {
    return true;
  }
  if (status.st_dev == parent.key.device) {
    return false;
  }
  const base::Fd fd(::openat(parent_fd, std::string(name).c_str(), kPathFlags));
  return !fd || is_kernel_file_system(fd.get());
}

Outcome<FileNodes::Entry> FileNodes::lookup(std::uint64_t parent, std::string_view name) {
  if (!is_component(name)) {
    return std::unexpected(EINVAL);
  }
  const auto parent_fd = handle(parent);
  if (!parent_fd) {
    return std::unexpected(parent_fd.error());
  }
  Node& folder = nodes_.at(parent);
  if (folder.type != S_IFDIR || folder.hidden) {
    return std::unexpected(folder.hidden ? ENOENT : ENOTDIR);
  }
  Entry entry;
  const std::string component(name);
  if (::fstatat(*parent_fd, component.c_str(), &entry.status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) != 0) {
    return std::unexpected(errno);
  }
  const Key key{entry.status.st_dev, entry.status.st_ino};
  if (const auto known = numbers_.find(key); known != numbers_.end()) {
    entry.node = known->second;
    ++nodes_.at(entry.node).lookups;
    return entry;
  }
  if (nodes_.size() >= kMaxNodes) {
    return std::unexpected(ENFILE);
  }
  Node node;
  node.key = key;
  node.type = entry.status.st_mode & S_IFMT;
  node.hidden = hides(folder, name, *parent_fd, entry.status);
  node.parent = parent;
  node.lookups = 1;
  node.name = component;
  ++folder.children;
  entry.node = next_++;
  numbers_[key] = entry.node;
  nodes_.emplace(entry.node, std::move(node));
  return entry;
}

// A node that others have as their parent stays until they are gone, whatever the guest says.
void FileNodes::forget(std::uint64_t number, std::uint64_t lookups) {
  auto found = nodes_.find(number);
  if (found == nodes_.end() || number == kRoot) {
    return;
  }
  found->second.lookups -= std::min(found->second.lookups, lookups);
  while (found->first != kRoot && found->second.lookups == 0 && found->second.children == 0) {
    Node& node = found->second;
    if (node.fd) {
      recent_.erase(node.recent);
    }
    numbers_.erase(node.key);
    const auto parent = node.parent;
    nodes_.erase(found);
    found = nodes_.find(parent);
    --found->second.children;
  }
}

void FileNodes::keep_open(Node& node, std::uint64_t number, base::Fd fd) {
  if (node.fd) {
    recent_.erase(node.recent);
  } else if (recent_.size() >= open_files_) {
    Node& oldest = nodes_.at(recent_.back());
    oldest.fd.reset();
    oldest.readable = false;
    recent_.pop_back();
  }
  node.fd = std::move(fd);
  recent_.push_front(number);
  node.recent = recent_.begin();
}

// The parent's descriptor must be open. What lies under the name now must be what was looked up.
Outcome<int> FileNodes::open_from_parent(Node& node, std::uint64_t number) {
  base::Fd fd(::openat(nodes_.at(node.parent).fd.get(), node.name.c_str(), kPathFlags));
  struct stat status{};
  if (!fd || ::fstat(fd.get(), &status) != 0) {
    return std::unexpected(errno == ENOENT ? ESTALE : errno);
  }
  if (Key{status.st_dev, status.st_ino} != node.key || (status.st_mode & S_IFMT) != node.type) {
    return std::unexpected(ESTALE);
  }
  keep_open(node, number, std::move(fd));
  return node.fd.get();
}

Outcome<int> FileNodes::handle(std::uint64_t number) {
  const auto node = find(number);
  if (!node) {
    return std::unexpected(node.error());
  }
  if ((*node)->fd) {
    if (number != kRoot) {
      recent_.splice(recent_.begin(), recent_, (*node)->recent);
    }
    return (*node)->fd.get();
  }
  std::vector<std::uint64_t> closed;  // from the node upwards to below the first open one
  for (auto at = number; !nodes_.at(at).fd; at = nodes_.at(at).parent) {
    closed.push_back(at);
  }
  Outcome<int> fd = std::unexpected(ESTALE);
  for (const auto at : std::views::reverse(closed)) {
    fd = open_from_parent(nodes_.at(at), at);
    if (!fd) {
      return fd;
    }
  }
  return fd;
}

// A descriptor to read from takes the place of the O_PATH one; it serves as that, too. /proc/self/fd opens the very
// file, whatever its name means by now.
Outcome<int> FileNodes::upgrade(std::uint64_t number, mode_t type, int flags) {
  const auto path_fd = handle(number);
  if (!path_fd) {
    return path_fd;
  }
  Node& node = nodes_.at(number);
  if (node.type != type) {
    return std::unexpected(type == S_IFDIR ? ENOTDIR : node.type == S_IFDIR ? EISDIR : EACCES);
  }
  if (node.readable) {
    return path_fd;
  }
  base::Fd fd(
      ::open(fmt::format("/proc/self/fd/{}", *path_fd).c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC | flags));
  if (!fd) {
    return std::unexpected(errno);
  }
  if (is_kernel_file_system(fd.get())) {
    return std::unexpected(EACCES);
  }
  if (number == kRoot) {
    node.fd = std::move(fd);
  } else {
    keep_open(node, number, std::move(fd));
  }
  node.readable = true;
  return node.fd.get();
}

Outcome<int> FileNodes::file(std::uint64_t number) {
  return upgrade(number, S_IFREG, 0);
}

Outcome<int> FileNodes::folder(std::uint64_t number) {
  return upgrade(number, S_IFDIR, O_DIRECTORY);
}

Outcome<struct stat> FileNodes::status(std::uint64_t number) {
  const auto fd = handle(number);
  if (!fd) {
    return std::unexpected(fd.error());
  }
  struct stat status{};
  if (::fstat(*fd, &status) != 0) {
    return std::unexpected(errno);
  }
  return status;
}

bool FileNodes::is_hidden(std::uint64_t number) const {
  const auto found = nodes_.find(number);
  return found != nodes_.end() && found->second.hidden;
}

// The place of the device in the order of first sight goes into the upper 16 bits: 0 for the first, whose numbers so
// stay as they are.
std::uint64_t FileNodes::inode_of(dev_t device, ino_t inode) {
  auto found = std::ranges::find(devices_, device);
  if (found == devices_.end()) {
    found = devices_.insert(devices_.end(), device);
  }
  return inode ^ static_cast<std::uint64_t>(found - devices_.begin()) << 48;
}

}  // namespace vm
