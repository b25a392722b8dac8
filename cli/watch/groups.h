#pragma once

#include <chrono>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "cgroup/observed.h"
#include "cgroup/tree_watch.h"
#include "cli/watch/kill.h"
#include "cli/watch/ledger.h"
#include "cli/watch/state.h"

namespace cli::watch {

// The cgroups of the machine: each with its flight recorder, its kills booked in the ledger as they are counted. Those
// that are gone are kept for some seconds, for the kill that ended them.
class Groups {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds kKept{10};
  static constexpr std::size_t kMostKept = 256;

  // Looks through the tree below root. before: what an earlier watch told; nothing: every kill counted by now is old.
  static base::Result<std::unique_ptr<Groups>> start(const std::filesystem::path& root, Ledger& ledger,
                                                     const std::optional<State>& before);
  Groups(const Groups&) = delete;
  Groups(Groups&&) = delete;
  Groups& operator=(const Groups&) = delete;
  Groups& operator=(Groups&&) = delete;
  ~Groups() = default;

  // Readable when something happened; then read().
  [[nodiscard]] int fd() const { return tree_->fd(); }
  void read() { tree_->read(); }
  // A row of each, and those that are gone for long are forgotten.
  void sample();
  // See TreeWatch.
  void rescan() { tree_->rescan(); }
  // Reads the counts of all that are there, whatever the kernel has told of: it may be late with that.
  void read_counts();

  // As it was last seen, gone or not.
  [[nodiscard]] std::optional<SeenGroup> seen(const std::string& path) const;
  // The group or the nearest one above it whose limit was hit since the last time this was asked: its `oom` has grown.
  std::optional<std::string> take_hit_limit(const std::string& path);
  [[nodiscard]] std::size_t size() const { return groups_.size(); }
  [[nodiscard]] std::size_t unwatched() const { return tree_->unwatched(); }

 private:
  struct Group {
    cgroup::Observed observed;
    std::uint64_t oom_taken = 0;  // of memory.events.local
  };
  struct Departed {
    std::string path;
    Group group;
    Clock::time_point when;
  };
  Groups(std::filesystem::path root, Ledger& ledger) : root_(std::move(root)), ledger_(ledger) {}
  void appeared(const std::string& path);
  void vanished(const std::string& path);
  void changed(const std::string& path);
  Group* find(const std::string& path);

  std::filesystem::path root_;
  Ledger& ledger_;
  const std::optional<State>* at_start_ = nullptr;  // while the tree is looked through for the first time
  std::optional<cgroup::TreeWatch> tree_;
  std::map<std::string, Group, std::less<>> groups_;
  std::deque<Departed> departed_;
};

}  // namespace cli::watch
