#include "forensics/episodes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "base/bytes.h"
#include "forensics/composition.h"
#include "forensics/owner.h"
#include "forensics/verdict.h"

namespace forensics {
namespace {

using base::human_duration;
using base::human_size;

constexpr double kSameStoryWithin = 24 * 3600, kMachineStoryWithin = 3600, kSoon = 5;

// What stays the same when a container or unit is started again: a pod keeps its uid, a transient unit its name but for
// the number.
std::string identity_of(const std::string& path) {
  if (const auto owner = owner_of(path); owner && owner->pod_uid) {
    return "pod " + *owner->pod_uid;
  }
  std::string identity;
  const auto last = path.rfind('/');
  for (std::size_t i = 0; i < path.size(); ++i) {
    const bool number = path[i] >= '0' && path[i] <= '9' && i > last;
    if (!number || !identity.ends_with('#')) {
      identity += number ? '#' : path[i];
    }
  }
  // A container's id is all that tells it from another one.
  return path.size() - std::min(last + 1, path.size()) >= 32 ? path : identity;
}

std::string key_of(const Incident& incident) {
  auto key = incident.time.host.value_or("") + "\n" + incident.killer + "\n";
  if (incident.kind == "allocation_failure") {
    return key + "allocation " + incident.trigger.comm.value_or("");
  }
  if (incident.scope == "unknown" && incident.killer == "kernel" && incident.kind == "oom_kill") {
    return key + fmt::format("line {} of {}", incident.log.first_line,
                             incident.log.input);  // what it belongs to is not known
  }
  if (incident.scope != "memcg") {
    return key + incident.scope;
  }
  const auto* path = incident.cgroup && incident.cgroup->oom_memcg ? &*incident.cgroup->oom_memcg : nullptr;
  if (path != nullptr) {
    return key + identity_of(*path);
  }
  return key + "?" + (incident.victims.empty() ? "" : incident.victims.front().comm.value_or(""));
}

std::uint64_t whole_of(const Incident& incident) {
  if (incident.scope == "memcg") {
    if (incident.cgroup && incident.cgroup->memory) {
      const auto& memory = *incident.cgroup->memory;
      return memory.limit_bytes.value_or(memory.usage_bytes.value_or(0));
    }
    return 0;
  }
  std::uint64_t sum = 0;
  for (const auto& part : incident.analysis.breakdown) {
    sum += part.bytes;
  }
  return sum;
}

// Whether the kill can have brought nearly nothing back.
bool freed_nothing(const Incident& incident) {
  const bool stuck = std::ranges::any_of(incident.victims, [](const Victim& victim) { return victim.reaped == false; });
  const auto whole = whole_of(incident);
  if (stuck || !incident.analysis.freed_bytes || whole == 0) {
    return stuck;
  }
  // Where processes hold the memory, the others may be large: only next to nothing counts then.
  const auto& dominant = incident.analysis.dominant;
  const bool held_by_processes = !dominant || dominant->part == "anon" || dominant->part == "swapcache";
  return *incident.analysis.freed_bytes < whole / (held_by_processes ? 20 : 7);
}

// The incidents of one story, in log order.
class Story {
 public:
  Story(const std::vector<Incident>& all, std::vector<std::size_t> members) : all_(all), members_(std::move(members)) {
    for (std::size_t i = 0; i < members_.size(); ++i) {
      const auto passed = i == 0 ? std::optional(0.0) : seconds_between(at(0).time, at(i).time);
      known_ = known_ && passed;
      times_.push_back(passed.value_or(0));
    }
    for (std::size_t i = 1; i < times_.size() && known_; ++i) {
      intervals_.push_back(std::max(0.0, times_[i] - times_[i - 1]));
    }
    std::ranges::sort(intervals_);
  }

  [[nodiscard]] const Incident& at(std::size_t i) const { return all_[members_[i]]; }
  [[nodiscard]] std::size_t size() const { return members_.size(); }
  [[nodiscard]] const std::vector<std::size_t>& members() const { return members_; }
  [[nodiscard]] bool has_times() const { return known_ && size() > 1; }
  [[nodiscard]] double time(std::size_t i) const { return times_[i]; }
  [[nodiscard]] double duration() const { return times_.back(); }
  [[nodiscard]] double median_interval() const { return intervals_.empty() ? 0 : intervals_[intervals_.size() / 2]; }

  [[nodiscard]] std::uint64_t reports() const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < size(); ++i) {
      sum += at(i).repeats + at(i).log.suppressed;
    }
    return sum;
  }
  [[nodiscard]] std::uint64_t kills() const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < size(); ++i) {
      sum += at(i).analysis.processes * std::max<std::uint64_t>(at(i).repeats, 1);  // those folded into it
    }
    return sum;
  }
  // Kills after which the next report came at once.
  [[nodiscard]] std::uint64_t kills_freed_nothing() const {
    std::uint64_t count = 0;
    for (std::size_t i = 0; i + 1 < size(); ++i) {
      const bool soon = !known_ || times_[i + 1] - times_[i] <= kSoon;
      count += soon && !at(i).victims.empty() && freed_nothing(at(i)) ? at(i).analysis.processes : 0;
    }
    return count;
  }
  [[nodiscard]] bool nobody_killed() const {
    return std::ranges::all_of(members_, [&](std::size_t i) { return all_[i].kind == "no_victim"; });
  }
  // The name that all selected victims share, if there is one.
  [[nodiscard]] Text common_victim() const {
    Text name;
    for (std::size_t i = 0; i < size(); ++i) {
      if (at(i).victims.empty() || !at(i).victims.front().comm || (name && name != at(i).victims.front().comm)) {
        return std::nullopt;
      }
      name = at(i).victims.front().comm;
    }
    return name;
  }

 private:
  const std::vector<Incident>& all_;
  std::vector<std::size_t> members_;
  std::vector<double> times_, intervals_;
  bool known_ = true;
};

// The best straight line through points that are not all at one time.
std::optional<Slope> fit_line(const std::vector<std::pair<double, double>>& points) {
  const auto count = static_cast<double>(points.size());
  double mean_x = 0, mean_y = 0, xx = 0, xy = 0, yy = 0;
  for (const auto& [x, y] : points) {
    mean_x += x / count;
    mean_y += y / count;
  }
  for (const auto& [x, y] : points) {
    xx += (x - mean_x) * (x - mean_x);
    xy += (x - mean_x) * (y - mean_y);
    yy += (y - mean_y) * (y - mean_y);
  }
  if (xx <= 0 || yy <= 0) {
    return std::nullopt;
  }
  return Slope{.of = {},
               .unit = {},
               .value = std::round(xy / xx * 100) / 100,
               .fit = std::min(1.0, std::round(xy * xy / (xx * yy) * 1e4) / 1e4),
               .points = points.size()};
}

// What that part took in each report that has a breakdown, over time or, where the log has none, over the reports.
std::vector<std::pair<double, double>> sizes_of(const Story& story, std::string_view part) {
  std::vector<std::pair<double, double>> points;
  for (std::size_t i = 0; i < story.size(); ++i) {
    const auto& breakdown = story.at(i).analysis.breakdown;
    if (breakdown.empty()) {
      continue;
    }
    const auto* then = find_part(breakdown, part);
    points.emplace_back(story.has_times() ? story.time(i) : static_cast<double>(i),
                        then == nullptr ? 0 : static_cast<double>(then->bytes));
  }
  return points;
}

// Memory that outlives the kills: a part that no kill gives back and that grows from report to report.
std::optional<Slope> leak_over_kills(const Story& story) {
  constexpr std::size_t kFewest = 3;
  constexpr double kGrown = 0.1, kStraight = 0.7;
  constexpr std::array kGivenBack{"anon", "swapcache", "file", "free", "free_cma", "unaccounted"};
  if (story.size() < kFewest) {
    return std::nullopt;
  }
  const auto& last = story.at(story.size() - 1);
  const auto whole = static_cast<double>(whole_of(last));
  std::optional<Slope> best;
  for (const auto& part : last.analysis.breakdown) {
    const auto points = sizes_of(story, part.part);
    if (std::ranges::find(kGivenBack, part.part) != kGivenBack.end() || points.size() < kFewest ||
        points.back().second - points.front().second < kGrown * whole) {
      continue;
    }
    auto line = fit_line(points);
    if (line && line->value > 0 && line->fit >= kStraight && (!best || line->fit > best->fit)) {
      line->of = part.part;
      line->unit = story.has_times() ? "bytes/s" : "bytes/kill";
      best = std::move(line);
    }
  }
  return best;
}

// How fast a process that is started again fills the limit again.
std::optional<Slope> refill_slope(const Story& story) {
  const auto whole = whole_of(story.at(0));
  if (!story.has_times() || story.median_interval() <= 0 || whole == 0) {
    return std::nullopt;
  }
  return Slope{.of = "usage",
               .unit = "bytes/s",
               .value = std::round(static_cast<double>(whole) / story.median_interval()),
               .fit = 1,
               .points = story.size()};
}

std::string name_of(const Incident& incident) {
  if (incident.scope != "memcg") {
    return "the machine";
  }
  return incident.cgroup && incident.cgroup->oom_memcg ? cgroup_name(*incident.cgroup->oom_memcg) : "a memory cgroup";
}

std::string in_time(const Story& story) {
  return story.has_times() ? fmt::format(" in {}", human_duration(story.duration())) : "";
}

// The code and what goes with it.
void classify(const Story& story, Episode& episode) {
  const auto where = name_of(story.at(0));
  const auto victim = story.common_victim();
  if (story.nobody_killed()) {
    episode.code = "no_victim_loop";
    episode.words =
        fmt::format("{} was out of memory {} times{} and nobody could be killed: whoever allocates there hangs", where,
                    episode.reports, in_time(story));
    return;
  }
  if (episode.kills_freed_nothing >= 2 && 2 * episode.kills_freed_nothing >= episode.kills - 1) {
    episode.code = "kills_freed_nothing";
    episode.words =
        fmt::format("{} of {} kills in {} freed next to nothing: what fills it is not in the killed processes",
                    episode.kills_freed_nothing, episode.kills, where);
    return;
  }
  episode.slope = leak_over_kills(story);
  if (episode.slope) {
    episode.code = "leak_over_kills";
    const auto bytes_at = [&](std::size_t at) {
      const auto* part = find_part(story.at(at).analysis.breakdown, episode.slope->of);
      return human_size(part == nullptr ? 0 : part->bytes);
    };
    episode.words = fmt::format("{} in {} grew from {} to {} over {} reports{}: no kill gives it back",
                                part_words(episode.slope->of), where, bytes_at(0), bytes_at(story.size() - 1),
                                story.size(), in_time(story));
    return;
  }
  constexpr std::uint64_t kManyReports = 5;
  if (episode.reports >= kManyReports && (!story.has_times() || story.median_interval() <= kSoon) &&
      (story.has_times() || story.size() == 1)) {
    episode.code = "storm";
    episode.words = fmt::format("{} reports and {} kills{} in {}: one cause, told many times", episode.reports,
                                episode.kills, in_time(story), where);
    return;
  }
  constexpr std::size_t kLoop = 3;
  if (story.size() >= kLoop && victim && (!story.has_times() || story.median_interval() > 1)) {
    episode.code = "crash_loop";
    episode.slope = refill_slope(story);
    episode.words =
        fmt::format("{} in {} was killed {} times{}{}: it is started again and fills the limit again", *victim, where,
                    episode.kills, in_time(story),
                    story.has_times() ? fmt::format(", every {}", human_duration(story.median_interval())) : "");
    return;
  }
  const bool machine = story.at(0).scope != "memcg" && story.at(0).kind == "oom_kill";
  episode.code = machine ? "host_pressure" : "repeated";
  episode.words = fmt::format("{} reports and {} kills{} in {}", episode.reports, episode.kills, in_time(story), where);
}

Episode episode_of(const Story& story) {
  const auto& first = story.at(0);
  const auto& last = story.at(story.size() - 1);
  Episode episode{
      .code = {},
      .incidents = story.members(),
      .cgroup = first.scope == "memcg" && first.cgroup ? first.cgroup->oom_memcg : std::nullopt,
      .name = name_of(first),
      .host = first.time.host,
      .first = first.time,
      .last = last.time,
      .duration_s = story.has_times() ? std::optional(std::round(story.duration() * 1e6) / 1e6) : std::nullopt,
      .reports = story.reports(),
      .kills = story.kills(),
      .kills_freed_nothing = story.kills_freed_nothing(),
      .slope = {},
      .words = {}};
  classify(story, episode);
  return episode;
}

}  // namespace

namespace {

// The incidents by story, in log order.
class Grouping {
 public:
  explicit Grouping(const std::vector<Incident>& incidents) : incidents_(incidents) {}

  void add(std::size_t index) {
    const auto key = key_of(incidents_[index]);
    auto group = story_of_headless(index);
    if (!group) {
      group = open_story(index, key);
    }
    if (!group) {
      group = groups_.size();
      groups_.emplace_back();
      open_[key] = *group;
    }
    groups_[*group].push_back(index);
    if (incidents_[index].scope == "memcg") {
      last_of_groups_ = group;
    }
  }

  [[nodiscard]] std::vector<std::vector<std::size_t>>& groups() { return groups_; }

 private:
  [[nodiscard]] const Incident& last_of(std::size_t group) const { return incidents_[groups_[group].back()]; }

  [[nodiscard]] std::optional<std::size_t> open_story(std::size_t index, const std::string& key) const {
    const auto found = open_.find(key);
    if (found == open_.end()) {
      return std::nullopt;
    }
    const auto& incident = incidents_[index];
    const auto passed = seconds_between(last_of(found->second).time, incident.time);
    const double within = incident.scope == "memcg" ? kSameStoryWithin : kMachineStoryWithin;
    return !passed || *passed <= within ? std::optional(found->second) : std::nullopt;
  }

  // A kill whose header was rate-limited away names no group: it goes on with the story that was just being told, if
  // the same program dies again.
  [[nodiscard]] std::optional<std::size_t> story_of_headless(std::size_t index) const {
    const auto& incident = incidents_[index];
    const bool headless = incident.scope == "memcg" && (!incident.cgroup || !incident.cgroup->oom_memcg);
    if (!headless || !last_of_groups_ || incident.victims.empty()) {
      return std::nullopt;
    }
    const auto& before = last_of(*last_of_groups_);
    const auto passed = seconds_between(before.time, incident.time);
    const bool same = !before.victims.empty() && before.victims.front().comm == incident.victims.front().comm &&
                      before.time.host == incident.time.host;
    return same && passed && *passed <= kSoon ? last_of_groups_ : std::nullopt;
  }

  const std::vector<Incident>& incidents_;
  std::vector<std::vector<std::size_t>> groups_;
  std::map<std::string, std::size_t> open_;    // by key: index into groups_
  std::optional<std::size_t> last_of_groups_;  // of memory cgroups
};

}  // namespace

std::vector<Episode> find_episodes(const std::vector<Incident>& incidents) {
  Grouping grouping(incidents);
  for (std::size_t i = 0; i < incidents.size(); ++i) {
    grouping.add(i);
  }
  std::vector<Episode> episodes;
  for (auto& group : grouping.groups()) {
    const auto& first = incidents[group.front()];
    if (group.size() > 1 || first.repeats > 1 || first.log.suppressed > 0) {
      episodes.push_back(episode_of(Story(incidents, std::move(group))));
    }
  }
  return episodes;
}

}  // namespace forensics
