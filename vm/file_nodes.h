#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdint>
#include <expected>
#include <filesystem>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

// The file server's memory: what a node number of the guest means on the host. A node is its parent and its name,
// checked by device and inode, so that any number of nodes needs only a bounded number of descriptors. Names are single
// components, symbolic links are never followed, nothing is opened for writing.
namespace vm {

// A value or the errno that the guest is told.
template <typename T = void>
using Outcome = std::expected<T, int>;

class FileNodes {
 public:
  static constexpr std::uint64_t kRoot = 1;  // FUSE_ROOT_ID
  struct Entry {
    std::uint64_t node = 0;
    struct stat status{};
  };

  // open_files bounds the descriptors that are kept open.
  static base::Result<FileNodes> create(const std::filesystem::path& root, std::size_t open_files = 256);

  // The entry of that name, counted as looked up once more. EINVAL for a name that is no component, ENOTDIR, ENOENT,
  // ENFILE when the guest knows too many.
  Outcome<Entry> lookup(std::uint64_t parent, std::string_view name);
  // Takes back that many lookups; a node without any is forgotten. More than there were, or an unknown node, is
  // ignored.
  void forget(std::uint64_t number, std::uint64_t lookups);

  [[nodiscard]] Outcome<struct stat> status(std::uint64_t number);
  // Descriptors stay the table's and are valid until its next call: O_PATH or better; readable and of a regular file;
  // readable and of a folder.
  Outcome<int> handle(std::uint64_t number);
  Outcome<int> file(std::uint64_t number);
  Outcome<int> folder(std::uint64_t number);
  // Folders of kernel file systems (/proc, /sys, /dev) are shown and empty: the guest has its own.
  [[nodiscard]] bool is_hidden(std::uint64_t number) const;
  // One number space for all file systems of the host, so that no two files of the guest look like hard links of each
  // other.
  std::uint64_t inode_of(dev_t device, ino_t inode);
  [[nodiscard]] std::size_t size() const { return nodes_.size(); }

 private:
  struct Key {
    dev_t device;
    ino_t inode;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const { return key.inode * 0x9E3779B97F4A7C15ULL ^ key.device; }
  };
  struct Node {
    Key key{};
    mode_t type = 0;  // S_IFMT bits
    bool hidden = false, readable = false;
    std::uint64_t parent = 0, lookups = 0, children = 0;
    std::string name;
    base::Fd fd;
    std::list<std::uint64_t>::iterator recent;  // into recent_, when fd is open
  };
  explicit FileNodes(std::size_t open_files) : open_files_(open_files) {}
  Outcome<Node*> find(std::uint64_t number);
  Outcome<int> open_from_parent(Node& node, std::uint64_t number);
  Outcome<int> upgrade(std::uint64_t number, mode_t type, int flags);
  void keep_open(Node& node, std::uint64_t number, base::Fd fd);
  bool hides(const Node& parent, std::string_view name, int parent_fd, const struct stat& status) const;

  std::size_t open_files_;
  std::uint64_t next_ = kRoot + 1;
  std::unordered_map<std::uint64_t, Node> nodes_;
  std::unordered_map<Key, std::uint64_t, KeyHash> numbers_;
  std::list<std::uint64_t> recent_;  // nodes with an open descriptor, the latest used first; the root is not among them
  std::vector<dev_t> devices_;
};

}  // namespace vm
