#include "cli/watch/watcher.h"

#include <sys/epoll.h>
#include <sys/utsname.h>

#include <algorithm>
#include <csignal>
#include <ctime>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/file.h"
#include "cgroup/parse.h"
#include "cli/report.h"
#include "cli/watch/sight.h"
#include "forensics/words.h"

namespace cli::watch {
namespace {

constexpr std::chrono::milliseconds kTick{250};
constexpr std::chrono::milliseconds kSilence{300};  // of the log, then a report is over
constexpr std::chrono::seconds kRescan{30};
constexpr std::chrono::seconds kReconnect{5};
constexpr std::chrono::seconds kKeep{10};  // between two savings of the state where nothing was told
constexpr std::size_t kMostUnkept = 32;    // post-mortems that wait for room in the folder

bool is_within(std::string_view path, std::string_view group) {
  return path == group || group == "/" ||
         (path.size() > group.size() && path.starts_with(group) && path[group.size()] == '/');
}

// In the place of a file's name in the table.
std::string not_kept(const std::string& key) {
  return key + " (not kept)";
}

std::vector<std::string> cgroups_of(const forensics::Incident& incident) {
  std::vector<std::string> cgroups;
  const auto reported = incident.cgroup ? incident.cgroup->task_memcg : std::nullopt;
  for (const auto& victim : incident.victims) {
    if (const auto& cgroup = victim.task_memcg ? victim.task_memcg : reported) {
      cgroups.push_back(*cgroup);
    }
  }
  return cgroups;
}

}  // namespace

base::Result<std::unique_ptr<Watcher>> Watcher::start(const Options& options) {
  TRY_ASSIGN(auto folder, Folder::open(options.into, options.formats));
  TRY_ASSIGN(auto loop, base::EventLoop::create());
  std::unique_ptr<Watcher> watcher(new Watcher(options, std::move(folder), std::move(loop)));
  TRY_ASSIGN(watcher->signals_, base::signal_fd({SIGINT, SIGTERM, SIGHUP, SIGQUIT}));
  watcher->kernel_ = kernel_release();
  watcher->boot_id_ = boot_id();
  watcher->machine_kills_ = machine_kills();
  TRY(watcher->open_state());
  watcher->open_feed();
  TRY(watcher->find_container());
  watcher->open_log();
  watcher->ledger_ = std::make_unique<Ledger>(watcher->log_.has_value());
  TRY(watcher->open_groups());
  // A full disk may have room again; a folder that is not ours, or mounted read-only, will not.
  if (auto saved = watcher->save_state(); !saved && saved.error().sys_errno != ENOSPC) {
    auto error = std::move(saved).error().context("--into");
    error.kind = base::ErrorKind::usage;
    return std::unexpected(std::move(error));
  }
  watcher->say_what_is_seen();
  return watcher;
}

base::Result<> Watcher::open_state() {
  TRY_ASSIGN(const auto text, folder_.read_state());
  if (text.empty()) {
    if (options_.since_boot) {
      before_ = State{.boot_id = boot_id_, .next_sequence = 0};
    }
    return {};
  }
  auto state = parse_state(text);
  if (!state) {
    return base::fail(
        base::ErrorKind::usage,
        fmt::format("{}/watch-state.json: {}", base::escape_terminal(folder_.path().native()), state.error().message),
        "remove it, to begin anew");
  }
  // Of another boot it says only that everything since the start of this one is news.
  before_ = state->boot_id == boot_id_ ? *std::move(state) : State{.boot_id = boot_id_, .next_sequence = 0};
  told_sequences_ = before_->told_sequences;
  return {};
}

void Watcher::cannot_see(std::string code, const base::Error& error, const std::string& consequence) {
  blind_spots_.push_back({.code = std::move(code), .message = fmt::format("{}: {}", error.message, consequence)});
}

void Watcher::open_log() {
  auto opened = Kmsg::open(before_ ? before_->next_sequence : std::nullopt);
  if (!opened) {
    cannot_see("kernel_log_unreadable", opened.error(),
               "kills are told from memory.events alone, without the victim's name (root or CAP_SYSLOG reads it, or "
               "anybody with kernel.dmesg_restrict=0)");
    return;
  }
  log_ = *std::move(opened);
  live_ = std::make_unique<forensics::LiveLog>(
      [this](forensics::LoggedIncident&& incident) { logged(std::move(incident)); });
}

base::Result<> Watcher::open_groups() {
  const auto tree = find_tree();
  if (tree && !tree->is_whole && log_) {
    // Its paths are not those of the log: neither could be held against the other.
    cannot_see("part_of_the_cgroups", {.message = "this cgroup namespace is all of the cgroups that is mounted here"},
               "kills are told from the kernel log alone, without a timeline (mount the machine's: docker run -v "
               "/sys/fs/cgroup:/sys/fs/cgroup:ro)");
    return {};
  }
  auto groups = tree ? Groups::start(tree->root, *ledger_, before_) : std::unexpected(tree.error());
  if (!groups) {
    if (!log_) {
      auto error = groups.error();
      error.kind = base::ErrorKind::unsupported;
      return std::unexpected(std::move(error).context("neither the kernel log nor the cgroups can be read"));
    }
    cannot_see("cgroups_unreadable", groups.error(), "kills are told from the kernel log alone, without a timeline");
    return {};
  }
  groups_ = *std::move(groups);
  if (!tree->is_whole) {
    cannot_see("part_of_the_cgroups", {.message = "this cgroup namespace is all of the cgroups that is mounted here"},
               "nothing is told of the others");
  }
  if (options_.cgroup && !groups_->seen(*options_.cgroup)) {
    return base::fail(
        base::ErrorKind::usage, fmt::format("--cgroup: there is no cgroup {}", base::escape_terminal(*options_.cgroup)),
        fmt::format("a path below {}, such as /system.slice", base::escape_terminal(tree->root.native())));
  }
  return {};
}

void Watcher::open_feed() {
  const auto connected = feed_.connect();
  if (!connected && (options_.socket_given || options_.container || connected.error().sys_errno != ENOENT)) {
    cannot_see("engine_not_asked", connected.error(), "containers are told by their id alone");
  }
}

base::Result<> Watcher::find_container() {
  if (!options_.container) {
    return {};
  }
  const auto* found = feed_.known().find(*options_.container);
  if (found != nullptr) {
    container_id_ = found->id;
    return {};
  }
  const auto shown = base::escape_terminal(*options_.container);
  const bool could_be_id = options_.container->size() >= 12 &&
                           options_.container->find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!feed_.is_connected() && could_be_id) {
    container_id_ = *options_.container;
    return {};
  }
  return base::fail(
      base::ErrorKind::usage,
      feed_.is_connected() ? fmt::format("--container: there is no container {}", shown)
                           : fmt::format("--container: {} cannot be looked up: {}", shown, blind_spots_.back().message),
      feed_.is_connected() ? "docker ps --all lists them" : "give the container's id (12 digits or more)");
}

void Watcher::say_what_is_seen() const {
  if (!options_.quiet) {
    std::string seen = log_ ? "the kernel log" : "";
    if (groups_) {
      seen += fmt::format("{}{}", seen.empty() ? "" : ", ", forensics::counted(groups_->size(), "cgroup"));
    }
    if (feed_.is_connected()) {
      seen += fmt::format(", the containers of {}", base::escape_terminal(options_.socket.native()));
    }
    say(fmt::format("watching {}; post-mortems go to {}", seen, base::escape_terminal(folder_.path().native())));
  }
  for (const auto& blind : blind_spots_) {
    say(fmt::format("cannot see everything: {}", blind.message));
  }
}

base::Result<> Watcher::watch_feed() {
  return loop_.watch(feed_.fd(), EPOLLIN, [this](auto) {
    const int fd = feed_.fd();
    if (!feed_.read()) {
      loop_.unwatch(fd);
    }
  });
}

base::Result<> Watcher::run() {
  TRY(loop_.watch(signals_.get(), EPOLLIN, [this](auto) {
    while (base::read_signal(signals_.get())) {
      loop_.stop();
    }
  }));
  if (log_) {
    TRY(loop_.watch(log_->fd(), EPOLLIN, [this](auto) { read_log(); }));
  }
  if (groups_) {
    TRY(loop_.watch(groups_->fd(), EPOLLIN, [this](auto) { groups_->read(); }));
    loop_.every(options_.sample_period, [this] { groups_->sample(); });
    loop_.every(kRescan, [this] { groups_->rescan(); });
  }
  if (feed_.is_connected()) {
    TRY(watch_feed());
  }
  loop_.every(kReconnect, [this] {
    if (!feed_.is_connected() && feed_.connect()) {
      (void)watch_feed();  // tried again
    }
  });
  loop_.every(kTick, [this] { tick(); });
  loop_.every(kKeep, [this] {
    keep_again();
    keep_state();
  });
  if (options_.duration) {
    loop_.at(Clock::now() + *options_.duration, [this] { loop_.stop(); });
  }
  TRY(loop_.run());
  if (groups_) {
    groups_->read_counts();
  }
  if (log_) {
    read_log();
    live_->finish();
  }
  tell_all(ledger_->settle_all());
  keep_again();
  keep_state();
  return {};
}

void Watcher::read_log() {
  const auto before = live_->records();
  log_->read([this](std::string_view record) { live_->add(record); });
  if (live_->records() != before) {
    last_record_ = Clock::now();
  }
}

void Watcher::logged(forensics::LoggedIncident&& incident) {
  if (groups_) {
    groups_->read();  // a group of which the log tells is in the ledger before its kill is
  }
  if (incident.incident.kind == "allocation_failure" ||
      std::ranges::find(told_sequences_, incident.first_sequence) != told_sequences_.end()) {
    return;
  }
  const auto number = next_incident_++;
  const auto& read = incident.incident;
  const bool group_kill =
      std::ranges::find(read.victims, std::string_view("group"), &forensics::Victim::role) != read.victims.end();
  Ledger::LoggedKill kill{
      .incident = number, .cgroups = cgroups_of(read), .processes = read.victims.size(), .group_kill = group_kill};
  const bool killed = read.kind == "oom_kill" && !read.victims.empty();
  waiting_.emplace(number, std::move(incident));
  if (killed) {
    ledger_->logged(kill, Clock::now());
  } else {
    tell({.incident = number, .by = Settlement::By::log});
  }
}

// The counts first, then the log: what is counted by then is in the log, too, as soon as that is silent. Neither is
// left to what the kernel tells of by itself: on a busy machine that is seconds late.
void Watcher::tick() {
  if (groups_ && ledger_->is_waiting()) {
    groups_->read_counts();
  }
  if (log_) {
    read_log();
  }
  const bool silent = Clock::now() - last_record_ >= kSilence;
  if (live_ && silent) {
    live_->pause();
  }
  if (ledger_->is_waiting()) {
    tell_all(ledger_->settle(Clock::now(), !live_ || (silent && !live_->is_inside_report())));
  }
}

void Watcher::tell_all(const std::vector<Settlement>& settlements) {
  for (const auto& settlement : settlements) {
    tell(settlement);
  }
}

Kill Watcher::gather(const Settlement& settlement) {
  Kill kill{.settlement = settlement, .monotonic_s = monotonic_now(), .kernel = kernel_, .warnings = blind_spots_};
  std::optional<std::string> limited;
  if (settlement.incident) {
    const auto found = waiting_.find(*settlement.incident);
    kill.logged = std::move(found->second);
    waiting_.erase(found);
    if (const auto& report = kill.logged->incident.cgroup) {
      limited = report->oom_memcg ? report->oom_memcg : report->task_memcg;
    }
    kill.realtime = realtime_of(kill.logged->incident.time.monotonic_s.value_or(kill.monotonic_s));
  } else {
    kill.realtime = realtime_of(kill.monotonic_s);
  }
  if (groups_) {
    const auto start = limited ? limited : settlement.cgroup;
    kill.limit_cgroup = start ? groups_->take_hit_limit(*start) : std::nullopt;
    for (const auto& path : {limited, kill.limit_cgroup, settlement.cgroup}) {
      if (!kill.group && path) {
        kill.group = groups_->seen(*path);
      }
    }
  }
  name_container(kill);
  return kill;
}

void Watcher::name_container(Kill& kill) {
  if (const auto path = cgroup_of(kill)) {
    kill.container = feed_.of_cgroup(*path);
  }
}

// Within the cgroup or the container that was asked for: its limit, or one of its processes.
bool Watcher::is_wanted(const Kill& kill) const {
  std::vector<std::string> paths;
  const auto add = [&paths](const std::optional<std::string>& path) {
    if (path) {
      paths.push_back(*path);
    }
  };
  add(kill.settlement.cgroup);
  add(kill.limit_cgroup);
  if (kill.logged) {
    const auto& incident = kill.logged->incident;
    if (incident.cgroup) {
      add(incident.cgroup->oom_memcg);
      add(incident.cgroup->task_memcg);
    }
    for (const auto& victim : incident.victims) {
      add(victim.task_memcg);
    }
  }
  if (options_.cgroup) {
    return std::ranges::any_of(paths, [this](const auto& path) { return is_within(path, *options_.cgroup); });
  }
  return container_id_.empty() ||
         std::ranges::any_of(paths, [this](const auto& path) { return path.find(container_id_) != std::string::npos; });
}

void Watcher::tell(const Settlement& settlement) {
  const auto kill = gather(settlement);
  if (kill.logged) {
    told_sequences_.push_back(kill.logged->first_sequence);
  }
  if (!is_wanted(kill)) {
    return;
  }
  const auto document = make_document(kill);
  const auto key = kill.logged ? key_of_record(boot_id_, kill.logged->first_sequence)
                               : key_of_count(boot_id_, settlement.group_id, settlement.by == Settlement::By::ancestor,
                                              settlement.count);
  keep(key, document);
  keep_state();
  if (options_.kills && summary_.incidents() >= static_cast<std::uint64_t>(*options_.kills)) {
    loop_.stop();
  }
}

// A kill is told at once, whether the folder takes it now or later.
void Watcher::keep(const std::string& key, const forensics::Postmortem& document) {
  const auto& incident = document.incidents.front();
  const auto written = folder_.write(key, short_name(incident), document);
  if (written && !*written) {
    summary_.add_known();
    return;
  }
  const auto file = written ? folder_.last_name() : not_kept(key);
  summary_.add(document, file);
  if (!options_.quiet) {
    say(fmt::format("{}; {}", sentence(incident), file));
  }
  if (written) {
    return;
  }
  say(fmt::format("{}: {}: tried again every {} s", key, written.error().message, kKeep.count()));
  unkept_.push_back({.key = key, .document = document});
  if (unkept_.size() > kMostUnkept) {
    unkept_.pop_front();
    ++dropped_;
  }
}

void Watcher::keep_again() {
  while (!unkept_.empty()) {
    const auto& [key, document] = unkept_.front();
    if (!folder_.write(key, short_name(document.incidents.front()), document)) {
      return;
    }
    summary_.rename(not_kept(key), folder_.last_name());
    if (!options_.quiet) {
      say(fmt::format("kept now: {}", folder_.last_name()));
    }
    unkept_.pop_front();
  }
}

void Watcher::keep_state() {
  if (const auto saved = save_state(); !saved) {
    say(fmt::format("the state could not be kept, so a restart may tell of kills again: {}", saved.error().message));
  }
}

// As long as a post-mortem is not kept, the state stays behind it: a restart tells of that kill.
base::Result<> Watcher::save_state() {
  if (unkept() > 0) {
    return {};
  }
  State state{.boot_id = boot_id_, .groups = ledger_->told()};
  state.next_sequence = live_ ? live_->resume_at() : std::nullopt;
  if (!state.next_sequence) {
    state.next_sequence = log_ ? log_->next() : before_ ? before_->next_sequence : std::nullopt;
  }
  std::erase_if(told_sequences_, [&](auto sequence) { return state.next_sequence && sequence < *state.next_sequence; });
  state.told_sequences = told_sequences_;
  const auto text = to_text(state);
  if (text == kept_state_) {
    return {};
  }
  TRY(folder_.write_state(text));
  kept_state_ = text;
  return {};
}

std::string Watcher::summary(const forensics::RenderOptions& options) const {
  const auto now = machine_kills();
  const bool all = !options_.cgroup && container_id_.empty();
  const auto grown =
      all && now && machine_kills_ ? std::optional(*now - std::min(*now, *machine_kills_)) : std::nullopt;
  return summary_.text(grown, options);
}

}  // namespace cli::watch
