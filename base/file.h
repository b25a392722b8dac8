#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace base {

// Opens for reading, close-on-exec. The error names the path.
Result<Fd> open_for_reading(const std::filesystem::path& path);

// Everything up to end of file, at most limit bytes (an error beyond that). Works for files of /proc and /sys, whose
// size says nothing.
Result<std::string> read_all(const std::filesystem::path& path, std::size_t limit = std::size_t{1} << 30);
Result<std::string> read_all(int fd, std::size_t limit = std::size_t{1} << 30);

// Writes everything, retrying short writes and EINTR.
Result<> write_all(int fd, std::string_view bytes);

// Replaces the file as one step: a temporary file beside it, written, synced to the kernel (not to disk) and renamed. A
// reader never sees half of it. A path that is a device or a pipe (/dev/stdout) is written directly.
Result<> write_file_atomic(const std::filesystem::path& path, std::string_view bytes, unsigned mode = 0644);

// A folder of its own under $TMPDIR (or /tmp), removed with all it holds by the destructor.
class ScratchDir {
 public:
  static Result<ScratchDir> create(std::string_view prefix);
  ScratchDir(ScratchDir&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }
  ScratchDir& operator=(ScratchDir&& other) noexcept;
  ScratchDir(const ScratchDir&) = delete;
  ScratchDir& operator=(const ScratchDir&) = delete;
  ~ScratchDir() { remove(); }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  explicit ScratchDir(std::filesystem::path path) : path_(std::move(path)) {}
  void remove() noexcept;
  std::filesystem::path path_;
};

}  // namespace base
