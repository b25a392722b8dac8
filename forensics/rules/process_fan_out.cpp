#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics::rules {
namespace {

using base::human_size;

constexpr std::string_view kOutranks[] = {"anon_growth",    "kernel_memory", "slab",          "slab_dentry",
                                          "slab_inode",     "page_tables",   "threads",       "host_exhausted",
                                          "sibling_victim", "swap_absent",   "leak",          "spike",
                                          "staircase",      "swap_full",     "ancestor_limit"};

constexpr std::size_t kMany = 10;
constexpr double kMostOfIt = 0.5, kLargest = 0.3;

// The processes of the name that holds most together.
struct Family {
  std::string_view name;
  std::size_t count = 0;
  std::uint64_t held = 0, largest = 0;
};

Family largest_family(const Incident& incident) {
  std::unordered_map<std::string_view, Family> families;
  for (const auto& task : incident.tasks) {
    auto& family = families[task.comm];
    family.name = task.comm;
    ++family.count;
    family.held += held_bytes(task);
    family.largest = std::max(family.largest, held_bytes(task));
  }
  Family best;
  for (const auto& [name, family] : families) {
    if (family.count > best.count || (family.count == best.count && name < best.name)) {
      best = family;
    }
  }
  return best;
}

// What comes with every process: its own memory, and what the kernel keeps for it.
double per_process_share(const Incident& incident) {
  std::uint64_t bytes = 0;
  for (const auto* part : {"anon", "swapcache", "pagetables", "kernel_stack", "slab_unreclaimable", "kernel_other"}) {
    bytes += part_bytes(incident, part);
  }
  return share_of_whole(incident, bytes);
}

std::optional<Diagnosis> apply(const Incident& incident, const Run* /*run*/) {
  const auto family = largest_family(incident);
  std::uint64_t all = 0;
  for (const auto& task : incident.tasks) {
    all += held_bytes(task);
  }
  const auto ratio = [](std::uint64_t a, std::uint64_t b) {
    return b == 0 ? 0 : static_cast<double>(a) / static_cast<double>(b);
  };
  if (incident.manual || family.count < kMany || ratio(family.held, all) < kMostOfIt ||
      ratio(family.largest, family.held) > kLargest || per_process_share(incident) < kMostOfIt) {
    return std::nullopt;
  }
  const auto each = whole_bytes(incident) / family.count;
  Diagnosis found{.code = "process_fan_out",
                  .title = "Many processes together filled it; none of them is large",
                  .confidence = 0.955};
  found.evidence.push_back(
      fmt::format("{} processes are called {}; the largest holds {}, about {} each with what the kernel "
                  "keeps for it",
                  family.count, family.name, human_size(family.largest), human_size(each)));
  found.evidence.emplace_back("the one that was killed is no more the cause than any other of them");
  quote_kills(found, incident);
  quote_usage(found, incident);
  quote_counters(found, incident, {"anon", "kernel_stack", "pagetables"});
  const auto room = whole_bytes(incident) - std::min(whole_bytes(incident), part_bytes(incident, "free"));
  found.advice.push_back(
      fmt::format("Cap their number (worker count of the server, -j of the build, pids.max, --pids-limit): {} / {} "
                  "each = {} fit, less "
                  "some reserve.",
                  human_size(room), human_size(each), each == 0 ? 0 : room / each));
  found.advice.emplace_back(
      "If nobody meant to start that many, look for a fork loop: pids.max ends it without a kill.");
  found.will_not_help.emplace_back("A heap profile of the killed process, or a lower limit for each of them.");
  return found;
}

Example example() {
  auto incident = memcg_example({{"anon", 56 << 20}, {"file", 0}, {"kernel", 6 << 20}});
  const auto first = incident.tasks.front();
  incident.tasks.clear();
  for (std::int64_t i = 0; i < 20; ++i) {
    incident.tasks.push_back(first);
    auto& task = incident.tasks.back();
    task.pid = 100 + i;
    task.tgid = task.pid;
    task.rss_bytes = 3 << 20;
    task.rss_anon_bytes = 2800 << 10;
    task.comm = "worker";
  }
  return {.incident = std::move(incident), .run = {}};
}

}  // namespace

constinit extern const Rule process_fan_out{
    .summary = "many processes together filled it",
    .apply = apply,
    .example = example,
    .outranks = kOutranks,
};

}  // namespace forensics::rules
