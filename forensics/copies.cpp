#include "forensics/copies.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

#include <fmt/format.h>

namespace forensics {
namespace {

constexpr double kOneReport = 60;  // seconds within which the lines of one report are

template <typename T>
bool agree(const std::optional<T>& a, const std::optional<T>& b) {
  return !a || !b || *a == *b;
}

bool same_victims(const Incident& a, const Incident& b) {
  return std::ranges::equal(a.victims, b.victims, {}, &Victim::pid, &Victim::pid);
}

bool same_figures(const Victim& a, const Victim& b) {
  return a.pid == b.pid && a.comm == b.comm && a.total_vm_bytes == b.total_vm_bytes &&
         a.anon_rss_bytes == b.anon_rss_bytes && a.file_rss_bytes == b.file_rss_bytes;
}

// "2025-11-21T14:22:56" of "2025-11-21T14:22:56.123+01:00", nothing that a copy may write in another way.
std::optional<std::string> seconds_of(const Time& time) {
  if (!time.realtime) {
    return std::nullopt;
  }
  constexpr std::size_t kClock = 9;  // "T14:22:56"
  const auto clock = time.realtime->find('T');
  return clock == std::string::npos ? std::nullopt : std::optional(time.realtime->substr(clock, kClock));
}

bool may_be_one(const Incident& a, const Incident& b) {
  return a.killer == b.killer && a.manual == b.manual && agree(a.time.host, b.time.host) &&
         agree(a.kernel.release, b.kernel.release) && agree(a.trigger.comm, b.trigger.comm) &&
         agree(a.trigger.pid, b.trigger.pid);
}

bool is_copy_by_stamp(const Incident& a, const Incident& b) {
  const bool one_trigger = a.trigger.pid && a.trigger.pid == b.trigger.pid && a.trigger.comm == b.trigger.comm;
  const bool no_victims = a.victims.empty() || b.victims.empty();
  return may_be_one(a, b) && (no_victims ? one_trigger : same_victims(a, b));
}

bool is_copy_by_figures(const Incident& a, const Incident& b) {
  const auto& victim = a.victims.front();
  const bool enough = victim.total_vm_bytes.value_or(0) > 0 && victim.anon_rss_bytes.has_value();
  const bool near =
      !a.time.monotonic_s || !b.time.monotonic_s || std::abs(*a.time.monotonic_s - *b.time.monotonic_s) < kOneReport;
  const bool one_is_part = !a.trigger.gfp_mask || !b.trigger.gfp_mask;  // its first line is another's time
  return enough && near && (one_is_part || agree(seconds_of(a.time), seconds_of(b.time))) && may_be_one(a, b) &&
         std::ranges::equal(a.victims, b.victims, same_figures);
}

// The incidents that were seen, by what a copy of them has, too.
class Seen {
 public:
  // The place of the one that this is a copy of.
  std::optional<std::size_t> find(const std::vector<Incident>& incidents, const Incident& incident) const {
    const auto by_stamp = incident.time.monotonic_s
                              ? find(stamps_, stamp(incident), incidents, incident, is_copy_by_stamp)
                              : std::nullopt;
    return by_stamp || incident.victims.empty()
               ? by_stamp
               : find(victims_, incident.victims.front().pid, incidents, incident, is_copy_by_figures);
  }

  void add(const Incident& incident, std::size_t place) {
    if (incident.time.monotonic_s) {
      stamps_.emplace(stamp(incident), place);
    }
    if (!incident.victims.empty()) {
      victims_.emplace(incident.victims.front().pid, place);
    }
  }

 private:
  using Places = std::unordered_multimap<std::int64_t, std::size_t>;
  static constexpr std::ptrdiff_t kMostCompared = 64;

  static std::int64_t stamp(const Incident& incident) {
    return std::llround(std::min(*incident.time.monotonic_s, 1e12) * 1e6);
  }

  static std::optional<std::size_t> find(const Places& places, std::int64_t key, const std::vector<Incident>& incidents,
                                         const Incident& incident, bool (*is_copy)(const Incident&, const Incident&)) {
    std::ptrdiff_t compared = 0;
    for (auto [at, end] = places.equal_range(key); at != end && ++compared <= kMostCompared; ++at) {
      if (is_copy(incidents[at->second], incident)) {
        return at->second;
      }
    }
    return std::nullopt;
  }

  Places stamps_, victims_;
};

}  // namespace

void drop_copies(Postmortem& document) {
  struct Copies {
    std::size_t count = 0;
    std::uint64_t line = 0;  // of the first
  };
  std::map<std::size_t, Copies> dropped;  // by input
  std::vector<Incident> kept;
  Seen seen;
  for (auto& incident : document.incidents) {
    const auto first = seen.find(kept, incident);
    if (!first) {
      seen.add(incident, kept.size());
      kept.push_back(std::move(incident));
      continue;
    }
    if (incident.missing.size() < kept[*first].missing.size()) {
      std::swap(kept[*first], incident);
      seen.add(kept[*first], *first);
    }
    auto& copies = dropped[incident.log.input];
    copies.line = copies.count++ == 0 ? incident.log.first_line : copies.line;
  }
  document.incidents = std::move(kept);
  std::ranges::stable_sort(document.incidents, {}, [](const Incident& incident) {
    return std::pair(incident.log.input, incident.log.first_line);
  });
  for (const auto& [input, copies] : dropped) {
    document.warnings.push_back(
        {.code = "duplicate_report",
         .message =
             copies.count == 1
                 ? "a report stands in the logs twice; it is counted once"
                 : fmt::format("{} reports stand in the logs more than once; they are counted once", copies.count),
         .input = input,
         .line = copies.line});
  }
}

}  // namespace forensics
