#include "vm/cpio.h"

#include <sys/stat.h>

#include <utility>

#include <fmt/format.h>

namespace vm {

void CpioWriter::entry(std::string_view path, const Header& header, std::string_view bytes) {
  const auto pad = [this] { out_.append((4 - out_.size() % 4) % 4, '\0'); };
  path.remove_prefix(path.starts_with('/') ? 1 : 0);
  out_ += fmt::format("070701{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}{:08x}",
                      next_inode_++, header.mode, 0, 0, header.links, 0, bytes.size(), 0, 0, header.device_major,
                      header.device_minor, path.size() + 1, 0);
  out_ += path;
  out_ += '\0';
  pad();
  out_ += bytes;
  pad();
}

void CpioWriter::parents(std::string_view path) {
  const auto slash = path.rfind('/');
  if (slash != std::string_view::npos && slash > 0) {
    folder(path.substr(0, slash));
  }
}

void CpioWriter::folder(std::string_view path) {
  if (!paths_.insert(std::string(path)).second) {
    return;
  }
  parents(path);
  entry(path, {.mode = S_IFDIR | 0755, .links = 2}, {});
}

void CpioWriter::file(std::string_view path, std::string_view bytes, std::uint32_t mode) {
  if (paths_.insert(std::string(path)).second) {
    parents(path);
    entry(path, {.mode = S_IFREG | mode}, bytes);
  }
}

void CpioWriter::link(std::string_view path, std::string_view target) {
  if (paths_.insert(std::string(path)).second) {
    parents(path);
    entry(path, {.mode = S_IFLNK | 0777}, target);
  }
}

void CpioWriter::character_device(std::string_view path, std::uint32_t major, std::uint32_t minor) {
  if (paths_.insert(std::string(path)).second) {
    parents(path);
    entry(path, {.mode = S_IFCHR | 0600, .device_major = major, .device_minor = minor}, {});
  }
}

std::string CpioWriter::finish() {
  next_inode_ = 0;
  entry("TRAILER!!!", {}, {});
  next_inode_ = 1;
  paths_.clear();
  return std::exchange(out_, {});
}

}  // namespace vm
