#include "cli/watch/groups.h"

#include <algorithm>
#include <ranges>
#include <vector>

namespace cli::watch {
namespace {

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  return slash == 0 || slash == std::string::npos ? "/" : path.substr(0, slash);
}

KillCount count_of(const cgroup::Snapshot& last) {
  // Without memory.events.local (before 5.2) a group's own kills are not told from those below it.
  const auto& own = last.events_local ? last.events_local : last.events;
  return {.own = own ? own->oom_kill.value_or(0) : 0,
          .all = last.events ? last.events->oom_kill.value_or(0) : 0,
          .own_group_kills = own ? own->oom_group_kill : std::nullopt};
}

std::uint64_t oom_of(const cgroup::Snapshot& last) {
  return last.events_local ? last.events_local->oom.value_or(0) : 0;
}

}  // namespace

base::Result<std::unique_ptr<Groups>> Groups::start(const std::filesystem::path& root, Ledger& ledger,
                                                    const std::optional<State>& before) {
  std::unique_ptr<Groups> made(new Groups(root, ledger));
  auto* groups = made.get();
  groups->at_start_ = &before;
  TRY_ASSIGN(auto tree,
             cgroup::TreeWatch::start(root, {.appeared = [groups](const std::string& path) { groups->appeared(path); },
                                             .vanished = [groups](const std::string& path) { groups->vanished(path); },
                                             .events = [groups](const std::string& path) { groups->changed(path); }}));
  made->tree_ = std::move(tree);
  made->at_start_ = nullptr;
  return made;
}

void Groups::appeared(const std::string& path) {
  auto observed = cgroup::Observed::open(path == "/" ? root_ : std::filesystem::path(root_.native() + path));
  if (!observed) {
    return;  // gone already
  }
  const auto now = count_of(observed->last());
  std::optional<std::uint64_t> told;
  if (at_start_ != nullptr) {
    told = *at_start_ ? (*at_start_)->told(path, observed->id()).value_or(0) : now.own;
  }
  ledger_.appeared(path, observed->id(), now, told, Clock::now());
  const auto oom = at_start_ != nullptr && !*at_start_ ? oom_of(observed->last()) : 0;
  groups_.insert_or_assign(path, Group{.observed = *std::move(observed), .oom_taken = oom});
}

void Groups::vanished(const std::string& path) {
  const auto found = groups_.find(path);
  if (found == groups_.end()) {
    return;
  }
  ledger_.vanished(path, found->second.observed.id());
  departed_.push_back({.path = path, .group = std::move(found->second), .when = Clock::now()});
  groups_.erase(found);
  if (departed_.size() > kMostKept) {
    departed_.pop_front();
  }
}

void Groups::changed(const std::string& path) {
  const auto found = groups_.find(path);
  if (found != groups_.end() && found->second.observed.refresh(Clock::now())) {
    auto& observed = found->second.observed;
    ledger_.counted(path, observed.id(), count_of(observed.last()), Clock::now());
  }
}

void Groups::read_counts() {
  tree_->read();
  std::vector<std::string> news;
  for (const auto& [path, group] : groups_) {
    if (group.observed.has_news()) {
      news.push_back(path);
    }
  }
  for (const auto& path : news) {
    changed(path);
  }
}

void Groups::sample() {
  const auto now = Clock::now();
  for (auto& [path, group] : groups_) {
    group.observed.sample(now);
  }
  while (!departed_.empty() && now - departed_.front().when > kKept) {
    departed_.pop_front();
  }
}

Groups::Group* Groups::find(const std::string& path) {
  if (const auto found = groups_.find(path); found != groups_.end()) {
    return &found->second;
  }
  const auto backwards = std::views::reverse(departed_);
  const auto gone = std::ranges::find(backwards, path, &Departed::path);
  return gone == backwards.end() ? nullptr : &gone->group;
}

std::optional<SeenGroup> Groups::seen(const std::string& path) const {
  const auto* group = const_cast<Groups*>(this)->find(path);  // NOLINT(cppcoreguidelines-pro-type-const-cast)
  if (group == nullptr) {
    return std::nullopt;
  }
  const auto& observed = group->observed;
  return SeenGroup{.path = path, .last = observed.last(), .timeline = observed.timeline(), .start = observed.start()};
}

std::optional<std::string> Groups::take_hit_limit(const std::string& path) {
  for (std::string at = path; at != "/"; at = parent_of(at)) {
    auto* group = find(at);
    if (group == nullptr) {
      continue;
    }
    const auto oom = oom_of(group->observed.last());
    if (oom > group->oom_taken) {
      group->oom_taken = oom;
      return at;
    }
  }
  return std::nullopt;
}

}  // namespace cli::watch
