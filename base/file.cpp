#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

#include <fmt/format.h>

#include "base/escape.h"

namespace base {
namespace {

// A new file beside the path, in the same file system, with the mode less the umask (mkstemp(3) would ignore the
// umask's wish).
std::pair<Fd, std::string> create_beside(const std::filesystem::path& path, unsigned mode) {
  constexpr int kTries = 100;  // names that a killed process left, or another thread uses now
  for (int attempt = 0;; ++attempt) {
    auto name = fmt::format("{}.{}-{}", path.native(), ::getpid(), attempt);
    Fd fd(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (fd || errno != EEXIST || attempt == kTries) {
      return {std::move(fd), std::move(name)};
    }
  }
}

}  // namespace

Result<Fd> open_for_reading(const std::filesystem::path& path) {
  Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    return system_error(escape_terminal(path.native()));
  }
  return fd;
}

Result<std::string> read_all(const std::filesystem::path& path, std::size_t limit) {
  TRY_ASSIGN(const Fd fd, open_for_reading(path));
  auto text = read_all(fd.get(), limit);
  if (!text) {
    return std::unexpected(std::move(text).error().context(escape_terminal(path.native())));
  }
  return text;
}

Result<std::string> read_all(int fd, std::size_t limit) {
  std::string text;
  std::size_t used = 0;
  while (true) {
    if (used == text.size()) {
      if (used > limit) {
        return fail(ErrorKind::parse, fmt::format("larger than the {} bytes expected at most", limit));
      }
      text.resize_and_overwrite(std::max<std::size_t>(4096, used * 2), [](char*, std::size_t size) { return size; });
    }
    const ssize_t got = ::read(fd, text.data() + used, text.size() - used);
    if (got < 0) {
      if (errno == EINTR) {
        continue;
      }
      return system_error("read");
    }
    if (got == 0) {
      break;
    }
    used += static_cast<std::size_t>(got);
  }
  if (used > limit) {
    return fail(ErrorKind::parse, fmt::format("larger than the {} bytes expected at most", limit));
  }
  text.resize(used);
  return text;
}

Result<> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      return system_error("write");
    }
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<PendingFile> PendingFile::create(std::filesystem::path path, unsigned mode) {
  const auto name = escape_terminal(path.native());
  struct stat existing{};
  if (::stat(path.c_str(), &existing) == 0 && !S_ISREG(existing.st_mode)) {
    Fd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!fd) {
      return system_error(name);
    }
    return PendingFile(std::move(fd), std::move(path), {});
  }
  auto [fd, temporary] = create_beside(path, mode);
  if (!fd) {
    const int error = errno;
    auto refused = system_error(name, error);
    if (error == ENOENT) {
      refused.error().remedy = fmt::format("mkdir -p {}", quote_shell(path.parent_path().native()));
    }
    return refused;
  }
  return PendingFile(std::move(fd), std::move(path), std::move(temporary));
}

PendingFile::PendingFile(PendingFile&& other) noexcept
    : fd_(std::move(other.fd_)), path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, {})) {}

PendingFile& PendingFile::operator=(PendingFile&& other) noexcept {
  if (this != &other) {
    discard();
    fd_ = std::move(other.fd_);
    path_ = std::move(other.path_);
    temporary_ = std::exchange(other.temporary_, {});
  }
  return *this;
}

Result<> PendingFile::write(std::string_view bytes) {
  if (auto written = write_all(fd_.get(), bytes); !written) {
    return std::unexpected(std::move(written).error().context(escape_terminal(path_.native())));
  }
  return {};
}

Result<> PendingFile::commit() {
  fd_.reset();
  if (!temporary_.empty() && ::rename(temporary_.c_str(), path_.c_str()) != 0) {
    auto refused = system_error("rename").error().context(escape_terminal(path_.native()));
    discard();
    return std::unexpected(std::move(refused));
  }
  temporary_.clear();
  return {};
}

void PendingFile::discard() noexcept {
  fd_.reset();
  if (!temporary_.empty()) {
    (void)::unlink(temporary_.c_str());  // somebody else may have removed it
    temporary_.clear();
  }
}

std::optional<std::filesystem::path> PendingFile::folder() const {
  if (temporary_.empty()) {
    return std::nullopt;
  }
  auto folder = std::filesystem::path(temporary_).parent_path();
  return folder.empty() ? "." : folder;
}

Result<> write_file_atomic(const std::filesystem::path& path, std::string_view bytes, unsigned mode) {
  TRY_ASSIGN(auto file, PendingFile::create(path, mode));
  TRY(file.write(bytes));
  return file.commit();
}

Result<ScratchDir> ScratchDir::create(std::string_view prefix) {
  const char* base = std::getenv("TMPDIR");
  std::string pattern = fmt::format("{}/{}-XXXXXX", base != nullptr && *base != '\0' ? base : "/tmp", prefix);
  if (::mkdtemp(pattern.data()) == nullptr) {
    return system_error(pattern);
  }
  return ScratchDir(pattern);
}

ScratchDir& ScratchDir::operator=(ScratchDir&& other) noexcept {
  if (this != &other) {
    remove();
    path_ = std::move(other.path_);
    other.path_.clear();
  }
  return *this;
}

void ScratchDir::remove() noexcept {
  if (!path_.empty()) {
    std::error_code ignored;  // a destructor has no one to tell
    std::filesystem::remove_all(path_, ignored);
  }
}

}  // namespace base
