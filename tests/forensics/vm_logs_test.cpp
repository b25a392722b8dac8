// Reports that real kernels wrote (tests/fixtures/logs/make makes them anew): each read whole, with what was provoked.
#include <algorithm>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/escape.h"
#include "base/file.h"
#include "forensics/analyze.h"
#include "forensics/json.h"
#include "forensics/renderer.h"
#include "tests/forensics/golden.h"

namespace forensics {
namespace {

const std::string kLogs = OOMLAB_SOURCE_DIR "/tests/fixtures/logs/";

Postmortem document_of(const std::string& name) {
  std::vector<Source> sources(1);
  sources[0].name = std::filesystem::path(name).filename();
  auto fd = base::open_for_reading(kLogs + name);
  EXPECT_TRUE(fd) << fd.error().message;
  sources[0].fd = fd ? std::move(*fd) : base::Fd();
  auto document = analyze(sources);
  EXPECT_TRUE(document);
  return document ? std::move(*document) : Postmortem{};
}

std::string test_name(std::string name) {
  std::ranges::replace_if(name, [](char c) { return c == '.' || c == '-' || c == '/'; }, '_');
  return name;
}

struct VmLogCase {
  const char* name;
  const char* kind;
  const char* scope;
  std::vector<std::string> victims;  // names, the selected one first
  const char* dominant;
  std::int64_t levels_above_victim = 0;
  const char* cause = nullptr;  // the first finding
};

class VmLog : public testing::TestWithParam<std::tuple<const char*, VmLogCase>> {};

// What was provoked, as one knows it without reading the log.
TEST_P(VmLog, IsReadWhole) {
  const auto& [kernel, row] = GetParam();
  const auto document = document_of(fmt::format("{}/{}.kmsg", kernel, row.name));
  ASSERT_FALSE(document.inputs.empty());
  EXPECT_EQ(document.inputs[0].carrier, "kmsg");
  const auto first = std::ranges::find(document.incidents, row.kind, &Incident::kind);
  ASSERT_NE(first, document.incidents.end());
  const auto& incident = *first;
  EXPECT_EQ(incident.scope, row.scope);
  EXPECT_TRUE(incident.complete);
  EXPECT_TRUE(incident.missing.empty());
  EXPECT_TRUE(incident.log.unrecognized.empty());
  ASSERT_TRUE(incident.kernel.release);
  EXPECT_TRUE(incident.kernel.release->starts_with(kernel)) << *incident.kernel.release;
  std::vector<std::string> victims;
  for (const auto& victim : incident.victims) {
    victims.push_back(victim.comm.value_or("?"));
  }
  EXPECT_EQ(victims, row.victims);
  ASSERT_FALSE(incident.analysis.breakdown.empty());
  EXPECT_TRUE(incident.analysis.breakdown[0].part == row.dominant ||
              (incident.analysis.dominant && incident.analysis.dominant->part == row.dominant))
      << incident.analysis.breakdown[0].part;
  EXPECT_EQ(incident.analysis.victim_explained, true);
  if (row.scope == std::string("memcg")) {
    ASSERT_TRUE(incident.analysis.limit_owner);
    EXPECT_EQ(incident.analysis.limit_owner->levels_above_victim, row.levels_above_victim);
  }
  if (row.cause != nullptr) {
    ASSERT_FALSE(incident.diagnosis.empty());
    EXPECT_EQ(incident.diagnosis[0].code, row.cause);
    EXPECT_FALSE(incident.diagnosis[0].lines.empty());
  }
}

const VmLogCase kCases[] = {
    {"memcg", "oom_kill", "memcg", {"oomlab-anon"}, "anon", 0, "anon_growth"},
    {"tmpfs", "oom_kill", "memcg", {"oomlab-tmpfs"}, "shmem", 0, "tmpfs_charged"},
    {"shm-sysv", "oom_kill", "memcg", {"python3"}, "shmem", 0, "tmpfs_orphaned"},
    {"shared-anon", "oom_kill", "memcg", {"python3"}, "shmem", 0, "tmpfs_charged"},
    {"memfd", "oom_kill", "memcg", {"python3"}, "shmem", 0, "tmpfs_charged"},
    {"locked", "oom_kill", "memcg", {"python3"}, "anon", 0, "mlocked"},
    {"file-pinned", "oom_kill", "memcg", {"python3"}, "file", 0, "page_cache_dirty_or_pinned"},
    {"ramfs", "oom_kill", "memcg", {"dd"}, "file", 0, "page_cache_dirty_or_pinned"},
    {"threads", "oom_kill", "memcg", {"python3"}, "anon", 0, "threads"},
    {"processes", "oom_kill", "memcg", {"python3"}, "anon", 0, "process_fan_out"},
    {"fork-cow", "oom_kill", "memcg", {"python3"}, "anon", 0, "anon_growth"},
    {"pipes", "oom_kill", "memcg", {"python3"}, "kernel_other", 0, "pipes"},
    {"sockets", "oom_kill", "memcg", {"python3"}, "kernel_other", 0, "sockets"},
    {"open-files", "oom_kill", "memcg", {"python3"}, "slab_unreclaimable", 0, "slab"},
    {"dentries", "oom_kill", "memcg", {"python3"}, "slab_unreclaimable", 0, "slab_inode"},
    {"page-tables", "oom_kill", "memcg", {"python3"}, "pagetables", 0, "page_tables"},
    {"swap-limit", "oom_kill", "memcg", {"python3"}, "anon", 0, "swap_full"},
    {"swap-none", "oom_kill", "memcg", {"python3"}, "anon", 0, "anon_growth"},
    {"swap-full", "oom_kill", "global", {"tail"}, "anon", 0, "host_exhausted"},
    {"nested", "oom_kill", "memcg", {"tail"}, "anon", 1, "ancestor_limit"},
    {"sibling", "oom_kill", "memcg", {"python3"}, "anon", 1, "sibling_victim"},
    {"oom-group", "oom_kill", "memcg", {"tail", "sh", "sleep", "sleep"}, "anon", 0, "oom_group"},
    {"oom-group-pod", "oom_kill", "memcg", {"python3", "sleep"}, "anon", 1, "oom_group"},
    {"score-adj", "oom_kill", "memcg", {"python3"}, "anon", 0, "oom_score_adj_steered"},
    {"memory-high", "oom_kill", "memcg", {"python3"}, "anon", 0, "anon_growth"},
    {"other-user", "oom_kill", "memcg", {"tail"}, "anon", 0, "anon_growth"},
    {"two-groups", "oom_kill", "memcg", {"tail"}, "anon", 0, "anon_growth"},
    {"shell-child", "oom_kill", "memcg", {"tail"}, "anon", 0, "anon_growth"},
    {"names", "oom_kill", "memcg", {"a),pid=1 \x1b[31m"}, "anon", 0, "anon_growth"},
    {"docker", "oom_kill", "memcg", {"tail"}, "anon", 0, "anon_growth"},
    {"kubernetes", "oom_kill", "memcg", {"tail"}, "anon", 0, "anon_growth"},
    {"path-spaces", "oom_kill", "memcg", {"tail"}, "anon", 0, "anon_growth"},
    {"path-long", "oom_kill", "memcg", {"tail"}, "anon", 0, "anon_growth"},
    {"global", "oom_kill", "global", {"tail"}, "anon", 0, "host_exhausted"},
    {"global-allocating", "oom_kill", "global", {"python3"}, "anon", 0, "host_exhausted"},
    {"global-tmpfs", "oom_kill", "global", {"tail"}, "shmem", 0, "tmpfs_orphaned"},
    {"global-hugepages", "oom_kill", "global", {"tail"}, "hugetlb", 0, "hugepages_reserved"},
    {"global-slab", "oom_kill", "global", {"python3"}, "slab_unreclaimable", 0, "slab_inode"},
    {"global-processes", "oom_kill", "global", {"python3"}, "anon", 0, "process_fan_out"},
    {"global-locked", "oom_kill", "global", {"python3"}, "unevictable", 0, "mlocked"},
    {"global-ramfs", "oom_kill", "global", {"tail"}, "unevictable", 0, "page_cache_dirty_or_pinned"},
    {"sysrq", "oom_kill", "global", {"python3"}, "free", 0, "sysrq"},
    {"dentry-links", "oom_kill", "memcg", {"python3"}, "slab_reclaimable", 0, "slab_dentry"},
    {"sockets-tcp", "oom_kill", "memcg", {"python3"}, "sock", 0, "sockets"},
    {"sockets-idle", "oom_kill", "memcg", {"python3"}, "slab_unreclaimable", 0, "sockets"},
    {"vmalloc", "oom_kill", "memcg", {"python3"}, "vmalloc", 0, "vmalloc"},
    {"percpu", "oom_kill", "memcg", {"python3"}, "percpu", 1, "percpu"},
    {"tmpfs-left", "oom_kill", "memcg", {"python3"}, "shmem", 0, "tmpfs_orphaned"},
    {"limit-small", "oom_kill", "memcg", {"python3"}, "anon", 0, "limit_far_too_small"},
    {"limit-lowered", "oom_kill", "memcg", {"python3"}, "anon", 0, "limit_lowered"},
    {"swap-thrash", "oom_kill", "memcg", {"python3"}, "anon", 0, "thrashing"},
    {"crash-loop", "oom_kill", "memcg", {"tail"}, "anon", 0, "anon_growth"},
    {"kills-free-nothing", "oom_kill", "memcg", {"tail"}, "shmem", 0, "tmpfs_orphaned"},
    {"leak-over-kills", "oom_kill", "memcg", {"tail"}, "anon", 0, "anon_growth"},
    {"global-zram", "oom_kill", "global", {"python3"}, "unaccounted", 0, "zram"},
    {"global-swap", "oom_kill", "global", {"python3"}, "anon", 0, "swap_full"},
    {"global-driver", "oom_kill", "global", {"python3"}, "unaccounted", 0, "driver_or_unaccounted"},
    {"global-movable", "oom_kill", "global", {"python3"}, "unaccounted", 0, "lowmem_zone"},
    {"global-fragments", "oom_kill", "global", {"python3"}, "unaccounted", 0, "fragmentation"},
    {"sysrq-cache", "oom_kill", "global", {"python3"}, "file", 0, "sysrq"},
    {"cpuset", "oom_kill", "cpuset", {"tail"}, "anon", 0, "numa_or_cpuset"},
    {"mempolicy", "oom_kill", "mempolicy", {"python3"}, "anon", 0, "numa_or_cpuset"},
};

INSTANTIATE_TEST_SUITE_P(Table, VmLog, testing::Combine(testing::Values("6.1", "6.12"), testing::ValuesIn(kCases)),
                         [](const auto& row) {
                           return test_name(fmt::format("{}_{}", std::get<0>(row.param), std::get<1>(row.param).name));
                         });

// A rule and a log on which it nearly fires, and must not.
struct RealNearMiss {
  const char* rule;
  const char* log;
  const char* why;
};

class RealNearMisses : public testing::TestWithParam<std::tuple<const char*, RealNearMiss>> {};

TEST_P(RealNearMisses, DoNotFire) {
  const auto& [kernel, row] = GetParam();
  auto path = fmt::format("{}/{}.kmsg", kernel, row.log);
  if (!std::filesystem::exists(kLogs + path)) {
    path = fmt::format("{}/{}.console", kernel, row.log);
  }
  const auto document = document_of(path);
  ASSERT_FALSE(document.incidents.empty());
  for (const auto& incident : document.incidents) {
    const auto found = std::ranges::find(incident.diagnosis, row.rule, &Diagnosis::code);
    EXPECT_TRUE(found == incident.diagnosis.end() || incident.kind == "allocation_failure") << row.why;
  }
}

const RealNearMiss kNearMisses[] = {
    {"allocation_failed", "global-fragments", "the same kind of request, which killed"},
    {"ancestor_limit", "oom-group", "its own limit, and several victims"},
    {"anon_growth", "tmpfs", "as large, but shared memory"},
    {"cma_only", "global-movable", "free memory that may not be used, but no CMA"},
    {"driver_or_unaccounted", "global-slab", "as much kernel memory, which is counted"},
    {"fragmentation", "global-movable", "pieces are large enough where they may not be taken"},
    {"host_exhausted", "sysrq-cache", "a machine-wide kill of which somebody asked"},
    {"host_exhausted", "cpuset", "full nodes, while others are free"},
    {"hugepages_reserved", "global-locked", "as much that nobody can take, and no huge pages"},
    {"kernel_memory", "open-files", "kernel memory, of which slab is counted"},
    {"limit_far_too_small", "swap-thrash", "as many refaults, from swap"},
    {"limit_lowered", "memory-high", "limits of two kinds, and a fault"},
    {"limit_reached", "memcg", "the counters are there"},
    {"lowmem_zone", "global", "zones that are all full"},
    {"mlocked", "memcg", "as large, and not locked"},
    {"mlocked", "global-ramfs", "as much that is unevictable, and nobody has locked it"},
    {"numa_or_cpuset", "global", "one node, all of it allowed"},
    {"oom_group", "two-groups", "two kills at once, of two groups"},
    {"oom_score_adj_steered", "sibling", "the larger one died, without adjustments"},
    {"page_cache_dirty_or_pinned", "sysrq-cache", "as much page cache, clean and free to go"},
    {"page_cache_dirty_or_pinned", "global-locked", "as much that is unevictable, locked by a process"},
    {"page_cache_harmless", "file-pinned", "as much page cache, locked"},
    {"page_tables", "processes", "page tables of many processes, as large as they should be"},
    {"panic_on_oom", "no-victim", "nobody killed, and no panic"},
    {"percpu", "vmalloc", "kernel memory of another kind"},
    {"pipes", "sockets", "buffers that nobody reads, of sockets"},
    {"process_fan_out", "fork-cow", "five processes"},
    {"process_fan_out", "shared-anon", "nine processes, which share what they hold"},
    {"sibling_victim", "nested", "an ancestor's limit, and the victim asked itself"},
    {"slab", "pipes", "kernel memory, which is not slab"},
    {"slab_dentry", "open-files", "slab, of open files"},
    {"slab_inode", "sockets-idle", "slab with inodes, of sockets"},
    {"sockets", "pipes", "buffers that nobody reads, of pipes"},
    {"swap_absent", "swap-limit", "swap was allowed"},
    {"swap_full", "global-zram", "zram"},
    {"sysrq", "global-allocating", "a victim that the score did not choose"},
    {"thrashing", "swap-limit", "swap filled once"},
    {"threads", "processes", "as many kernel stacks, one for each process"},
    {"tmpfs_charged", "shm-sysv", "shared memory whose maker is gone"},
    {"tmpfs_orphaned", "memfd", "shared memory that is not mapped, but being written"},
    {"unkillable", "panic-no-process", "nobody to kill, and a panic"},
    {"user_space_killer", "memcg", "the kernel's kill"},
    {"vmalloc", "percpu", "kernel memory of another kind"},
    {"zram", "global-driver", "as much in no counter, without swap"},
    {"zram", "global-swap", "swap is full, of pages that take no room"},
};

INSTANTIATE_TEST_SUITE_P(Table, RealNearMisses,
                         testing::Combine(testing::Values("6.1", "6.12"), testing::ValuesIn(kNearMisses)),
                         [](const auto& row) {
                           const auto& miss = std::get<1>(row.param);
                           return test_name(fmt::format("{}_{}_{}", std::get<0>(row.param), miss.rule, miss.log));
                         });

struct StoryCase {
  const char* log;
  const char* code;
  std::uint64_t kills, freed_nothing;
  const char* slope_of = nullptr;
};

class VmStory : public testing::TestWithParam<std::tuple<const char*, StoryCase>> {};

TEST_P(VmStory, IsOneEpisode) {
  const auto& [kernel, row] = GetParam();
  const auto document = document_of(fmt::format("{}/{}.kmsg", kernel, row.log));
  ASSERT_EQ(document.episodes.size(), 1U);
  const auto& episode = document.episodes[0];
  EXPECT_EQ(episode.code, row.code) << episode.words;
  EXPECT_EQ(episode.incidents.size(), document.incidents.size());
  EXPECT_EQ(episode.kills, row.kills);
  EXPECT_EQ(episode.kills_freed_nothing, row.freed_nothing);
  EXPECT_EQ(episode.slope ? episode.slope->of : "", row.slope_of == nullptr ? "" : row.slope_of);
  ASSERT_TRUE(episode.duration_s);
  EXPECT_GT(*episode.duration_s, 0);
}

INSTANTIATE_TEST_SUITE_P(Table, VmStory,
                         testing::Combine(testing::Values("6.1", "6.12"),
                                          testing::Values(StoryCase{"crash-loop", "crash_loop", 4, 0, "usage"},
                                                          StoryCase{"kills-free-nothing", "kills_freed_nothing", 4, 3},
                                                          StoryCase{"leak-over-kills", "leak_over_kills", 4, 0,
                                                                    "shmem"},
                                                          StoryCase{"suppressed", "storm", 17, 0})),
                         [](const auto& row) {
                           return test_name(fmt::format("{}_{}", std::get<0>(row.param), std::get<1>(row.param).log));
                         });

std::vector<std::string> all_logs() {
  std::vector<std::string> names;
  for (const char* kernel : {"6.1", "6.12"}) {
    for (const auto& entry : std::filesystem::directory_iterator(kLogs + kernel)) {
      names.push_back(fmt::format("{}/{}", kernel, entry.path().filename().native()));
    }
  }
  std::ranges::sort(names);
  return names;
}

class EveryVmLog : public testing::TestWithParam<std::string> {};

TEST_P(EveryVmLog, DocumentIsAsBefore) {
  const auto json = to_json(document_of(GetParam()));
  const auto name = GetParam().substr(0, GetParam().rfind('.')) + ".json";
  EXPECT_EQ(json, golden("logs/" + name, json));
}

// The pids after "Killed process ", found without the parser.
TEST_P(EveryVmLog, VictimsAreThoseThatTheKernelNames) {
  const auto text = base::read_all(kLogs + GetParam());
  ASSERT_TRUE(text);
  constexpr std::string_view kKilled = "Killed process ";
  std::set<std::int64_t> named, found;
  for (auto at = text->find(kKilled); at != std::string::npos; at = text->find(kKilled, at + 1)) {
    named.insert(std::stoll(text->substr(at + kKilled.size(), 10)));
  }
  const auto document = document_of(GetParam());
  for (const auto& incident : document.incidents) {
    for (const auto& victim : incident.victims) {
      EXPECT_TRUE(found.insert(victim.pid).second) << "twice: " << victim.pid;
    }
  }
  EXPECT_EQ(found, named);
}

// No byte of a log reaches a terminal or a JSON reader unescaped.
TEST_P(EveryVmLog, RendersSafely) {
  const auto document = document_of(GetParam());
  for (const auto& renderer : all_renderers()) {
    const auto text = renderer->render(document, {});
    EXPECT_EQ(base::to_valid_utf8(text), text);
    EXPECT_TRUE(std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < ' ' && c != '\n'; }));
  }
}

INSTANTIATE_TEST_SUITE_P(Files, EveryVmLog, testing::ValuesIn(all_logs()),
                         [](const auto& row) { return test_name(row.param); });

TEST(VmLogNames, SurviveAsTheyAre) {
  for (const char* kernel : {"6.1", "6.12"}) {
    const auto document = document_of(fmt::format("{}/names-each.kmsg", kernel));
    std::vector<std::string> names;
    for (const auto& incident : document.incidents) {
      ASSERT_EQ(incident.victims.size(), 1U);
      EXPECT_EQ(incident.tasks.at(0).comm, incident.victims[0].comm);
      EXPECT_EQ(incident.trigger.comm, incident.victims[0].comm);
      names.push_back(incident.victims[0].comm.value_or("?"));
    }
    EXPECT_EQ(names, (std::vector<std::string>{"a)", "a,pid=1,uid=0", "  a  b  ", "a\nMem-Info:", "\x1b[31mred",
                                               "a\xff\xfe\xc3(", "</script><b>", "a\\x0ab%s%n\"", "(a) (b)", ")"}));
  }
}

// A storm that filled the ring buffer: its first report has lost its head, its last its tail, and none has a victim.
TEST(VmLogStorm, HasNoVictimAndSaysWhatIsMissing) {
  for (const char* kernel : {"6.1", "6.12"}) {
    std::vector<Source> sources(1);
    auto bytes = base::read_all(fmt::format("{}/tests/fixtures/logs/{}/no-victim.kmsg", OOMLAB_SOURCE_DIR, kernel));
    ASSERT_TRUE(bytes);
    sources[0].bytes = std::move(*bytes);
    const auto document = analyze(sources);
    ASSERT_TRUE(document);
    ASSERT_GE(document->incidents.size(), 2U);
    EXPECT_EQ(document->incidents[0].missing.front(), "trigger");
    EXPECT_EQ(document->incidents[1].kind, "no_victim");
    EXPECT_TRUE(document->incidents[1].complete);
    EXPECT_GT(document->incidents[1].repeats, 1U);
    for (const auto& incident : document->incidents) {
      EXPECT_TRUE(incident.victims.empty());
    }
  }
}

}  // namespace
}  // namespace forensics
