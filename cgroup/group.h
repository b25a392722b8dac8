#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "cgroup/model.h"

namespace cgroup {

// An open cgroup directory. Reads and writes go through openat on it, so a same-named successor is never mistaken for
// it.
class Dir {
 public:
  static base::Result<Dir> open(const std::filesystem::path& path);
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] int fd() const { return fd_.get(); }
  [[nodiscard]] bool has(const char* file) const;
  base::Result<std::string> read(const char* file) const;
  // The file's value by one of cgroup/parse.h; nothing when it is not there or not as expected.
  template <typename Parse>
  auto value(const char* file, Parse parse) const -> std::optional<typename decltype(parse(""))::value_type> {
    if (const auto text = read(file)) {
      if (auto parsed = parse(*text)) {
        return *std::move(parsed);
      }
    }
    return std::nullopt;
  }
  base::Result<> write(const char* file, std::string_view text) const;  // one write(2); never creates the file
  base::Result<base::Fd> open_file(const char* file, int flags) const;

 private:
  Dir(base::Fd fd, std::filesystem::path path) : fd_(std::move(fd)), path_(std::move(path)) {}
  base::Fd fd_;
  std::filesystem::path path_;
};

// Everything readable of one cgroup now. Files that are missing or vanish meanwhile are nothing.
Snapshot take_snapshot(const Dir& dir);

// A cgroup of ours. Made with its limits set and read back; killed and removed by the destructor, whatever happened.
// The folder is locked (flock(2)) for as long as its owner (or the owner's guard) lives, which is how sweep() knows
// what a killed oomlab left.
class Group {
 public:
  // Makes <parent>/oomlab-<name>.<random> (other bytes of name than letters, digits, '_', '.' and '-' become '_'),
  // writes the limits, reads each back. A limit that did not take is an error of kind unsupported that says what was
  // asked, what is there and the way out; then nothing is left behind.
  static base::Result<Group> create(const std::filesystem::path& parent, std::string_view name, const Limits& limits);
  Group(Group&&) noexcept;
  Group& operator=(Group&&) noexcept;
  Group(const Group&) = delete;
  Group& operator=(const Group&) = delete;
  ~Group();

  [[nodiscard]] const Dir& dir() const { return dir_; }
  // The limits as read back, e.g. memory_max rounded to a page by the kernel.
  [[nodiscard]] const Limits& limits() const { return limits_; }
  // The path as kernel logs print it ("/oomlab-anon.x7k2"): relative to the root of the hierarchy as this process sees
  // it. Looked up in /proc each time.
  [[nodiscard]] std::string kernel_path() const;

  // Kills every process in it and below: cgroup.kill (5.14), else freeze + SIGKILL of all until none is left (for
  // kernels before 5.14).
  base::Result<> kill() const;
  // Waits until `populated 0` of cgroup.events, by poll(2) on it.
  base::Result<> wait_empty(std::chrono::milliseconds timeout) const;
  // kill, wait, rmdir of it and all children; EBUSY is retried (dying tasks leave late) until the time is over.
  base::Result<> remove(std::chrono::milliseconds timeout);

 private:
  explicit Group(Dir dir) : dir_(std::move(dir)) {}
  Dir dir_;
  Limits limits_;
  bool owned_ = true;
};

// Kills and removes the groups under parent that oomlab processes made which are gone (their lock is free). Returns how
// many.
base::Result<std::size_t> sweep(const std::filesystem::path& parent);

// A small process that outlives a SIGKILL of this one: when this process is gone it kills and removes the group, then
// ends. It holds no memory to speak of, is in a session of its own, and ends at once when released (destructor).
class Guard {
 public:
  static base::Result<Guard> start(const Group& group);
  Guard(Guard&&) noexcept = default;
  Guard& operator=(Guard&&) noexcept;
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;
  ~Guard();  // tells it to end without touching the group, and reaps it

 private:
  Guard(base::Fd lifeline, int pid) : lifeline_(std::move(lifeline)), pid_(pid) {}
  base::Fd lifeline_;
  int pid_ = -1;
};

}  // namespace cgroup
