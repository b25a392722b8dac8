#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>

#include <gtest/gtest.h>

#include "base/file.h"
#include "cgroup/group.h"

namespace support {

// The value of a Result; a test without one ends with the error's message.
template <typename T>
T must(base::Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().message;
    std::abort();
  }
  if constexpr (!std::is_void_v<T>) {
    return *std::move(result);
  }
}

// An ordinary folder that looks like a cgroup, as one expression: FakeCgroup{{"memory.max", "max\n"},
// {"child/cgroup.procs", ""}}. Removed with all it holds by the destructor.
class FakeCgroup {
 public:
  FakeCgroup(std::initializer_list<std::pair<std::string_view, std::string_view>> files)
      : folder_(must(base::ScratchDir::create("oomlab-fake"))) {
    for (const auto& [file, text] : files) {
      write(file, text);
    }
  }

  [[nodiscard]] const std::filesystem::path& path() const { return folder_.path(); }
  [[nodiscard]] cgroup::Dir dir() const { return must(cgroup::Dir::open(path())); }

  // Replaces the file's text in place, as the kernel does: who has it open sees the new one. (Not by O_TRUNC: ext4
  // makes that wait for the disk.)
  void write(std::string_view file, std::string_view text) const {
    const auto target = path() / file;
    std::filesystem::create_directories(target.parent_path());
    const base::Fd fd(::open(target.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    must(base::write_all(fd.get(), text));
    EXPECT_EQ(::ftruncate(fd.get(), static_cast<off_t>(text.size())), 0);
  }
  [[nodiscard]] std::string read(std::string_view file) const { return must(base::read_all(path() / file)); }
  void remove(std::string_view file) const { std::filesystem::remove_all(path() / file); }

 private:
  base::ScratchDir folder_;
};

}  // namespace support
