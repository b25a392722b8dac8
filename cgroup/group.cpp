#include "cgroup/group.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/file.h"
#include "cgroup/hierarchy.h"
#include "cgroup/limits.h"
#include "cgroup/removal.h"

namespace cgroup {
namespace {

using base::Result;
using std::chrono::milliseconds;

constexpr std::string_view kPrefix = "oomlab-";
constexpr milliseconds kLastTry(5000);  // for a destructor, which cannot ask

// Six characters, so that two groups of one name meet once in two thousand million.
std::string random_suffix() {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz234567";
  unsigned char bytes[6] = {};
  if (::getrandom(bytes, sizeof bytes, GRND_NONBLOCK) != static_cast<ssize_t>(sizeof bytes)) {
    const auto now = std::chrono::steady_clock::now().time_since_epoch().count() ^ ::getpid();
    for (std::size_t i = 0; i < sizeof bytes; ++i) {
      bytes[i] = static_cast<unsigned char>(now >> (5 * i));
    }
  }
  std::string suffix;
  for (const auto byte : bytes) {
    suffix += kLetters[byte % kLetters.size()];
  }
  return suffix;
}

std::string folder_name(std::string_view name) {
  std::string safe(name.substr(0, 64));
  for (char& c : safe) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    c = plain ? c : '_';
  }
  return fmt::format("{}{}.{}", kPrefix, safe.empty() ? "group" : safe, random_suffix());
}

// Whether the folder of that path is still the one that is open: a sweeper may have removed it before we held the lock.
bool is_still_there(const Dir& dir) {
  struct stat opened{};
  struct stat named{};
  return ::fstat(dir.fd(), &opened) == 0 && ::stat(dir.path().c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
         opened.st_dev == named.st_dev;
}

// A new folder with our lock on it. Between mkdir and flock it looks abandoned to a sweeper; losing that race costs
// another try.
Result<Dir> make_locked_folder(const std::filesystem::path& parent, std::string_view name) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    const auto path = parent / folder_name(name);
    if (::mkdir(path.c_str(), 0755) != 0) {
      if (errno == EEXIST) {
        continue;
      }
      return base::system_error(fmt::format("making the cgroup {}", base::escape_terminal(path.native())));
    }
    auto dir = Dir::open(path);
    if (dir && ::flock(dir->fd(), LOCK_EX | LOCK_NB) == 0 && is_still_there(*dir)) {
      return dir;
    }
  }
  return base::fail(base::ErrorKind::timeout,
                    fmt::format("{}: another oomlab swept each new cgroup away, a hundred times",
                                base::escape_terminal(parent.native())));
}

bool has_swap() {
  const auto swaps = base::read_all("/proc/swaps");  // not there without CONFIG_SWAP
  return swaps && names_swap_area(*swaps);
}

}  // namespace

Result<Group> Group::create(const std::filesystem::path& parent, std::string_view name, const Limits& limits) {
  std::error_code ignored;  // a folder that cannot be made absolute fails at mkdir with the better message
  const auto absolute = std::filesystem::absolute(parent, ignored).lexically_normal();
  TRY_ASSIGN(Dir dir, make_locked_folder(absolute, name));
  Group group(std::move(dir));  // from here on its destructor cleans up
  TRY_ASSIGN(group.limits_, apply_limits(group.dir_, limits, has_swap()));
  return group;
}

Group::Group(Group&& other) noexcept
    : dir_(std::move(other.dir_)), limits_(std::move(other.limits_)), owned_(std::exchange(other.owned_, false)) {}

Group& Group::operator=(Group&& other) noexcept {
  if (this != &other) {
    const Group old(std::move(*this));  // removed at the end of this block
    dir_ = std::move(other.dir_);
    limits_ = std::move(other.limits_);
    owned_ = std::exchange(other.owned_, false);
  }
  return *this;
}

Group::~Group() {
  if (owned_) {
    (void)remove(kLastTry);  // nobody to tell; the next start sweeps what could not be removed
  }
}

// "/a/oomlab-x.y" of a folder in the mounted hierarchy; "/oomlab-x.y" of one that is elsewhere (a test's).
std::string Group::kernel_path() const {
  const auto& path = dir_.path().native();
  const auto hierarchy = find_own_hierarchy();
  if (hierarchy && !hierarchy->mount.empty()) {
    const auto& mount = hierarchy->mount.native();
    if (path.starts_with(mount + "/")) {
      return (hierarchy->mount_root == "/" ? "" : hierarchy->mount_root) + path.substr(mount.size());
    }
  }
  return "/" + dir_.path().filename().native();
}

Result<> Group::kill() const {
  return kill_all(dir_);
}

Result<> Group::wait_empty(milliseconds timeout) const {
  return wait_until_empty(dir_, timeout);
}

Result<> Group::remove(milliseconds timeout) {
  if (!owned_) {
    return {};
  }
  TRY(remove_tree(dir_, timeout));
  owned_ = false;
  return {};
}

Result<std::size_t> sweep(const std::filesystem::path& parent) {
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(parent.c_str()), ::closedir);
  if (!stream) {
    return base::system_error(base::escape_terminal(parent.native()));
  }
  std::size_t swept = 0;
  while (const dirent* entry = ::readdir(stream.get())) {
    if (!std::string_view(entry->d_name).starts_with(kPrefix)) {
      continue;
    }
    const auto dir = Dir::open(parent / entry->d_name);
    if (dir && ::flock(dir->fd(), LOCK_EX | LOCK_NB) == 0 && remove_tree(*dir, milliseconds(2000))) {
      ++swept;
    }
  }
  return swept;
}

}  // namespace cgroup
