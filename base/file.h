#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

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

// Replaces a file as one step, in two calls: create() makes a temporary file beside it, commit() renames that to the
// path. A reader never sees half of it; synced to the kernel, not to disk. A path that is a device or a pipe
// (/dev/stdout) is opened itself and written directly. What was not committed is removed by the destructor, but a
// killed process leaves its temporary file. Only create() opens anything: the rest works in a sandbox (base/sandbox.h).
class PendingFile {
 public:
  static Result<PendingFile> create(std::filesystem::path path, unsigned mode = 0644);
  PendingFile(PendingFile&& other) noexcept;
  PendingFile& operator=(PendingFile&& other) noexcept;
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;
  ~PendingFile() { discard(); }

  // Appends.
  Result<> write(std::string_view bytes);
  // From now on the path has what was written; on an error it has what it had before. Once, and nothing after it.
  Result<> commit();
  // Forgets what was written, as far as it is not committed.
  void discard() noexcept;
  // The folder in which commit() and discard() change entries; none for a device or a pipe.
  [[nodiscard]] std::optional<std::filesystem::path> folder() const;

 private:
  PendingFile(Fd fd, std::filesystem::path path, std::string temporary)
      : fd_(std::move(fd)), path_(std::move(path)), temporary_(std::move(temporary)) {}
  Fd fd_;
  std::filesystem::path path_;
  std::string temporary_;  // empty: nothing to rename or to remove
};

// A PendingFile that is created, written and committed at once.
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
