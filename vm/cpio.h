#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <string_view>

namespace vm {

// Writes a cpio archive of format "newc" (Documentation/driver-api/early-userspace/buffer-format.rst), what the kernel
// takes as an initramfs. Times, owners and inode numbers are fixed, so that the same content is the same bytes. Missing
// parent folders are added. Paths are absolute.
class CpioWriter {
 public:
  void folder(std::string_view path);
  void file(std::string_view path, std::string_view bytes, std::uint32_t mode = 0644);
  void link(std::string_view path, std::string_view target);
  void character_device(std::string_view path, std::uint32_t major, std::uint32_t minor);
  // The whole archive; the writer is empty afterwards.
  std::string finish();

 private:
  struct Header {
    std::uint32_t mode = 0, links = 1, device_major = 0, device_minor = 0;
  };
  void parents(std::string_view path);
  void entry(std::string_view path, const Header& header, std::string_view bytes);
  std::string out_;
  std::set<std::string, std::less<>> paths_;
  std::uint32_t next_inode_ = 1;
};

}  // namespace vm
