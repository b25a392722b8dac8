#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Two witnesses of each kill: the kernel log, which may lack the cgroup's name (reports are rate-limited) or be missing
// altogether, and the counters of the cgroups, which name nobody and vanish with the cgroup. The ledger brings them
// together, so that each kill is told once. Pure.
namespace cli::watch {

// A kill that is to be told now.
struct Settlement {
  std::optional<std::uint64_t> incident;  // the one given to logged(); nothing: only the counters tell of it
  std::optional<std::string> cgroup;      // where the killed process lived
  enum class By {
    log,       // the log says the cgroup
    counters,  // the cgroup whose count has grown
    ancestor,  // the count of `cgroup` has grown for a group below it that was gone before it could be read
    nobody,    // the log does not say it, and no count has grown
  } by = By::log;
  std::uint64_t processes = 0;
  std::uint64_t group_id = 0, count = 0;  // where only counters tell: of `cgroup`, and how far its count was told then
  bool operator==(const Settlement&) const = default;
};

// The kills of a group: its own (memory.events.local) and those of all below it, too (memory.events). A group kill
// counts its first victim twice (mm/oom_kill.c); kernels before 5.17 do not say that it was one.
struct KillCount {
  std::uint64_t own = 0, all = 0;
  std::optional<std::uint64_t> own_group_kills;
  bool operator==(const KillCount&) const = default;
};

class Ledger {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::milliseconds kGrace{2000};  // how long a count waits for its line in the log
  static constexpr std::chrono::milliseconds kBrief{500};  // how long a line waits for its count, counts for each other
  static constexpr std::chrono::seconds kLongest{60};      // after that nothing waits for a log that does not end

  // has_log: whether the log is read at all. Without it the counters are believed.
  explicit Ledger(bool has_log) : has_log_(has_log) {}

  // A group that is there, and how many of its own kills were told already; nothing when it is new, so that all of its
  // kills and of those below it are.
  void appeared(std::string cgroup, std::uint64_t id, KillCount now, std::optional<std::uint64_t> told, Time when);
  void counted(const std::string& cgroup, std::uint64_t id, KillCount now, Time when);
  void vanished(const std::string& cgroup, std::uint64_t id);

  // The log tells of a kill. cgroups: one for each victim, or nothing where the log does not say them.
  struct LoggedKill {
    std::uint64_t incident = 0;
    std::vector<std::string> cgroups;
    std::uint64_t processes = 0;
    bool group_kill = false;
  };
  void logged(const LoggedKill& kill, Time when);

  // What can be told by now. log_is_read: every report that the log holds was given to logged(); until then neither a
  // count nor a line without a cgroup is matched, as its counterpart may be on the way.
  std::vector<Settlement> settle(Time now, bool log_is_read = true);
  // What is left at the end.
  std::vector<Settlement> settle_all();
  // Whether something is not told yet.
  [[nodiscard]] bool is_waiting() const;

  // Of the groups that are there: how many of their own kills were told, for the next start.
  struct Told {
    std::string cgroup;
    std::uint64_t id = 0, kills = 0;
    bool operator==(const Told&) const = default;
  };
  [[nodiscard]] std::vector<Told> told() const;

 private:
  struct Entry {
    std::string cgroup;
    std::uint64_t id = 0;
    KillCount count, first;  // now, and what of that is not our business
    std::uint64_t told = 0, told_group_kills = 0;
    std::uint64_t gone_below = 0;  // kills of groups below that are gone, as far as they were read
    Time open_since, all_changed;
    bool gone = false;
    [[nodiscard]] std::uint64_t open() const { return count.own > told ? count.own - told : 0; }
  };
  struct Orphan {
    LoggedKill kill;
    Time since;
  };
  Entry* find(std::string_view cgroup, std::uint64_t id);
  Entry* claimant(std::string_view cgroup);
  std::uint64_t take_doubled(const Entry& of, std::uint64_t most);
  [[nodiscard]] std::uint64_t unread_below(const Entry& entry) const;
  struct Moment {
    std::optional<Time> now;  // nothing: the end
    bool log_is_read = true;
    [[nodiscard]] bool is_due(Time since, std::chrono::milliseconds grace) const;
  };
  void settle_orphans(const Moment& moment, std::vector<Settlement>& out);
  void settle_counts(const Moment& moment, std::vector<Settlement>& out);
  std::vector<Settlement> settle(const Moment& moment);

  bool has_log_;
  std::vector<Entry> entries_;
  std::vector<Orphan> orphans_;
  std::vector<Settlement> ready_;
};

}  // namespace cli::watch
