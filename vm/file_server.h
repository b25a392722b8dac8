#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "vm/file_nodes.h"

// A read-only FUSE server in the low-level protocol of linux/fuse.h (7.x), without a kernel of its own: messages come
// in and go out as bytes. The guest's kernel caches names, attributes and contents for an hour, so a host file that
// changes while the command runs may be seen in its old state. Nothing that the guest sends can write, follow a
// symbolic link on the host, or block on a pipe or device.
namespace vm {

class FileServer {
 public:
  static constexpr std::size_t kMaxRequestBytes = std::size_t{64} << 10;
  static constexpr std::size_t kMaxReadBytes = std::size_t{1} << 20;

  static base::Result<FileServer> create(const std::filesystem::path& root);

  // The length that a message says it has, from its first four bytes.
  static std::uint32_t message_bytes(std::string_view start);
  // Appends the answer, if the message gets one (FORGET does not). A message that contradicts its own length is a parse
  // error.
  base::Result<> answer(std::string_view message, std::string& out);

 private:
  explicit FileServer(FileNodes nodes) : nodes_(std::move(nodes)) {}
  Outcome<> dispatch(std::uint32_t opcode, std::uint64_t node, std::string_view body, std::string& out);
  Outcome<> lookup(std::uint64_t parent, std::string_view body, std::string& out);
  Outcome<> attributes(std::uint64_t node, std::string& out);
  Outcome<> read_link(std::uint64_t node, std::string& out);
  Outcome<> read_file(std::uint64_t node, std::string_view body, std::string& out);
  Outcome<> read_folder(std::uint64_t node, std::string_view body, bool with_entries, std::string& out);
  Outcome<> file_system(std::string& out);
  void forget(std::string_view body);

  FileNodes nodes_;
};

}  // namespace vm
