#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "forensics/allocation_path.h"
#include "forensics/analysis.h"
#include "forensics/badness.h"
#include "forensics/composition.h"
#include "forensics/evidence.h"
#include "forensics/owner.h"
#include "tests/forensics/examples.h"

namespace forensics {
namespace {

constexpr std::uint64_t kKib = 1024, kMib = 1 << 20, kPage = 4096;
const std::string kId = "ad6c46b550523f9a7b6d6796621f9e7ccaa3eaf87a044eaa6c9d21f0a52ce21f";
const std::string kUid = "bc001ffa-68fc-11e9-92d7-5ef9efd9374c";

struct OwnerCase {
  const char* name;
  std::string path;
  std::string name_for_people;
  std::string layers;  // runtime/container or unit or job, outside in
};

std::string summary(const Owner& owner) {
  std::string text = owner.runtime.value_or("?");
  for (const auto& detail : {owner.container_id, owner.pod_uid, owner.qos, owner.unit, owner.job}) {
    text += detail ? ":" + *detail : "";
  }
  return text;
}

class OwnerOf : public testing::TestWithParam<OwnerCase> {};

TEST_P(OwnerOf, NamesWhatPeopleCallIt) {
  std::string layers;
  for (const auto& layer : owner_layers(GetParam().path)) {
    layers += (layers.empty() ? "" : " | ") + summary(layer);
  }
  EXPECT_EQ(layers, GetParam().layers);
  EXPECT_EQ(cgroup_name(GetParam().path), GetParam().name_for_people);
}

INSTANTIATE_TEST_SUITE_P(
    Table, OwnerOf,
    testing::Values(
        OwnerCase{"docker", "/docker/" + kId, "docker container ad6c46b55052", "docker:" + kId},
        OwnerCase{"docker_systemd", "/system.slice/docker-" + kId + ".scope", "docker container ad6c46b55052",
                  "systemd:system.slice | docker:" + kId},
        OwnerCase{"podman", "/machine.slice/libpod-" + kId + ".scope/container", "podman container ad6c46b55052",
                  "systemd:machine.slice | podman:" + kId},
        OwnerCase{"containerd_systemd",
                  "/kubepods.slice/kubepods-burstable.slice/"
                  "kubepods-burstable-podbc001ffa_68fc_11e9_92d7_5ef9efd9374c.slice/cri-containerd-" +
                      kId + ".scope",
                  "containerd container ad6c46b55052 of pod " + kUid,
                  "kubernetes:Guaranteed | kubernetes:Burstable | kubernetes:" + kUid +
                      ":Burstable | containerd:" + kId + ":" + kUid + ":Burstable"},
        OwnerCase{"containerd_mismatched",
                  "/system.slice/containerd.service/"
                  "kubepods-besteffort-podbc001ffa_68fc_11e9_92d7_5ef9efd9374c.slice:cri-containerd:" +
                      kId,
                  "containerd container ad6c46b55052 of pod " + kUid,
                  "systemd:system.slice | systemd:containerd.service | containerd:" + kId + ":" + kUid + ":BestEffort"},
        OwnerCase{"crio", "/kubepods.slice/kubepods-pod12_34.slice/crio-" + kId + ".scope",
                  "cri-o container ad6c46b55052 of pod 12-34",
                  "kubernetes:Guaranteed | kubernetes:12-34:Guaranteed | cri-o:" + kId + ":12-34:Guaranteed"},
        OwnerCase{"kubelet_cgroupfs", "/kubepods/burstable/pod" + kUid + "/" + kId,
                  "kubernetes container ad6c46b55052 of pod " + kUid,
                  "kubernetes:Guaranteed | kubernetes:Burstable | kubernetes:" + kUid +
                      ":Burstable | kubernetes:" + kId + ":" + kUid + ":Burstable"},
        OwnerCase{"pod", "/kubepods/besteffort/pod" + kUid, "pod " + kUid + " (BestEffort)",
                  "kubernetes:Guaranteed | kubernetes:BestEffort | kubernetes:" + kUid + ":BestEffort"},
        OwnerCase{"all_pods", "/kubepods.slice", "all pods of the node", "kubernetes:Guaranteed"},
        OwnerCase{"service", "/system.slice/foo\\x2dbar.service", "service foo-bar.service",
                  "systemd:system.slice | systemd:foo-bar.service"},
        OwnerCase{"session", "/user.slice/user-1000.slice/session-3.scope", "login session 3 of user 1000",
                  "systemd:user.slice | systemd:user-1000.slice | systemd:session-3.scope"},
        OwnerCase{"user", "/user.slice/user-1000.slice", "user 1000 (user-1000.slice)",
                  "systemd:user.slice | systemd:user-1000.slice"},
        OwnerCase{"docker_in_lxc", "/lxc.payload.101/system.slice/docker-" + kId + ".scope",
                  "docker container ad6c46b55052", "lxc:101 | lxc:101:system.slice | docker:" + kId},
        OwnerCase{"proxmox", "/lxc/39004/ns", "lxc container 39004", "lxc:39004"},
        OwnerCase{"nspawn", "/machine.slice/machine-web.scope", "systemd-nspawn container web",
                  "systemd:machine.slice | systemd-nspawn:web:machine-web.scope"},
        OwnerCase{"libvirt", "/machine.slice/machine-qemu\\x2d7\\x2dvm\\x2da.scope/libvirt/emulator",
                  "libvirt virtual machine vm-a", "systemd:machine.slice | libvirt:vm-a:machine-qemu-7-vm-a.scope"},
        OwnerCase{"slurm_v1", "/slurm/uid_1000/job_123/step_0/task_1", "slurm job 123.0 task 1",
                  "slurm | slurm | slurm:123 | slurm:123.0 | slurm:123.0 task 1"},
        OwnerCase{"slurm_v2", "/system.slice/slurmstepd.scope/job_77/step_batch/user", "slurm job 77.batch",
                  "systemd:system.slice | slurm | slurm:77 | slurm:77.batch"},
        OwnerCase{"htcondor", "/htcondor/condor_var_lib_condor_execute_slot1_1@node", "htcondor job slot1_1@node",
                  "htcondor:slot1_1@node"},
        OwnerCase{"yarn", "/hadoop-yarn/container_e05_1500000000_0001_01_000002",
                  "yarn container container_e05_1500000000_0001_01_000002",
                  "yarn:container_e05_1500000000_0001_01_000002:application_1500000000_0001"},
        OwnerCase{"nomad", "/nomad.slice/share.slice/" + kUid + ".web.scope", "nomad job " + kUid + "/web",
                  "systemd:nomad.slice | systemd:share.slice | nomad:" + kUid + "/web"},
        OwnerCase{"ecs", "/ecs/" + kUid + "/" + kId, "ecs container ad6c46b55052",
                  "ecs | ecs:" + kUid + " | ecs:" + kId + ":" + kUid},
        OwnerCase{"garden", "/garden/4f2a-handle", "garden container 4f2a-handle", "garden | garden:4f2a-handle"},
        OwnerCase{"snap", "/user.slice/user-1000.slice/user@1000.service/app.slice/snap.firefox.firefox.1234.scope",
                  "snap application firefox",
                  "systemd:user.slice | systemd:user-1000.slice | systemd:user@1000.service | systemd:app.slice | "
                  "snap:snap.firefox.firefox.1234.scope:firefox"},
        OwnerCase{"flatpak", "/app.slice/app-flatpak-org.mozilla.firefox-99.scope",
                  "flatpak application org.mozilla.firefox",
                  "systemd:app.slice | flatpak:app-flatpak-org.mozilla.firefox-99.scope:org.mozilla.firefox"},
        OwnerCase{"own_run", "/system.slice/oomlab-312-1", "the run's cgroup",
                  "systemd:system.slice | oomlab:oomlab-312-1"},
        OwnerCase{"unknown", "/mem2", "cgroup /mem2", ""}, OwnerCase{"root", "/", "the machine", ""},
        OwnerCase{"not_an_id", "/docker/short", "cgroup /docker/short", ""},
        OwnerCase{"hostile", "/\xff\x1b[31m//..//", "cgroup /\\xff\x1b[31m//..//", ""}),
    [](const auto& row) { return row.param.name; });

struct PathCase {
  const char* name;
  std::vector<std::string> trace;
  Text path;
};

class AllocationPath : public testing::TestWithParam<PathCase> {};

TEST_P(AllocationPath, IsToldByTheCallTrace) {
  EXPECT_EQ(allocation_path(GetParam().trace, false), GetParam().path);
}

INSTANTIATE_TEST_SUITE_P(
    Table, AllocationPath,
    testing::Values(
        PathCase{"file_fault",
                 {"charge_memcg", "__mem_cgroup_charge", "__add_to_page_cache_locked", "filemap_fault", "__do_fault",
                  "handle_mm_fault"},
                 "page_cache_read_fault"},
        PathCase{"anon_inlined_memcg",
                 {"charge_memcg", "__mem_cgroup_charge", "__handle_mm_fault", "handle_mm_fault"},
                 "anon_fault"},
        PathCase{"anon_inlined_global",
                 {"__alloc_pages", "__folio_alloc", "vma_alloc_folio", "__handle_mm_fault"},
                 "anon_fault"},
        PathCase{"anon", {"alloc_pages_vma", "do_anonymous_page", "handle_mm_fault"}, "anon_fault"},
        PathCase{"cow", {"alloc_pages_vma", "wp_page_copy", "do_wp_page", "handle_mm_fault"}, "cow_fault"},
        PathCase{
            "slab_below_fault",
            {"kmem_cache_alloc_noprof+0x3cd/0x410", "__anon_vma_prepare+0x3e/0x160", "do_anonymous_page+0x104/0x8a0"},
            "slab"},
        PathCase{"doubtful_frames", {"? kmem_cache_alloc+0x1/0x2", "filemap_read+0x1/0x2"}, "page_cache_read"},
        PathCase{
            "tmpfs",
            {"__mem_cgroup_charge", "shmem_get_folio_gfp", "shmem_write_begin", "generic_perform_write", "vfs_write"},
            "tmpfs_write"},
        PathCase{"buffered_write",
                 {"__filemap_get_folio", "ext4_da_write_begin", "generic_perform_write"},
                 "page_cache_write"},
        PathCase{"unknown_filesystem", {"__mem_cgroup_charge", "filemap_add_folio", "newfs_thing"}, "page_cache"},
        PathCase{"socket_over_slab",
                 {"kmem_cache_alloc_node", "__alloc_skb", "alloc_skb_with_frags", "sock_alloc_send_pskb"},
                 "socket"},
        PathCase{"pipe_inode",
                 {"kmem_cache_alloc_lru", "alloc_inode", "new_inode_pseudo", "create_pipe_files", "do_pipe2"},
                 "pipe"},
        PathCase{"pipe_descriptors", {"__kvmalloc_node", "alloc_fdtable", "expand_files", "do_pipe2"}, "pipe"},
        PathCase{"descriptors_of_others", {"__kmalloc_node", "alloc_fdtable", "expand_files", "do_dup2"}, "slab"},
        PathCase{"socket_made", {"kmem_cache_alloc_lru", "sock_alloc_inode", "alloc_inode", "sock_alloc"}, "socket"},
        PathCase{"socket_pair", {"__kmalloc", "alloc_fdtable", "__sys_socketpair"}, "socket"},
        PathCase{
            "fork_over_tables", {"pte_alloc_one", "__pte_alloc", "copy_page_range", "dup_mm", "copy_process"}, "fork"},
        PathCase{"page_table", {"__alloc_pages", "pte_alloc_one", "__pte_alloc", "handle_mm_fault"}, "page_table"},
        PathCase{"limit_lowered", {"mem_cgroup_out_of_memory", "memory_max_write"}, "limit_lowered"},
        PathCase{
            "old_memcg", {"mem_cgroup_oom_synchronize", "pagefault_out_of_memory", "mm_fault_error"}, "page_fault"},
        PathCase{"module", {"__alloc_pages", "nv_alloc_system_pages+0x1/0x2 [nvidia]"}, "driver"},
        PathCase{"nothing_known", {"out_of_memory", "frobnicate"}, std::nullopt}, PathCase{"empty", {}, std::nullopt}),
    [](const auto& row) { return row.param.name; });

TEST(AllocationPathOfSysrq, IsTheRequest) {
  EXPECT_EQ(allocation_path({}, true), "sysrq");
}

// Corpus log 000, by hand: 6291456 usage = 4771840 anon + 872448 swap cache (4833280 + 811008 on the lists - 4771840) +
// 138520 + 126976 + 123744 + 32768 + rest.
TEST(Compose, SplitsCorpusLog000) {
  const auto parts = compose(tests::docker_6mib(), kPage);
  std::vector<std::pair<std::string, std::uint64_t>> got;
  for (const auto& part : parts) {
    got.emplace_back(part.part, part.bytes);
  }
  EXPECT_THAT(got, testing::ElementsAre(testing::Pair("anon", 4771840), testing::Pair("swapcache", 872448),
                                        testing::Pair("slab_reclaimable", 138520), testing::Pair("pagetables", 126976),
                                        testing::Pair("slab_unreclaimable", 123744),
                                        testing::Pair("kernel_stack", 32768), testing::Pair("unaccounted", 225160)));
  EXPECT_DOUBLE_EQ(parts[0].share, 0.7585);
}

struct ComposeCase {
  const char* name;
  cgroup::Counters stat;
  std::uint64_t usage;
  std::vector<std::pair<std::string, std::uint64_t>> parts;
};

class ComposeV2 : public testing::TestWithParam<ComposeCase> {};

TEST_P(ComposeV2, SumsToTheUsage) {
  std::vector<std::pair<std::string, std::uint64_t>> got;
  std::uint64_t sum = 0;
  for (const auto& part : compose_v2(GetParam().stat, GetParam().usage)) {
    got.emplace_back(part.part, part.bytes);
    sum += part.bytes;
  }
  EXPECT_EQ(got, GetParam().parts);
  EXPECT_EQ(sum, GetParam().parts.empty() ? 0 : GetParam().usage);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ComposeV2,
    testing::Values(
        ComposeCase{"file_without_shmem_and_dirty",
                    {{"anon", 10}, {"file", 100}, {"shmem", 30}, {"file_dirty", 20}, {"file_writeback", 5}},
                    120,
                    {{"file", 45},
                     {"shmem", 30},
                     {"file_dirty", 20},
                     {"anon", 10},
                     {"file_writeback", 5},
                     {"unaccounted", 10}}},
        ComposeCase{"kernel_rest",
                    {{"anon", 10}, {"kernel", 50}, {"slab_reclaimable", 20}, {"kernel_stack", 5}, {"percpu", 5}},
                    60,
                    {{"slab_reclaimable", 20},
                     {"kernel_other", 20},
                     {"anon", 10},
                     {"kernel_stack", 5},
                     {"percpu", 5},
                     {"unaccounted", 0}}},
        ComposeCase{"sock_beside_kernel",
                    {{"anon", 0}, {"kernel", 4}, {"sock", 6}},
                    10,
                    {{"sock", 6}, {"kernel_other", 4}, {"unaccounted", 0}}},
        ComposeCase{"overshoot_trims_the_largest",
                    {{"anon", 90}, {"file", 20}},
                    100,
                    {{"anon", 80}, {"file", 20}, {"unaccounted", 0}}},
        ComposeCase{
            "overshoot_of_equals", {{"anon", 60}, {"file", 60}}, 100, {{"anon", 50}, {"file", 50}, {"unaccounted", 0}}},
        ComposeCase{"more_dirty_than_file",
                    {{"anon", 1}, {"file", 10}, {"file_dirty", 30}},
                    20,
                    {{"file_dirty", 10}, {"anon", 1}, {"unaccounted", 9}}},
        ComposeCase{"nothing", {}, 100, {}}),
    [](const auto& row) { return row.param.name; });

TEST(Compose, SplitsVersion1) {
  auto incident = memcg_example({{"cache", 20 * kMib}, {"rss", 30 * kMib}, {"shmem", 5 * kMib}, {"dirty", 2 * kMib}});
  incident.cgroup->kmem = Usage{.usage_bytes = 8 * kMib, .limit_bytes = {}, .unlimited = true, .failcnt = 0};
  const auto parts = compose(incident, kPage);
  EXPECT_EQ(find_part(parts, "anon")->bytes, 30 * kMib);
  EXPECT_EQ(find_part(parts, "file")->bytes, 13 * kMib);
  EXPECT_EQ(find_part(parts, "shmem")->bytes, 5 * kMib);
  EXPECT_EQ(find_part(parts, "kernel_other")->bytes, 8 * kMib);
  EXPECT_EQ(parts.back().part, "unaccounted");
  EXPECT_EQ(parts.back().bytes, 6 * kMib);
}

// 12144 pages are reserved; of 250000 usable pages: 208000 anon (30000 + 180000 - 2000 shmem), 2000 shmem, 300 file,
// 13000 slab, 1500 tables, 11100 free; 14100 nobody counts.
TEST(Compose, SplitsTheMachine) {
  const auto incident = tests::global_no_swap();
  const auto& parts = incident.analysis.breakdown;
  EXPECT_EQ(find_part(parts, "anon")->bytes, 208000 * kPage);
  EXPECT_EQ(find_part(parts, "free")->bytes, 11100 * kPage);
  EXPECT_EQ(find_part(parts, "unaccounted")->bytes, 14100 * kPage);
  EXPECT_EQ(find_part(parts, "reserved")->bytes, 12144 * kPage);
  EXPECT_EQ(whole_bytes(incident), 262144 * kPage);
}

// 1075 + 1238 + 65536/4096 = 2329; 23 + 116 + 12 = 151; 0 + 25 + 11 = 36.
TEST(Badness, OfCorpusLog000) {
  const auto badness = recompute_badness(tests::docker_6mib(), nullptr, kPage);
  ASSERT_TRUE(badness);
  EXPECT_EQ(badness->total_pages, 3072U);  // (6144 + 6144) KiB
  ASSERT_EQ(badness->ranking.size(), 3U);
  EXPECT_EQ(badness->ranking[0].points, 2329);
  EXPECT_EQ(badness->ranking[1].points, 151);
  EXPECT_EQ(badness->ranking[2].points, 36);
}

struct EraCase {
  const char* name;
  const char* release;
  std::optional<std::int64_t> printed_score;
  std::int64_t uid, adj;
  std::int64_t points;  // of 1000 pages rss, 20 swap, 4 page tables, in 10000 pages
};

class BadnessEra : public testing::TestWithParam<EraCase> {};

TEST_P(BadnessEra, FollowsTheKernelsIntegers) {
  const auto& row = GetParam();
  auto incident = memcg_example({});
  incident.kernel.release = row.release;
  incident.cgroup->memory->limit_bytes = 10000 * kPage;
  incident.victims.front().score = row.printed_score;
  auto& task = incident.tasks.front();
  task.uid = row.uid;
  task.rss_bytes = 1000 * kPage;
  task.rss_anon_bytes = {};
  task.rss_file_bytes = {};
  task.rss_shmem_bytes = {};
  task.swap_bytes = 20 * kPage;
  task.pgtables_bytes = 4 * kPage;
  task.oom_score_adj = row.adj;
  const auto badness = recompute_badness(incident, nullptr, kPage);
  ASSERT_TRUE(badness);
  EXPECT_EQ(badness->ranking.front().points, row.points) << badness->rule;
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadnessEra,
    testing::Values(EraCase{"modern", "6.12.9", {}, 0, 0, 1024}, EraCase{"modern_adj", "6.12.9", {}, 0, 100, 2024},
                    EraCase{"modern_negative", "5.10.0", {}, 0, -200, -976},
                    EraCase{"at_least_1", "5.4.0", {}, 0, -200, 1}, EraCase{"no_bonus", "4.19.0", 102, 0, 0, 1024},
                    EraCase{"root_3_percent", "4.4.0", 99, 0, 0, 994},
                    EraCase{"user_no_bonus", "4.4.0", 102, 1000, 0, 1024},
                    EraCase{"root_minus_30", "3.10.0", 72, 0, 0, 724}, EraCase{"per_mille", "2.6.39", 72, 0, 0, 72},
                    EraCase{"per_mille_adj", "2.6.39", 202, 5, 100, 202},
                    EraCase{"backport_shown_by_the_score", "3.10.0-1160.el7.x86_64", 99, 0, 0, 994},
                    EraCase{"no_release", "", {}, 0, 0, 1024}),
    [](const auto& row) { return row.param.name; });

TEST(Badness, LeavesOutTheExempt) {
  auto incident = tests::docker_6mib();
  incident.tasks[2].oom_score_adj = -1000;
  const auto badness = recompute_badness(incident, nullptr, kPage);
  ASSERT_TRUE(badness);
  ASSERT_EQ(badness->exempt.size(), 1U);
  EXPECT_EQ(badness->exempt[0].pid, 3652);
  EXPECT_EQ(badness->exempt[0].points, 2329);
  EXPECT_FALSE(badness->exempt[0].eligible);
  EXPECT_EQ(badness->ranking.front().pid, 2011);
}

TEST(Badness, NeedsATotalOnlyWhereItMatters) {
  auto incident = tests::docker_6mib();
  incident.cgroup->swap->limit_bytes.reset();
  incident.cgroup->swap->unlimited = true;
  EXPECT_TRUE(recompute_badness(incident, nullptr, kPage));
  incident.tasks[1].oom_score_adj = 999;  // wins with much swap: 151 + 999 * total / 1000
  EXPECT_EQ(recompute_badness(incident, nullptr, kPage).has_value(), false);
  incident.tasks[2].oom_score_adj = 999;  // the same for both: a.out wins either way
  EXPECT_TRUE(recompute_badness(incident, nullptr, kPage));
}

TEST(Badness, IsNotRecomputedFromTablesWithoutSwap) {
  auto incident = tests::docker_6mib();
  for (auto& task : incident.tasks) {
    task.swap_bytes.reset();
  }
  EXPECT_FALSE(recompute_badness(incident, nullptr, kPage));
}

TEST(Explain, IsTheSameTheSecondTime) {
  auto incident = tests::docker_6mib();
  explain(incident);
  const auto verdict = incident.verdict;
  const auto findings = incident.diagnosis.size();
  explain(incident);
  EXPECT_EQ(incident.verdict, verdict);
  EXPECT_EQ(incident.diagnosis.size(), findings);
  EXPECT_EQ(verdict,
            "a.out (pid 3652) was killed because docker container ad6c46b55052 reached its own limit of 6 MiB (+ 6 MiB "
            "swap); 76 % of it was anonymous memory");
  EXPECT_EQ(incident.analysis.victim_rank, 1);
  EXPECT_EQ(incident.analysis.victim_explained, true);
  EXPECT_EQ(incident.analysis.limit_owner->levels_above_victim, 0);
  EXPECT_EQ(incident.analysis.processes, 1U);
}

TEST(Explain, KeepsWhatTheRuntimeToldOfTheContainer) {
  auto incident = tests::docker_6mib();
  explain(incident);
  incident.cgroup->owner->name = "web-1";
  incident.cgroup->owner->image = "web:3";
  incident.cgroup->owner->service = "web";
  explain(incident);
  EXPECT_EQ(incident.cgroup->owner->name, "web-1");
  EXPECT_EQ(incident.cgroup->owner->image, "web:3");
  EXPECT_EQ(incident.cgroup->owner->service, "web");
  EXPECT_NE(incident.verdict.find("docker container ad6c46b55052 (web-1) reached its own limit"), std::string::npos);

  incident.cgroup->owner->container_id = "another";
  explain(incident);
  EXPECT_FALSE(incident.cgroup->owner->name) << "it was told of another container";
}

struct LevelCase {
  const char* name;
  const char* limit;
  const char* task;
  std::optional<std::int64_t> levels;
};

class LevelsAbove : public testing::TestWithParam<LevelCase> {};

TEST_P(LevelsAbove, CountsTheGroupsBetween) {
  auto incident = memcg_example({{"anon", kMib}});
  incident.cgroup->oom_memcg = GetParam().limit;
  incident.cgroup->task_memcg = GetParam().task;
  explain(incident);
  EXPECT_EQ(incident.analysis.limit_owner->levels_above_victim, GetParam().levels);
}

INSTANTIATE_TEST_SUITE_P(Table, LevelsAbove,
                         testing::Values(LevelCase{"own", "/a/b", "/a/b", 0}, LevelCase{"parent", "/a", "/a/b", 1},
                                         LevelCase{"grandparent", "/a", "/a/b/c", 2}, LevelCase{"root", "/", "/a/b", 2},
                                         LevelCase{"not_related", "/ab", "/abc", std::nullopt}),
                         [](const auto& row) { return row.param.name; });

TEST(Explain, VictimBehindTheTenthStaysInTheRanking) {
  auto incident = tests::docker_6mib();
  incident.tasks.clear();
  for (std::int64_t i = 0; i < 30; ++i) {
    incident.tasks.push_back({.pid = 100 + i,
                              .tgid = 100 + i,
                              .rss_bytes = kKib * 1024 * static_cast<std::uint64_t>(40 - i),
                              .swap_bytes = 0,
                              .oom_score_adj = 0,
                              .comm = "t"});
  }
  incident.victims.front().pid = 125;
  explain(incident);
  ASSERT_EQ(incident.analysis.ranking.size(), 11U);
  EXPECT_EQ(incident.analysis.ranking.back().pid, 125);
  EXPECT_EQ(incident.analysis.victim_rank, 26);
  EXPECT_EQ(incident.analysis.victim_explained, false);
}

TEST(Explain, SurvivesAnEmptyIncident) {
  Incident incident;
  explain(incident);
  EXPECT_EQ(incident.verdict, "the OOM killer was called because memory ran out; whom it killed is not in the log");
}

}  // namespace
}  // namespace forensics
