#include <algorithm>
#include <functional>
#include <map>

#include <gtest/gtest.h>

#include "forensics/analysis.h"
#include "forensics/evidence.h"
#include "forensics/rule.h"

namespace forensics {
namespace {

constexpr std::uint64_t kMib = 1 << 20;

std::optional<Diagnosis> finding_of(std::string_view name, Example example) {
  const auto table = all_rules();
  const auto* rule = base::find_descriptor(table, name);
  if (rule == nullptr) {
    ADD_FAILURE() << "no rule " << name;
    return std::nullopt;
  }
  const auto* run = example.run ? &*example.run : nullptr;
  explain(example.incident, run);
  return (*rule)->apply(example.incident, run);
}

std::string row_name(std::string name) {
  std::ranges::replace(name, '-', '_');
  return name;
}

class EveryRule : public testing::TestWithParam<base::Descriptor<Rule>> {};

TEST_P(EveryRule, FiresOnItsExample) {
  auto example = GetParam()->example();
  const auto found = finding_of(GetParam().name, example);
  ASSERT_TRUE(found);
  EXPECT_EQ(found->code, row_name(std::string(GetParam().name)));
  EXPECT_FALSE(found->title.empty());
  EXPECT_GT(found->confidence, 0);
  EXPECT_LE(found->confidence, 1);
  EXPECT_FALSE(found->evidence.empty());
  EXPECT_FALSE(found->advice.empty());
  for (const auto& sentence : found->advice) {
    EXPECT_EQ(sentence.back(), '.') << sentence;
  }
  EXPECT_FALSE(GetParam()->summary.empty());
}

TEST_P(EveryRule, SurvivesNothing) {
  (void)GetParam()->apply(Incident{}, nullptr);
}

INSTANTIATE_TEST_SUITE_P(Table, EveryRule, testing::ValuesIn(all_rules().begin(), all_rules().end()),
                         [](const auto& row) { return row_name(std::string(row.param.name)); });

// The example of a rule, changed until its condition just does not hold.
struct NearMiss {
  const char* rule;
  const char* why;
  void (*change)(Example& example);
};

class NearMisses : public testing::TestWithParam<NearMiss> {};

TEST_P(NearMisses, DoNotFire) {
  const auto table = all_rules();
  const auto* rule = base::find_descriptor(table, GetParam().rule);
  ASSERT_NE(rule, nullptr);
  auto example = (*rule)->example();
  GetParam().change(example);
  const auto found = finding_of(GetParam().rule, example);
  EXPECT_FALSE(found) << GetParam().why << ": " << found->title;
}

INSTANTIATE_TEST_SUITE_P(
    Table, NearMisses,
    testing::Values(
        NearMiss{"allocation-failed", "a kill", [](Example& e) { e.incident.kind = "oom_kill"; }},
        NearMiss{"ancestor-limit", "its own limit",
                 [](Example& e) { e.incident.cgroup->oom_memcg = e.incident.cgroup->task_memcg; }},
        NearMiss{"anon-growth", "just under half",
                 [](Example& e) { e.incident.cgroup->stat = {{"anon", 31 * kMib}, {"file", 30 * kMib}}; }},
        NearMiss{"cma-only", "the request may use CMA",
                 [](Example& e) { e.incident.trigger.gfp_mask->flags.emplace_back("__GFP_MOVABLE"); }},
        NearMiss{"driver-or-unaccounted", "a fifth",
                 [](Example& e) { e.incident.memory_info->counters = {{"active_anon", 205000}, {"free", 8000}}; }},
        NearMiss{"fragmentation", "one piece is large enough",
                 [](Example& e) { e.incident.memory_info->zones[0].buddy[3].free = 1; }},
        NearMiss{"host-exhausted", "asked for by SysRq-f", [](Example& e) { e.incident.manual = true; }},
        NearMiss{"hugepages-reserved", "a few", [](Example& e) { e.incident.memory_info->hugepages[0].total = 100; }},
        NearMiss{"kernel-memory", "most of it is slab",
                 [](Example& e) {
                   e.incident.cgroup->stat = {
                       {"anon", 6 * kMib}, {"kernel", 56 * kMib}, {"slab_unreclaimable", 50 * kMib}};
                 }},
        NearMiss{"leak", "flat", [](Example& e) { e.run = run_example(std::vector<std::uint64_t>(32, 60 * kMib), 4); }},
        NearMiss{"limit-far-too-small", "few refaults in a larger limit",
                 [](Example& e) {
                   e.incident.cgroup->memory->limit_bytes = 64 * kMib;
                   e.incident.cgroup->stat = {{"anon", 60 * kMib}, {"workingset_refault_file", 1000}};
                 }},
        NearMiss{"limit-lowered", "a fault", [](Example& e) { e.incident.call_trace = {"do_anonymous_page"}; }},
        NearMiss{"limit-reached", "the counters are there",
                 [](Example& e) { e.incident.cgroup->stat = {{"anon", 60 * kMib}}; }},
        NearMiss{"lowmem-zone", "the other zone is full, too",
                 [](Example& e) {
                   e.incident.memory_info->zones[1].counters[0].second = 4 * kMib;
                   e.incident.memory_info->counters[1].second = 12 * kMib / 4096;
                 }},
        NearMiss{"mlocked", "a quarter", [](Example& e) { e.incident.cgroup->stat.back().second = 15 * kMib; }},
        NearMiss{"numa-or-cpuset", "no constraint", [](Example& e) { e.incident.scope = "global"; }},
        NearMiss{"oom-group", "two kills that are no group",
                 [](Example& e) { e.incident.victims.back().role = "selected"; }},
        NearMiss{"oom-score-adj-steered", "the victim is the larger one",
                 [](Example& e) { e.incident.tasks.back().rss_bytes = 63 * kMib; }},
        NearMiss{"page-cache-dirty-or-pinned", "the same cache, clean",
                 [](Example& e) { e.incident.cgroup->stat = {{"anon", 4 * kMib}, {"file", 56 * kMib}}; }},
        NearMiss{"page-cache-harmless", "hardly any",
                 [](Example& e) { e.incident.cgroup->stat = {{"anon", 50 * kMib}, {"file", 9 * kMib}}; }},
        NearMiss{"page-tables", "a twentieth",
                 [](Example& e) { e.incident.cgroup->stat = {{"anon", 40 * kMib}, {"pagetables", 3 * kMib}}; }},
        NearMiss{"panic-on-oom", "a kill", [](Example& e) { e.incident.kind = "oom_kill"; }},
        NearMiss{"percpu", "a tenth",
                 [](Example& e) { e.incident.cgroup->stat = {{"anon", 50 * kMib}, {"percpu", 6 * kMib}}; }},
        NearMiss{"pipes", "the same memory, asked for by a fault",
                 [](Example& e) { e.incident.call_trace = {"do_anonymous_page"}; }},
        NearMiss{"process-fan-out", "one of them holds a third",
                 [](Example& e) { e.incident.tasks.front().rss_bytes = 30 * kMib; }},
        NearMiss{"sibling-victim", "the victim asked itself", [](Example& e) { e.incident.trigger.pid = 100; }},
        NearMiss{
            "slab", "a fifth",
            [](Example& e) { e.incident.cgroup->stat = {{"anon", 40 * kMib}, {"slab_unreclaimable", 12 * kMib}}; }},
        NearMiss{"slab-dentry", "most of it cannot be reclaimed",
                 [](Example& e) {
                   e.incident.cgroup->stat = {{"slab_reclaimable", 20 * kMib}, {"slab_unreclaimable", 30 * kMib}};
                   e.incident.cgroup->stat.insert(e.incident.cgroup->stat.begin(), {"anon", 6 * kMib});
                 }},
        NearMiss{"slab-inode", "inodes of sockets",
                 [](Example& e) { e.incident.call_trace = {"sock_alloc_inode", "alloc_inode", "sock_alloc"}; }},
        NearMiss{"sockets", "a tenth",
                 [](Example& e) { e.incident.cgroup->stat = {{"anon", 50 * kMib}, {"sock", 6 * kMib}}; }},
        NearMiss{"spike", "a third of it in the last tenth",
                 [](Example& e) {
                   std::vector<std::uint64_t> memory(31, 44 * kMib);
                   memory.push_back(64 * kMib);
                   e.run = run_example(memory, 2);
                 }},
        NearMiss{"staircase", "one step",
                 [](Example& e) {
                   std::vector<std::uint64_t> memory(24, 4 * kMib);
                   memory.resize(48, 64 * kMib);
                   e.run = run_example(memory, 4);
                 }},
        NearMiss{"swap-absent", "swap is allowed",
                 [](Example& e) {
                   e.incident.cgroup->swap =
                       Usage{.usage_bytes = 0, .limit_bytes = kMib, .unlimited = false, .failcnt = 0};
                 }},
        NearMiss{"swap-full", "a tenth is free", [](Example& e) { e.incident.cgroup->swap->usage_bytes = 28 * kMib; }},
        NearMiss{"sysrq", "nobody asked", [](Example& e) { e.incident.manual = false; }},
        NearMiss{"thrashing", "refaults of less than a quarter of the limit's worth",
                 [](Example& e) { e.incident.cgroup->stat.back().second = 4095; }},
        NearMiss{"threads", "as many stacks, one to a process",
                 [](Example& e) { e.incident.tasks.resize(1000, e.incident.tasks.front()); }},
        NearMiss{"tmpfs-charged", "just under a quarter",
                 [](Example& e) {
                   e.incident.cgroup->stat = {{"anon", 40 * kMib}, {"file", 16 * kMib}, {"shmem", 15 * kMib}};
                 }},
        NearMiss{"tmpfs-orphaned", "a process has it mapped",
                 [](Example& e) { e.incident.tasks.front().rss_shmem_bytes = 50 * kMib; }},
        NearMiss{"unkillable", "somebody was killed", [](Example& e) { e.incident.kind = "oom_kill"; }},
        NearMiss{"user-space-killer", "the kernel's kill", [](Example& e) { e.incident.kind = "oom_kill"; }},
        NearMiss{"vmalloc", "a tenth",
                 [](Example& e) { e.incident.cgroup->stat = {{"anon", 50 * kMib}, {"vmalloc", 6 * kMib}}; }},
        NearMiss{"zram", "swap on a disk: everything is counted",
                 [](Example& e) {
                   e.incident.memory_info->zones[0].counters.pop_back();
                   e.incident.memory_info->counters = {{"active_anon", 230000}, {"free", 8000}};
                 }}),
    [](const auto& row) { return row_name(row.param.rule); });

TEST(NearMissTable, CoversEveryRule) {
  std::size_t rows = 0;
  for (const auto& test : {testing::UnitTest::GetInstance()}) {
    for (int i = 0; i < test->total_test_suite_count(); ++i) {
      if (std::string_view(test->GetTestSuite(i)->name()) == "Table/NearMisses") {
        rows = static_cast<std::size_t>(test->GetTestSuite(i)->total_test_count());
      }
    }
  }
  EXPECT_EQ(rows, all_rules().size());
}

TEST(RuleTable, OutranksOnlyWhatThereIsAndNeverInACircle) {
  const auto table = all_rules();
  std::map<std::string, std::vector<std::string>> below;
  for (const auto& rule : table) {
    for (const auto outranked : rule->outranks) {
      std::string name(outranked);
      std::ranges::replace(name, '_', '-');
      EXPECT_NE(base::find_descriptor(table, name), nullptr) << rule.name << " outranks " << outranked;
      below[std::string(rule.name)].push_back(name);
    }
  }
  std::map<std::string, int> depth;  // 1: on the way, 2: done
  const std::function<void(const std::string&)> visit = [&](const std::string& name) {
    depth[name] = 1;
    for (const auto& next : below[name]) {
      EXPECT_NE(depth[next], 1) << name << " and " << next << " outrank each other";
      if (depth[next] == 0) {
        visit(next);
      }
    }
    depth[name] = 2;
  };
  for (const auto& rule : table) {
    if (depth[std::string(rule.name)] == 0) {
      visit(std::string(rule.name));
    }
  }
}

TEST(Findings, StandByConfidence) {
  auto example = memcg_example({{"anon", 60 * kMib}, {"file", 0}});
  example.cgroup->oom_memcg = "/system.slice";
  explain(example);
  ASSERT_GE(example.diagnosis.size(), 2U);
  EXPECT_EQ(example.diagnosis[0].code, "ancestor_limit");
  EXPECT_TRUE(std::ranges::is_sorted(example.diagnosis, std::greater{}, &Diagnosis::confidence));
}

// A program that grows without end throws out its own files, too; only where nothing would have fit are they the cause.
TEST(Findings, FilesReadAgainAreTheCauseInATinyGroupOnly) {
  for (const auto& [limit, first] : {std::pair{6 * kMib, "limit_far_too_small"}, std::pair{64 * kMib, "anon_growth"}}) {
    auto example =
        memcg_example({{"anon", limit * 49 / 50}, {"file", 0}, {"workingset_refault_file", 30 * limit / 4096}});
    example.cgroup->memory->limit_bytes = example.cgroup->memory->usage_bytes = limit;
    explain(example);
    ASSERT_GE(example.diagnosis.size(), 2U);
    EXPECT_EQ(example.diagnosis[0].code, first) << limit;
    EXPECT_NE(std::ranges::find(example.diagnosis, "limit_far_too_small", &Diagnosis::code), example.diagnosis.end());
  }
}

// What the failed allocation was for decides which kernel objects a slab of this composition is.
struct SlabCase {
  const char* name;
  cgroup::Counters stat;
  std::vector<std::string> trace;
  const char* first;
};

class SlabCases : public testing::TestWithParam<SlabCase> {};

TEST_P(SlabCases, AreToldApartByTheCallTrace) {
  auto example = memcg_example(GetParam().stat);
  example.call_trace = GetParam().trace;
  explain(example);
  ASSERT_FALSE(example.diagnosis.empty());
  EXPECT_EQ(example.diagnosis[0].code, GetParam().first);
}

const cgroup::Counters kNamesAndObjects = {
    {"anon", 4 * kMib}, {"file", 0}, {"slab_reclaimable", 20 * kMib}, {"slab_unreclaimable", 38 * kMib}};
const cgroup::Counters kObjects = {
    {"anon", 4 * kMib}, {"file", 0}, {"slab_reclaimable", 0}, {"slab_unreclaimable", 58 * kMib}};

INSTANTIATE_TEST_SUITE_P(
    Table, SlabCases,
    testing::Values(
        SlabCase{"files",
                 kNamesAndObjects,
                 {"kmem_cache_alloc", "shmem_alloc_inode", "alloc_inode", "do_mknodat"},
                 "slab_inode"},
        SlabCase{"names_of_files", kNamesAndObjects, {"kmem_cache_alloc_lru", "__d_alloc", "d_alloc"}, "slab_inode"},
        SlabCase{"event_descriptors",
                 kNamesAndObjects,
                 {"kmem_cache_alloc", "alloc_empty_file", "__anon_inode_getfile", "do_eventfd"},
                 "slab"},
        SlabCase{"sockets_in_the_making", kObjects, {"kmem_cache_alloc", "sk_prot_alloc", "__sock_create"}, "sockets"},
        SlabCase{"messages_among_other_objects",
                 kObjects,
                 {"kmalloc_reserve", "__alloc_skb", "unix_dgram_sendmsg"},
                 "slab"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace forensics
