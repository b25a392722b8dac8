#include "cli/watch/ledger.h"

#include <algorithm>
#include <utility>

namespace cli::watch {
namespace {

bool is_within(std::string_view cgroup, std::string_view above) {
  return cgroup == above || above == "/" ||
         (cgroup.size() > above.size() && cgroup.starts_with(above) && cgroup[above.size()] == '/');
}

std::string_view parent_of(std::string_view cgroup) {
  const auto slash = cgroup.rfind('/');
  return slash == 0 || slash == std::string_view::npos ? std::string_view("/") : cgroup.substr(0, slash);
}

}  // namespace

bool Ledger::Moment::is_due(Time since, std::chrono::milliseconds grace) const {
  return !now || *now - since >= (log_is_read ? grace : std::chrono::milliseconds(kLongest));
}

Ledger::Entry* Ledger::find(std::string_view cgroup, std::uint64_t id) {
  const auto found = std::ranges::find_if(
      entries_, [&](const Entry& entry) { return entry.id == id && entry.cgroup == cgroup && !entry.gone; });
  return found == entries_.end() ? nullptr : &*found;
}

// A path may have been a group's before and be another one's now: a kill belongs to the oldest one that counts a kill
// which was not told, else to the newest.
Ledger::Entry* Ledger::claimant(std::string_view cgroup) {
  Entry* newest = nullptr;
  for (auto& entry : entries_) {
    if (entry.cgroup == cgroup) {
      if (entry.open() > 0) {
        return &entry;
      }
      newest = &entry;
    }
  }
  return newest;
}

void Ledger::appeared(std::string cgroup, std::uint64_t id, KillCount now, std::optional<std::uint64_t> told,
                      Time when) {
  if (find(cgroup, id) != nullptr) {
    return;
  }
  Entry entry{.cgroup = std::move(cgroup), .id = id, .count = now, .open_since = when, .all_changed = when};
  if (told) {
    entry.told = std::min(*told, now.own);
    entry.first = {.own = entry.told, .all = now.all - std::min(now.all, entry.open())};
    entry.told_group_kills = entry.open() == 0 ? now.own_group_kills.value_or(0) : 0;
  }
  entries_.push_back(std::move(entry));
}

void Ledger::counted(const std::string& cgroup, std::uint64_t id, KillCount now, Time when) {
  auto* entry = find(cgroup, id);
  if (entry == nullptr || entry->count == now) {
    return;
  }
  const bool was_open = entry->open() > 0;
  entry->all_changed = entry->count.all == now.all ? entry->all_changed : when;
  entry->count = now;
  entry->open_since = was_open ? entry->open_since : when;
}

void Ledger::vanished(const std::string& cgroup, std::uint64_t id) {
  auto* entry = find(cgroup, id);
  if (entry == nullptr) {
    return;
  }
  entry->gone = true;
  const auto above = parent_of(cgroup);
  const auto parent =
      std::ranges::find_if(entries_, [&](const Entry& other) { return !other.gone && other.cgroup == above; });
  if (parent != entries_.end()) {
    parent->gone_below += entry->count.all - std::min(entry->first.all, entry->count.all);
  }
  std::erase_if(entries_, [](const Entry& each) { return each.gone && each.open() == 0; });
}

void Ledger::logged(const LoggedKill& kill, Time when) {
  if (kill.cgroups.empty()) {
    orphans_.push_back({.kill = kill, .since = when});
    return;
  }
  for (const auto& cgroup : kill.cgroups) {
    if (auto* entry = claimant(cgroup)) {
      ++entry->told;
    }
  }
  if (auto* first = claimant(kill.cgroups.front());
      kill.group_kill && first != nullptr && !first->count.own_group_kills) {
    ++first->told;  // counted twice, and no counter says so
  }
  ready_.push_back({.incident = kill.incident, .cgroup = kill.cgroups.front(), .processes = kill.processes});
}

// Of the kills that are left over in a group, those that a group kill here or above counted twice.
std::uint64_t Ledger::take_doubled(const Entry& of, std::uint64_t most) {
  std::uint64_t taken = 0;
  for (auto& entry : entries_) {
    if (is_within(of.cgroup, entry.cgroup)) {
      const auto groups = entry.count.own_group_kills.value_or(0);
      const auto left = groups - std::min(groups, entry.told_group_kills);
      const auto take = std::min(left, most - taken);
      entry.told_group_kills += take;
      taken += take;
    }
  }
  return taken;
}

// Kills that a group counts for those below it, and none of them has: the group was gone before it could be read.
std::uint64_t Ledger::unread_below(const Entry& entry) const {
  const auto grown = [](const Entry& each) { return each.count.all - std::min(each.first.all, each.count.all); };
  std::uint64_t known = entry.count.own - std::min(entry.first.own, entry.count.own) + entry.gone_below;
  for (const auto& other : entries_) {
    if (!other.gone && other.cgroup != "/" && parent_of(other.cgroup) == entry.cgroup) {
      known += grown(other);
    }
  }
  return grown(entry) > known ? grown(entry) - known : 0;
}

void Ledger::settle_orphans(const Moment& moment, std::vector<Settlement>& out) {
  std::erase_if(orphans_, [&](const Orphan& orphan) {
    if (!moment.is_due(orphan.since, kBrief)) {
      return false;
    }
    Entry* oldest = nullptr;
    for (auto& entry : entries_) {
      if (entry.open() > 0 && (oldest == nullptr || entry.open_since < oldest->open_since)) {
        oldest = &entry;
      }
    }
    Settlement settled{
        .incident = orphan.kill.incident, .by = Settlement::By::nobody, .processes = orphan.kill.processes};
    if (oldest != nullptr) {
      oldest->told += std::min(oldest->open(), orphan.kill.processes);
      settled.cgroup = oldest->cgroup;
      settled.by = Settlement::By::counters;
    } else if (!moment.is_due(orphan.since, kGrace)) {
      return false;
    }
    out.push_back(std::move(settled));
    return true;
  });
}

void Ledger::settle_counts(const Moment& moment, std::vector<Settlement>& out) {
  // A line that waits for its count may be of any of them.
  const auto grace = !orphans_.empty() ? std::chrono::milliseconds(kLongest) : has_log_ ? kGrace : kBrief;
  for (auto& entry : entries_) {
    if (const auto open = entry.open(); open > 0 && moment.is_due(entry.open_since, grace)) {
      const auto processes = open - take_doubled(entry, has_log_ ? open : open - 1);
      entry.told += open;
      if (processes > 0) {
        out.push_back({.cgroup = entry.cgroup,
                       .by = Settlement::By::counters,
                       .processes = processes,
                       .group_id = entry.id,
                       .count = entry.told});
      }
    }
    if (has_log_ || entry.gone || !moment.is_due(entry.all_changed, grace)) {
      continue;  // the log tells of those that were gone, too
    }
    if (const auto unread = unread_below(entry); unread > 0) {
      entry.gone_below += unread;
      out.push_back({.cgroup = entry.cgroup,
                     .by = Settlement::By::ancestor,
                     .processes = unread,
                     .group_id = entry.id,
                     .count = entry.count.all});
    }
  }
  std::erase_if(entries_, [](const Entry& each) { return each.gone && each.open() == 0; });
}

std::vector<Settlement> Ledger::settle(const Moment& moment) {
  auto out = std::exchange(ready_, {});
  settle_orphans(moment, out);
  settle_counts(moment, out);
  return out;
}

std::vector<Settlement> Ledger::settle(Time now, bool log_is_read) {
  return settle(Moment{.now = now, .log_is_read = log_is_read});
}

std::vector<Settlement> Ledger::settle_all() {
  return settle(Moment{});
}

bool Ledger::is_waiting() const {
  return !ready_.empty() || !orphans_.empty() ||
         std::ranges::any_of(entries_, [](const Entry& entry) { return entry.open() > 0; });
}

std::vector<Ledger::Told> Ledger::told() const {
  std::vector<Told> all;
  for (const auto& entry : entries_) {
    if (!entry.gone && entry.told > 0) {
      all.push_back({.cgroup = entry.cgroup, .id = entry.id, .kills = entry.told});
    }
  }
  return all;
}

}  // namespace cli::watch
