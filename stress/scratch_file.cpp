#include "stress/scratch_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/file.h"
#include "stress/random.h"

namespace stress {
namespace {

constexpr const char* kGuestDisk = "/run/oomlab-disk";  // docs/vm.md
constexpr const char* kDefault = "/var/tmp";
constexpr std::uint64_t kKeptAtMost = 4ULL << 20;  // while a file is made: small against any limit

}  // namespace

base::Result<std::string> disk_folder(const Parameters& parameters) {
  auto folder = parameters.text("folder");
  if (folder.empty()) {
    folder = ::access(kGuestDisk, F_OK) == 0 ? kGuestDisk : kDefault;
  }
  struct statfs system{};
  if (::statfs(folder.c_str(), &system) != 0) {
    return base::system_error(fmt::format("--folder {}", base::escape_terminal(folder)));
  }
  if (system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC) {
    return base::fail(
        base::ErrorKind::unsupported,
        fmt::format("--folder {}: is in memory, its files are no page cache", base::escape_terminal(folder)),
        "a folder on a disk; in the micro-VM --guest-disk 1G makes one");
  }
  return folder;
}

base::Result<> probe_disk(const Context& context) {
  TRY(create_scratch_file(context.parameters));
  return {};
}

base::Result<base::Fd> create_scratch_file(const Parameters& parameters) {
  TRY_ASSIGN(const auto folder, disk_folder(parameters));
  base::Fd file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!file && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)) {
    // The file system, or a layer above it, cannot make nameless files: the name lives for two calls.
    auto path = fmt::format("{}/oomlab-XXXXXX", folder);
    file.reset(::mkostemp(path.data(), O_CLOEXEC));
    if (file) {
      (void)::unlink(path.c_str());
    }
  }
  if (!file) {
    return base::system_error(fmt::format("a file in {}", base::escape_terminal(folder)));
  }
  return file;
}

base::Result<base::Fd> create_scratch_file(const Parameters& parameters, std::uint64_t bytes) {
  TRY_ASSIGN(auto file, create_scratch_file(parameters));
  std::vector<std::uint64_t> buffer(8192);
  Random random(parameters.has("seed") ? parameters.count("seed") : 1);
  std::uint64_t kept = 0;  // in the page cache
  for (std::uint64_t written = 0; written < bytes;) {
    // A word repeated: nothing that reading it could confuse with a hole, and no RAM where the disk is compressed.
    std::ranges::fill(buffer, random.next() | 1);
    const auto length = std::min<std::uint64_t>(buffer.size() * sizeof buffer[0], bytes - written);
    TRY(base::write_all(file.get(), {reinterpret_cast<const char*>(buffer.data()), length}));
    written += length;
    kept += length;
    if (kept >= kKeptAtMost || written == bytes) {
      if (::fdatasync(file.get()) != 0) {
        return base::system_error("fdatasync");
      }
      (void)::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);  // advice: what stays only makes it warmer
      kept = 0;
    }
  }
  return file;
}

}  // namespace stress
