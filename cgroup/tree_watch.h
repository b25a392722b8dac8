#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace cgroup {

// Follows a cgroup tree by inotify(7): groups that come and go, and memory.events that change, of which the kernel
// tells its watchers (cgroup-v2.rst). Groups are named as kernel logs do: "/docker/ad6c"; the root of the tree is "/".
class TreeWatch {
 public:
  struct Listener {
    std::function<void(const std::string& path)> appeared;  // once for each group, those of the start too
    std::function<void(const std::string& path)> vanished;
    std::function<void(const std::string& path)> events;  // its memory.events changed
  };
  // Looks through the tree at once: appeared() is called before this returns. An error when the root cannot be watched.
  static base::Result<TreeWatch> start(std::filesystem::path root, Listener listener);
  TreeWatch(TreeWatch&&) = default;
  TreeWatch& operator=(TreeWatch&&) = default;
  TreeWatch(const TreeWatch&) = delete;
  TreeWatch& operator=(const TreeWatch&) = delete;
  ~TreeWatch() = default;

  // Readable when something happened; then read().
  [[nodiscard]] int fd() const { return inotify_.get(); }
  void read();
  // Looks at the tree anew: finds what inotify could not tell (its queue was full, a memory.events that came later).
  void rescan();

  [[nodiscard]] std::size_t groups() const { return groups_.size(); }
  // Groups that could not be watched: fs.inotify.max_user_watches, or no access.
  [[nodiscard]] std::size_t unwatched() const { return unwatched_; }

 private:
  TreeWatch(std::filesystem::path root, Listener listener, base::Fd inotify)
      : root_(std::move(root)), listener_(std::move(listener)), inotify_(std::move(inotify)) {}
  struct Watches {
    int folder = -1, events = -1;
  };
  [[nodiscard]] std::filesystem::path folder_of(const std::string& path) const;
  bool add(const std::string& path);
  void add_below(const std::string& path);
  void watch_events(const std::string& path, Watches& watches);
  void remove(const std::string& path);
  void handle(int watch, unsigned mask, std::string_view name);

  std::filesystem::path root_;
  Listener listener_;
  base::Fd inotify_;
  std::map<std::string, Watches> groups_;
  std::map<int, std::string> by_watch_;
  std::size_t unwatched_ = 0;
};

}  // namespace cgroup
