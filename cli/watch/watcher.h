#pragma once

#include <chrono>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"
#include "cli/containers/feed.h"
#include "cli/watch/folder.h"
#include "cli/watch/groups.h"
#include "cli/watch/kill.h"
#include "cli/watch/kmsg.h"
#include "cli/watch/ledger.h"
#include "cli/watch/state.h"
#include "cli/watch/summary.h"
#include "forensics/live_log.h"

namespace cli::watch {

struct Options {
  std::optional<std::string> cgroup;     // only kills in it, below it, or by its limit: "/system.slice"
  std::optional<std::string> container;  // name or id
  std::filesystem::path into;
  std::vector<std::string> formats;
  std::filesystem::path socket;  // of the engine's API
  bool socket_given = false;
  bool since_boot = false;                           // tells of what was before the first start, too
  std::optional<std::chrono::nanoseconds> duration;  // ends then
  std::optional<std::int64_t> kills;                 // ends after so many
  std::chrono::nanoseconds sample_period{std::chrono::seconds(1)};
  bool quiet = false;
};

// Follows the kernel log, the cgroup tree and the container engine, and keeps a post-mortem of each kill. One thread,
// one event loop; what it holds is bounded.
class Watcher {
 public:
  // Says on stderr what can be seen, and what cannot with the way out. An error: nothing can be seen at all
  // (unsupported), or the options name what is not there (usage).
  static base::Result<std::unique_ptr<Watcher>> start(const Options& options);
  // Until a signal, the time or the number of kills ends it.
  base::Result<> run();
  [[nodiscard]] std::string summary(const forensics::RenderOptions& options) const;
  // Post-mortems that could not be written to the end.
  [[nodiscard]] std::uint64_t unkept() const { return unkept_.size() + dropped_; }

 private:
  using Clock = std::chrono::steady_clock;
  Watcher(Options options, Folder folder, base::EventLoop loop)
      : options_(std::move(options)), folder_(std::move(folder)), loop_(std::move(loop)), feed_(options_.socket) {}

  base::Result<> open_state();
  void open_log();
  base::Result<> open_groups();
  void open_feed();
  base::Result<> find_container();
  void cannot_see(std::string code, const base::Error& error, const std::string& consequence);
  void say_what_is_seen() const;

  base::Result<> watch_feed();
  void read_log();
  void logged(forensics::LoggedIncident&& incident);
  void tick();
  void tell_all(const std::vector<Settlement>& settlements);
  void tell(const Settlement& settlement);
  [[nodiscard]] Kill gather(const Settlement& settlement);
  void name_container(Kill& kill);
  [[nodiscard]] bool is_wanted(const Kill& kill) const;
  void keep(const std::string& key, const forensics::Postmortem& document);
  void keep_again();
  base::Result<> save_state();
  void keep_state();

  Options options_;
  Folder folder_;
  base::EventLoop loop_;
  base::Fd signals_;
  std::string boot_id_;
  std::optional<std::string> kernel_;
  std::optional<State> before_;  // what an earlier watch left
  std::vector<forensics::Warning> blind_spots_;

  std::optional<Kmsg> log_;
  std::unique_ptr<forensics::LiveLog> live_;
  Clock::time_point last_record_;
  std::map<std::uint64_t, forensics::LoggedIncident> waiting_;  // not told yet
  std::uint64_t next_incident_ = 0;
  std::vector<std::uint64_t> told_sequences_;

  std::unique_ptr<Ledger> ledger_;
  std::unique_ptr<Groups> groups_;
  containers::Feed feed_;
  std::string container_id_;  // the one that is wanted

  Summary summary_;
  std::optional<std::uint64_t> machine_kills_;  // at the start
  std::string kept_state_;
  struct Unkept {
    std::string key;
    forensics::Postmortem document;
  };
  std::deque<Unkept> unkept_;  // the folder did not take them: a full disk
  std::uint64_t dropped_ = 0;  // those that were too many to be held
};

}  // namespace cli::watch
