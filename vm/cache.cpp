#include "vm/cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <optional>
#include <system_error>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/sha256.h"

namespace vm {
namespace {

namespace fs = std::filesystem;

constexpr const char* kRemedy = "set OOMLAB_CACHE to a folder of your own";

std::unexpected<base::Error> cannot_use(const fs::path& folder, int error) {
  auto failed = base::system_error(base::escape_terminal(folder.native()), error);
  return std::unexpected(std::move(failed.error()).context("the cache folder cannot be used").with_remedy(kRemedy));
}

std::optional<std::string> environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? std::optional<std::string>(value) : std::nullopt;
}

}  // namespace

fs::path cache_folder() {
  if (const auto own = environment("OOMLAB_CACHE")) {
    return fs::absolute(*own);
  }
  if (const auto xdg = environment("XDG_CACHE_HOME");
      xdg && xdg->starts_with('/')) {  // relative ones are to be ignored
    return fs::path(*xdg) / "oomlab";
  }
  if (const auto home = environment("HOME"); home && home->starts_with('/')) {
    return fs::path(*home) / ".cache" / "oomlab";
  }
  return fmt::format("/tmp/oomlab-{}", ::getuid());
}

base::Result<fs::path> make_cache_folder(std::string_view part) {
  const fs::path root = cache_folder();
  std::error_code error;
  fs::create_directories(root.parent_path(), error);
  struct stat info{};
  if ((::mkdir(root.c_str(), 0700) != 0 && errno != EEXIST) || ::stat(root.c_str(), &info) != 0) {
    return cannot_use(root, errno);
  }
  if (info.st_uid != ::getuid() && ::getuid() != 0) {  // someone else's kernels and memory images are not to be trusted
    return base::fail(
        base::ErrorKind::permission,
        fmt::format("{}: the cache folder belongs to user {}", base::escape_terminal(root.native()), info.st_uid),
        kRemedy);
  }
  fs::path folder = root / part;
  if (!part.empty() && ::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return cannot_use(folder, errno);
  }
  return folder;
}

base::Result<base::Fd> lock_cache(std::string_view name, const std::function<void()>& waiting) {
  TRY_ASSIGN(const auto root, make_cache_folder(""));
  const fs::path path = root / name;
  base::Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) {
    return base::system_error(base::escape_terminal(path.native()));
  }
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) {
    return fd;
  }
  if (errno == EWOULDBLOCK && waiting) {
    waiting();
  }
  while (::flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) {
      return base::system_error(base::escape_terminal(path.native()));
    }
  }
  return fd;
}

std::string file_stamp(const fs::path& path) {
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) {
    return {};
  }
  return fmt::format("{} {} {}.{:09} {} {}", path.native(), info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
                     info.st_ino, info.st_dev);
}

std::string cache_key(std::string_view bytes) {
  return base::sha256_hex(bytes).substr(0, 32);
}

std::uint64_t disk_usage(const fs::path& path) {
  constexpr std::uint64_t kBlockBytes = 512;  // of st_blocks, whatever the file system's are (stat(2))
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0) {
    return 0;
  }
  std::uint64_t bytes = static_cast<std::uint64_t>(info.st_blocks) * kBlockBytes;
  std::error_code error;
  if (S_ISDIR(info.st_mode)) {
    for (fs::recursive_directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
      if (::lstat(it->path().c_str(), &info) == 0) {
        bytes += static_cast<std::uint64_t>(info.st_blocks) * kBlockBytes;
      }
    }
  }
  return bytes;
}

}  // namespace vm
