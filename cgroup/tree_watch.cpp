#include "cgroup/tree_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <vector>

#include "base/escape.h"

namespace cgroup {
namespace {

namespace fs = std::filesystem;

constexpr std::uint32_t kFolderMask = IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ONLYDIR | IN_DELETE_SELF;
constexpr std::uint32_t kEventsMask = IN_MODIFY;

std::string child_of(const std::string& path, std::string_view name) {
  return (path == "/" ? path : path + "/") + std::string(name);
}

bool is_below(std::string_view path, std::string_view base) {
  return path.size() > base.size() && path.starts_with(base) && path[base.size()] == '/';
}

}  // namespace

base::Result<TreeWatch> TreeWatch::start(fs::path root, Listener listener) {
  base::Fd inotify(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!inotify) {
    return base::system_error("inotify_init1");
  }
  TreeWatch watch(std::move(root), std::move(listener), std::move(inotify));
  if (!watch.add("/")) {
    return base::system_error(base::escape_terminal(watch.root_.native()));
  }
  return watch;
}

fs::path TreeWatch::folder_of(const std::string& path) const {
  return path == "/" ? root_ : fs::path(root_.native() + path);
}

// Watches first and looks then, so that nothing falls between the two.
bool TreeWatch::add(const std::string& path) {
  if (groups_.contains(path)) {
    return true;
  }
  Watches watches;
  watches.folder = ::inotify_add_watch(inotify_.get(), folder_of(path).c_str(), kFolderMask);
  if (watches.folder < 0) {
    unwatched_ += errno == ENOENT || errno == ENOTDIR ? 0U : 1U;
    return false;
  }
  by_watch_[watches.folder] = path;
  auto& kept = groups_[path] = watches;
  watch_events(path, kept);
  listener_.appeared(path);
  add_below(path);
  return true;
}

void TreeWatch::watch_events(const std::string& path, Watches& watches) {
  watches.events = ::inotify_add_watch(inotify_.get(), (folder_of(path) / "memory.events").c_str(), kEventsMask);
  if (watches.events >= 0) {
    by_watch_[watches.events] = path;
  } else if (errno != ENOENT) {  // the root has none, nor has a group without the memory controller
    ++unwatched_;
  }
}

void TreeWatch::add_below(const std::string& path) {
  std::error_code error;
  for (fs::directory_iterator it(folder_of(path), error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->is_directory(ignored) && !it->is_symlink(ignored)) {
      (void)add(child_of(path, it->path().filename().native()));  // gone meanwhile, or counted as unwatched
    }
  }
}

void TreeWatch::remove(const std::string& path) {
  std::vector<std::string> gone;
  for (auto it = groups_.lower_bound(path); it != groups_.end() && (it->first == path || it->first.starts_with(path));
       ++it) {
    if (it->first == path || is_below(it->first, path)) {
      gone.push_back(it->first);
    }
  }
  std::ranges::reverse(gone);  // children first
  for (const auto& each : gone) {
    const auto found = groups_.find(each);
    for (const int watch : {found->second.folder, found->second.events}) {
      if (watch >= 0) {
        by_watch_.erase(watch);
        (void)::inotify_rm_watch(inotify_.get(), watch);  // the kernel has done so where the folder is gone
      }
    }
    groups_.erase(found);
    listener_.vanished(each);
  }
}

void TreeWatch::handle(int watch, unsigned mask, std::string_view name) {
  if ((mask & IN_Q_OVERFLOW) != 0) {
    rescan();
    return;
  }
  const auto found = by_watch_.find(watch);
  if (found == by_watch_.end()) {
    return;  // of a group that we let go
  }
  const auto path = found->second;
  if ((mask & IN_MODIFY) != 0) {
    listener_.events(path);
  } else if ((mask & IN_ISDIR) != 0 && (mask & (IN_CREATE | IN_MOVED_TO)) != 0) {
    (void)add(child_of(path, name));
  } else if ((mask & IN_ISDIR) != 0 && (mask & (IN_DELETE | IN_MOVED_FROM)) != 0) {
    remove(child_of(path, name));
  } else if ((mask & IN_DELETE_SELF) != 0 && path != "/") {
    remove(path);
  }
}

void TreeWatch::read() {
  constexpr std::size_t kBuffer = 16384;
  alignas(inotify_event) std::array<char, kBuffer> buffer{};
  while (true) {
    const auto got = ::read(inotify_.get(), buffer.data(), buffer.size());
    if (got <= 0) {
      if (got < 0 && errno == EINTR) {
        continue;
      }
      return;
    }
    for (std::size_t at = 0; at < static_cast<std::size_t>(got);) {
      inotify_event event{};
      std::memcpy(&event, buffer.data() + at, sizeof event);
      const char* const name = buffer.data() + at + sizeof event;
      handle(event.wd, event.mask, event.len == 0 ? std::string_view{} : std::string_view(name));
      at += sizeof event + event.len;
    }
  }
}

void TreeWatch::rescan() {
  std::vector<std::string> gone;
  for (auto& [path, watches] : groups_) {
    std::error_code ignored;
    if (path != "/" && !fs::is_directory(folder_of(path), ignored)) {
      gone.push_back(path);
    } else if (watches.events < 0) {
      watch_events(path, watches);
    }
  }
  for (const auto& path : gone) {
    remove(path);
  }
  std::vector<std::string> there;
  there.reserve(groups_.size());
  for (const auto& [path, watches] : groups_) {
    there.push_back(path);
  }
  for (const auto& path : there) {
    add_below(path);
    listener_.events(path);
  }
}

}  // namespace cgroup
