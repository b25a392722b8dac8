// Memory in the breakdown that no listed task holds.
#include <algorithm>

#include <fmt/format.h>

#include "base/bytes.h"
#include "forensics/composition.h"

namespace forensics {
namespace {

constexpr std::uint64_t kNoise = std::uint64_t{2} << 20;  // per-task counters are batched, too

std::uint64_t minus(std::uint64_t a, std::uint64_t b) {
  return a > b ? a - b : 0;
}

std::uint64_t bytes_of(const Incident& incident, std::string_view part) {
  const auto* found = find_part(incident.analysis.breakdown, part);
  return found == nullptr ? 0 : found->bytes;
}

// What all listed tasks hold together. The table splits rss since 6.8; before, file and shared pages are in it, too,
// and what is more than the anonymous memory there is at least that.
struct Listed {
  std::uint64_t anon = 0, shmem = 0;
};

Listed listed_memory(const Incident& incident, std::uint64_t anon) {
  std::uint64_t rss = 0;
  Listed listed;
  bool split = false;
  for (const auto& task : incident.tasks) {
    rss += task.rss_bytes.value_or(0);
    listed.anon += task.rss_anon_bytes.value_or(0);
    listed.shmem += task.rss_shmem_bytes.value_or(0);
    split = split || task.rss_anon_bytes;
  }
  return split ? listed : Listed{.anon = rss, .shmem = minus(rss, anon)};
}

std::string words_of(std::uint64_t anon, std::uint64_t shmem) {
  std::string words;
  if (shmem > 0) {
    words = fmt::format(
        "{} of shared memory is in no listed process: files in tmpfs, memfd or System V segments that nobody has "
        "mapped, "
        "or whose writer is gone",
        base::human_size(shmem));
  }
  if (anon > 0) {
    words += fmt::format(
        "{}{} of anonymous memory is in no listed process: of processes that were exiting, or that have left the group",
        words.empty() ? "" : "; ", base::human_size(anon));
  }
  return words;
}

}  // namespace

std::optional<Unlisted> unlisted_memory(const Incident& incident) {
  if (incident.tasks.empty() || incident.analysis.breakdown.empty()) {
    return std::nullopt;
  }
  std::uint64_t whole = 0;
  for (const auto& part : incident.analysis.breakdown) {
    whole += part.bytes;
  }
  const auto anon = bytes_of(incident, "anon") + bytes_of(incident, "unevictable");
  const auto listed = listed_memory(incident, anon);
  const auto threshold = std::max(kNoise, whole / 20);
  const auto beyond = [&](std::uint64_t all, std::uint64_t held) {
    const auto rest = minus(all, held);
    return rest >= threshold ? rest : 0;
  };
  Unlisted found{.anon_bytes = beyond(bytes_of(incident, "anon"), listed.anon),
                 .shmem_bytes = beyond(bytes_of(incident, "shmem"), listed.shmem)};
  if (*found.anon_bytes == 0 && *found.shmem_bytes == 0) {
    return std::nullopt;
  }
  found.words = words_of(*found.anon_bytes, *found.shmem_bytes);
  return found;
}

}  // namespace forensics
