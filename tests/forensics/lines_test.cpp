// Every kind of line: the shapes of each era, hostile names, cut lines, look-alikes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "forensics/gfp.h"
#include "forensics/lines/userspace.h"
#include "forensics/oom_line.h"

namespace forensics {
namespace {

using namespace lines;
using ::testing::ElementsAre;
using ::testing::Optional;
using ::testing::UnorderedElementsAre;

template <typename T>
struct Row {
  const char* name;
  std::string_view text;
  T want;
};

struct TriggerFacts {
  std::string_view comm;
  Count gfp;
  std::optional<std::int64_t> order, oom_score_adj;
  std::optional<std::string_view> nodemask;
};

TEST(Trigger, EveryEra) {
  const Row<TriggerFacts> kRows[] = {
      {"2.6.24", "Xorg invoked oom-killer: gfp_mask=0x2d0, order=0, oomkilladj=0", {"Xorg", 0x2d0, 0, {}, {}}},
      {"2.6.32",
       "gdm-simple-gree invoked oom-killer: gfp_mask=0xd0, order=2, oom_adj=-17",
       {"gdm-simple-gree", 0xd0, 2, {}, {}}},
      {"el6",
       "php-fpm invoked oom-killer: gfp_mask=0x280da, order=0, oom_adj=0, oom_score_adj=5",
       {"php-fpm", 0x280da, 0, 5, {}}},
      {"3.7", "sed invoked oom-killer: gfp_mask=0x201da, order=0, oom_score_adj=-998", {"sed", 0x201da, 0, -998, {}}},
      {"4.9",
       "a invoked oom-killer: gfp_mask=0x24200ca(GFP_HIGHUSER_MOVABLE), nodemask=0, order=0, oom_score_adj=0",
       {"a", 0x24200ca, 0, 0, "0"}},
      {"4.14_two_blanks",
       "ps invoked oom-killer: gfp_mask=0x14000c0(GFP_KERNEL), nodemask=(null),  order=0, oom_score_adj=979",
       {"ps", 0x14000c0, 0, 979, "(null)"}},
      {"list_with_commas",
       "ps invoked oom-killer: gfp_mask=0x1, nodemask=0,2-3,  order=0, oom_score_adj=1",
       {"ps", 1, 0, 1, "0,2-3"}},
      {"4.5_rc_order",
       "x invoked oom-killer: order=1, oom_score_adj=2, gfp_mask=0x24000c0(GFP_KERNEL)",
       {"x", 0x24000c0, 1, 2, {}}},
      {"sysrq",
       "kworker/0:2 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=-1, oom_score_adj=0",
       {"kworker/0:2", 0xcc0, -1, 0, {}}},
      {"page_fault", "x invoked oom-killer: gfp_mask=0x0(), order=0, oom_score_adj=1000", {"x", 0, 0, 1000, {}}},
      {"blanks_and_colon",
       "in:imuxsock PTY invoked oom-killer: gfp_mask=0x1, order=0, oom_score_adj=0",
       {"in:imuxsock PTY", 1, 0, 0, {}}},
      {"vendor_prefix", "OOM[1]: x invoked oom-killer: gfp_mask=0x1, order=0, oom_score_adj=0", {"x", 1, 0, 0, {}}},
      {"newline_in_name", "a\nb invoked oom-killer: gfp_mask=0x1, order=0, oom_score_adj=0", {"a\nb", 1, 0, 0, {}}},
      {"empty_name", " invoked oom-killer: gfp_mask=0x1, order=0, oom_score_adj=0", {"", 1, 0, 0, {}}},
      {"cut", "x invoked oom-killer: gfp_mask=", {"x", {}, {}, {}, {}}},
      {"status_bar_behind",
       "main invoked oom-killer: gfp_mask=0x24000c0, order=0, oom_score_adj=0      [7/972]",
       {"main", 0x24000c0, 0, 0, {}}},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.name);
    const auto trigger = parse_trigger(row.text);
    ASSERT_TRUE(trigger);
    EXPECT_EQ(trigger->comm, row.want.comm);
    EXPECT_EQ(trigger->gfp_value, row.want.gfp);
    EXPECT_EQ(trigger->order, row.want.order);
    EXPECT_EQ(trigger->oom_score_adj, row.want.oom_score_adj);
    EXPECT_EQ(trigger->nodemask, row.want.nodemask);
  }
}

TEST(Trigger, NotThese) {
  for (const auto text : {"%s invoked oom-killer: gfp_mask=%#x(%pGg), order=%d", "it invoked oom-killer: please help",
                          "invoked the oom-killer", ""}) {
    EXPECT_FALSE(parse_trigger(text)) << text;
  }
}

TEST(Identity, EveryEra) {
  struct Facts {
    std::int64_t pid;
    std::string_view comm, release;
    std::optional<std::string_view> tainted;
  };
  const Row<Facts> kRows[] = {
      {"2.6.32",
       "Pid: 23212, comm: php-fpm Not tainted 2.6.32-642.11.1.el6.x86_64 #1",
       {23212, "php-fpm", "2.6.32-642.11.1.el6.x86_64", {}}},
      {"3.13",
       "CPU: 5 PID: 13536 Comm: memorymonster Tainted: P           OX 3.13.0-43-generic #72-Ubuntu",
       {13536, "memorymonster", "3.13.0-43-generic", "P           OX"}},
      {"dashes",
       "CPU: 9 PID: 14881 Comm: java Tainted: G    B          ------------ T 3.10.0-327.4.5.el7.x86_64 #1",
       {14881, "java", "3.10.0-327.4.5.el7.x86_64", "G    B          ------------ T"}},
      {"kdump",
       "CPU: 0 PID: 879 Comm: in:imjournal Kdump: loaded Not tainted 4.18.0-553.8.1.el8_10.x86_64 #1",
       {879, "in:imjournal", "4.18.0-553.8.1.el8_10.x86_64", {}}},
      {"6.11", "CPU: 3 UID: 1000 PID: 4242 Comm: python3 Not tainted 6.12.9 #1", {4242, "python3", "6.12.9", {}}},
      {"preempt",
       "CPU: 10 UID: 1000 PID: 20957 Comm: systemd Not tainted 6.17.3-arch2-1-lily #1 PREEMPT(full)  5546952e",
       {20957, "systemd", "6.17.3-arch2-1-lily", {}}},
      {"cut_in_name", "CPU: 3 PID: 42 Comm: pyth", {42, "", "", {}}},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.name);
    const auto identity = parse_identity(row.text);
    ASSERT_TRUE(identity);
    EXPECT_EQ(identity->pid, row.want.pid);
    EXPECT_EQ(identity->comm, row.want.comm);
    EXPECT_EQ(identity->release, row.want.release);
    EXPECT_EQ(identity->tainted, row.want.tainted);
  }
}

TEST(Frame, EveryArchitecture) {
  const Row<std::pair<std::string_view, bool>> kRows[] = {
      {"x86", " dump_stack_lvl+0x64/0x80", {"dump_stack_lvl", true}},
      {"x86_unreliable", " ? page_memcg.isra.0+0x12/0x12", {"page_memcg.isra.0", false}},
      {"x86_3.10", " [<ffffffff816861ac>] dump_stack+0x19/0x1b", {"dump_stack", true}},
      {"x86_module", " [<ffffffffa018f016>] ext4_filemap_fault+0x36/0x50 [ext4]", {"ext4_filemap_fault", true}},
      {"2.6.24", " [agpgart:__alloc_pages+0x36c/0x3a0] __alloc_pages+0x36c/0x3a0", {"__alloc_pages", true}},
      {"ppc64", "[c00000037540f760] [c0000000005cc594] dump_header+0x5c/0x1e4", {"dump_header", true}},
      {"s390", "([<00000001f848fe2a>] show_stack+0x7a/0xc0)", {"show_stack", false}},
      {"riscv", "[<ffffffe000043992>] walk_stackframe+0x0/0xaa", {"walk_stackframe", true}},
      {"arm_old",
       "[<c007d398>] (oom_kill_process.clone.11+0x0/0x1fc) from [<c007d864>] (__out_of_memory+0x120/0x18c)",
       {"oom_kill_process.clone.11", true}},
      {"arm_4.19",
       "[<c021042c>] (unwind_backtrace) from [<c020bca0>] (show_stack+0x10/0x14)",
       {"unwind_backtrace", true}},
      {"arm_new", " show_stack from dump_stack_lvl+0x90/0xac", {"show_stack", true}},
      {"arm64_marks", " dump_backtrace+0xa4/0x150 (C)", {"dump_backtrace", true}},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.name);
    const auto frame = parse_frame(row.text);
    ASSERT_TRUE(frame);
    EXPECT_EQ(frame->symbol, row.want.first);
    EXPECT_EQ(frame->reliable, row.want.second);
  }
}

TEST(Frame, DetailsAreKnownAndNotFrames) {
  for (const auto text :
       {"RIP: 0033:0x7fef8bc3304a", "Code: Bad RIP value.",
        "RAX: 0000000000000001 RBX: 00007ffdf9a1d558 RCX: 00000000036da010", " </TASK>",
        " ffff880182272f10 00000000021dcb0a ffff880418207938", "r6:00000002 r5:00010df0 r4:c7a683c0",
        "Workqueue: events moom_callback", "0xffffffe6d1486f1c", "bfa0: 00000000 00000000 00000000"}) {
    EXPECT_FALSE(parse_frame(text)) << text;
    EXPECT_TRUE(parse_trace_detail(text)) << text;
  }
}

TEST(UsageLine, LimitsAndSentinels) {
  const auto plain = parse_usage("memory: usage 65536kB, limit 65536kB, failcnt 212");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->usage.usage_bytes, 67108864U);
  EXPECT_EQ(plain->usage.limit_bytes, 67108864U);
  EXPECT_EQ(plain->usage.failcnt, 212U);
  for (const auto sentinel : {"9007199254740991", "18014398509481983", "9007199254740988", "9007199254740976",
                              "9007199254740928", "8589934588"}) {
    const auto none = parse_usage(std::string("memory+swap: usage 0kB, limit ") + sentinel + "kB, failcnt 0");
    ASSERT_TRUE(none) << sentinel;
    EXPECT_TRUE(none->usage.unlimited);
    EXPECT_FALSE(none->usage.limit_bytes);
    EXPECT_EQ(none->kind, UsageLine::Kind::memsw);
  }
  EXPECT_FALSE(parse_usage("+\tpr_info(\"memory: usage %llukB, limit %llukB, failcnt %llu\\n\","));
  EXPECT_FALSE(parse_usage("memory: usage 99999999999999999999999999kB, limit 1kB, failcnt 0"));
  const auto cut = parse_usage("memory: usage 65536kB, limit 655");
  ASSERT_TRUE(cut);
  EXPECT_FALSE(cut->usage.limit_bytes);
}

TEST(MemcgLimit, PathsMayHoldAnything) {
  const auto limit = parse_memcg_limit("Task in /a b/c,d killed as a result of limit of /a b");
  ASSERT_TRUE(limit);
  EXPECT_EQ(limit->task_memcg, "/a b/c,d");
  EXPECT_EQ(limit->oom_memcg, "/a b");
  EXPECT_EQ(parse_memcg_limit("Memory limit reached of cgroup /x")->oom_memcg, "/x");
}

TEST(StatsHeader, InlineAndSeparate) {
  const auto inline_stats =
      parse_stats_header("Memory cgroup stats for /a: b: cache:840KB rss:523448KB swap:0KB inacti");
  ASSERT_TRUE(inline_stats);
  EXPECT_EQ(inline_stats->path, "/a: b");
  EXPECT_THAT(inline_stats->counters,
              ElementsAre(std::pair("cache", 840U * 1024), std::pair("rss", 523448U * 1024), std::pair("swap", 0U)));
  const auto separate = parse_stats_header("Memory cgroup stats for /a:");
  ASSERT_TRUE(separate);
  EXPECT_FALSE(separate->inline_counters);
  EXPECT_TRUE(parse_stats_header("Memory cgroup stats:"));
  EXPECT_FALSE(parse_stat_counter("anon"));
  EXPECT_FALSE(parse_stat_counter("workingset_refa"));
  EXPECT_EQ(parse_stat_counter("   anon 12 ")->value, 12U);
}

TEST(MemInfo, Lines) {
  const auto zone = parse_zone_line(
      "Node 0 DMA32 free:63304kB boost:0kB min:13760kB reserved_highatomic:0KB isolated(anon):4kB pages_scanned:7 "
      "all_unreclaimable? no");
  ASSERT_TRUE(zone);
  EXPECT_EQ(zone->zone.node, 0);
  EXPECT_EQ(zone->zone.name, "DMA32");
  EXPECT_EQ(cgroup::find(zone->zone.counters, "free"), 63304U * 1024);
  EXPECT_EQ(cgroup::find(zone->zone.counters, "isolated(anon)"), 4096U);
  EXPECT_EQ(cgroup::find(zone->zone.counters, "pages_scanned"), 7U);
  EXPECT_EQ(zone->zone.all_unreclaimable, false);
  EXPECT_FALSE(parse_zone_line("Normal free:47116kB min:1864kB")->zone.node);
  const auto node = parse_node_line("Node 3 active_anon:1448kB shmem_thp: 0kB all_unreclaimable? yes Balloon:8kB");
  ASSERT_TRUE(node);
  EXPECT_EQ(cgroup::find(node->node.counters, "shmem_thp"), 0U);
  EXPECT_EQ(cgroup::find(node->node.counters, "Balloon"), 8192U);
  EXPECT_EQ(node->node.all_unreclaimable, true);
  const auto buddy = parse_buddy_line("Node 0 DMA: 1*4kB (U) 0*8kB 3*4096kB (UME) = 12292kB");
  ASSERT_TRUE(buddy);
  ASSERT_EQ(buddy->zone.buddy.size(), 3U);
  EXPECT_EQ(buddy->zone.buddy[2].types, "UME");
  EXPECT_EQ(buddy->zone.buddy_total_bytes, 12292U * 1024);
  EXPECT_THAT(parse_lowmem_reserve("lowmem_reserve[]: 0 3211 32248 ")->pages, ElementsAre(0, 3211, 32248));
  EXPECT_EQ(parse_hugepage_line("Node 1 hugepages_total=2 hugepages_free=1 hugepages_surp=0 hugepages_size=2048kB")
                ->pool.size_bytes,
            2097152U);
  EXPECT_EQ(parse_memory_total("Free swap  = 84kB")->value, 84U * 1024);
  EXPECT_EQ(parse_memory_total("4115400 pages RAM")->field, &MemoryInfo::ram_pages);
  EXPECT_FALSE(parse_memory_total("4115400 pages of fun"));
  EXPECT_EQ(parse_slab_row("a name(123:docker)     10KB     20KB")->cache.total_bytes, 20480U);
  EXPECT_EQ(parse_allocation_row("    38.4 MiB     1234 mm/slub.c:12 func:alloc_slab_page")->site.location,
            "mm/slub.c:12 func:alloc_slab_page");
  EXPECT_EQ(parse_page_counters(" free:18446744073709551615 free_pcp:1")->counters[0].second, 18446744073709551615U);
}

TEST(MemInfo, ANameThatComesTwiceCountsOnce) {  // two rows in one: a document with a key twice could not be read
  const auto node = parse_node_line("Node 1 active_anon:1200kB mapped:40kB active_anon:1200kB mapped:8kB dirty:4kB");
  ASSERT_TRUE(node);
  EXPECT_EQ(node->node.counters, (cgroup::Counters{{"active_anon", 1228800}, {"mapped", 40960}, {"dirty", 4096}}));
}

TEST(TaskTable, EveryHeader) {
  struct Facts {
    std::string_view header, row;
    Count rss, swap, table_pages, table_bytes;
    std::optional<std::int64_t> uid, adj;
    std::string_view comm;
  };
  const Row<Facts> kRows[] = {
      {"2.6.32",
       {},
       {"[ pid ]   uid  tgid total_vm      rss cpu oom_adj name",
        "[ 1234]     0  1234     3955       48   1       0 getty",
        48,
        {},
        {},
        {},
        0,
        {},
        "getty"}},
      {"el6",
       {},
       {"[ pid ]   uid  tgid total_vm      rss cpu oom_adj oom_score_adj name",
        "[23412]    48 23412    53756      883  11       0            -5 httpd",
        883,
        {},
        {},
        {},
        48,
        -5,
        "httpd"}},
      {"el7",
       {},
       {"[ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name",
        "[28438]     0 28438  5063909   119961    1661   136409          -998 java",
        119961,
        136409,
        1661,
        {},
        0,
        -998,
        "java"}},
      {"4.4",
       {},
       {"[ pid ]   uid  tgid total_vm      rss nr_ptes nr_pmds swapents oom_score_adj name",
        "[11344]     0 11344    97590    46185     113       5        0             0 main",
        46185,
        0,
        118,
        {},
        0,
        0,
        "main"}},
      {"4.19",
       {},
       {"[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
        "[3117813]   991 3117813  2926359  1214746 22183936        0             0 cache-main",
        1214746,
        0,
        {},
        22183936,
        991,
        0,
        "cache-main"}},
      {"6.8",
       {},
       {"[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj "
        "name",
        "[   4242]  1000  4242    27712    18219    16012     2207         0   208896        0             0 (sd-pam)",
        18219,
        0,
        {},
        208896,
        1000,
        0,
        "(sd-pam)"}},
      {"extra_column",
       {},
       {"[  pid  ]   uid  tgid total_vm      rss (01)nrss  pgtables_bytes swapents oom_score_adj name",
        "[  13135]     0 13135   787018   674666   674300  5439488        0             0 a.out",
        674666,
        0,
        {},
        5439488,
        0,
        0,
        "a.out"}},
      {"blanks_in_name",
       {},
       {"[ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name",
        "[28438]    -2 28438  5063909   119961    1661   136409          -998  a b ",
        119961,
        136409,
        1661,
        {},
        -2,
        -998,
        " a b "}},
      {"number_as_name",
       {},
       {"[ pid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name",
        "[    1]     0     1        2        3       4        5             6 7 8",
        3,
        5,
        4,
        {},
        0,
        6,
        "7 8"}},
      {"wide_uid",
       {},
       {"[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
        "[ 184260] 1001240000 184260   615530   236719  2535424        0           999 mimir",
        236719,
        0,
        {},
        2535424,
        1001240000,
        999,
        "mimir"}},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.name);
    const auto header = parse_task_header(row.want.header);
    ASSERT_TRUE(header);
    const auto task = parse_task_row(row.want.row);
    ASSERT_TRUE(task);
    const auto figures = split_task_row(task->text, header->columns);
    ASSERT_TRUE(figures);
    EXPECT_EQ(figures->rss_pages, row.want.rss);
    EXPECT_EQ(figures->swap_entries, row.want.swap);
    EXPECT_EQ(figures->table_pages, row.want.table_pages);
    EXPECT_EQ(figures->pgtables_bytes, row.want.table_bytes);
    EXPECT_EQ(figures->task.uid, row.want.uid);
    EXPECT_EQ(figures->task.oom_score_adj, row.want.adj);
    EXPECT_EQ(figures->task.comm, row.want.comm);
    const std::string tail(row.want.comm);
    if (std::string_view(row.name) != "extra_column" && std::string_view(row.name) != "number_as_name") {
      EXPECT_EQ(guess_columns({std::string(task->text)}), header->columns) << "without the header";
    }
  }
}

TEST(Summary, PathsAndNamesMayHoldKeys) {
  const auto summary = parse_summary(
      "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=0,2,cpuset=a,b,mems_allowed=0-1,oom_memcg=/a,task_memcg=/a/"
      "b=c,task=x,pid=1,uid=2,pid=4242,uid=-2");
  ASSERT_TRUE(summary);
  EXPECT_EQ(summary->nodemask, "0,2");
  EXPECT_EQ(summary->oom_memcg, "/a");
  EXPECT_EQ(summary->task_memcg, "/a/b=c");
  EXPECT_EQ(summary->task, "x,pid=1,uid=2");
  EXPECT_EQ(summary->pid, 4242);
  EXPECT_EQ(summary->uid, -2);
  const auto global =
      parse_summary("oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),global_oom,task_memcg=/s,task=x,pid=1,uid=0");
  ASSERT_TRUE(global);
  EXPECT_TRUE(global->global_oom);
  EXPECT_FALSE(global->oom_memcg);
  const auto cut = parse_summary(
      "oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=/a,task_memcg=/a/lo");
  ASSERT_TRUE(cut);
  EXPECT_EQ(cut->oom_memcg, "/a");
  EXPECT_FALSE(cut->task_memcg) << "a path that was cut is not known";
}

TEST(Kill, EveryEra) {
  struct Facts {
    std::int64_t pid;
    std::optional<std::string> comm;
    std::optional<std::int64_t> uid;
    Count total_vm, shmem, pgtables;
    Domain domain;
  };
  constexpr std::uint64_t kKib = 1024;
  const Row<Facts> kRows[] = {
      {"2.6.32", "Killed process 5098 (ssh-agent)", {5098, "ssh-agent", {}, {}, {}, {}, Domain::unknown}},
      {"2.6.33",
       "Killed process 1 (x) vsz:8kB, anon-rss:4kB, file-rss:0kB",
       {1, "x", {}, 8 * kKib, {}, {}, Domain::unknown}},
      {"el6",
       "Killed process 40738, UID 27, (mysqld) total-vm:8kB, anon-rss:4kB, file-rss:0kB",
       {40738, "mysqld", 27, 8 * kKib, {}, {}, Domain::unknown}},
      {"el7_late",
       "Killed process 25196 (java), UID 0, total-vm:8kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB",
       {25196, "java", 0, 8 * kKib, 0, {}, Domain::unknown}},
      {"4.5",
       "Killed process 1 (x) total-vm:8kB, anon-rss:4kB, file-rss:0kB, shmem-rss:4kB",
       {1, "x", {}, 8 * kKib, 4 * kKib, {}, Domain::unknown}},
      {"5.4",
       "Memory cgroup out of memory: Killed process 1 (x) total-vm:8kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB, "
       "UID:1000 pgtables:64kB oom_score_adj:-9",
       {1, "x", 1000, 8 * kKib, 0, 64 * kKib, Domain::memcg}},
      {"allocating",
       "Out of memory (oom_kill_allocating_task): Killed process 1 (x) total-vm:8kB, anon-rss:4kB",
       {1, "x", {}, 8 * kKib, {}, {}, Domain::allocating}},
      {"hostile",
       "Out of memory: Killed process 5 (a) total-vm:) total-vm:8kB, anon-rss:4kB",
       {5, "a) total-vm:", {}, 8 * kKib, {}, {}, Domain::global}},
      {"parenthesis",
       "Out of memory: Killed process 5 ((sd-pam)) total-vm:8kB, anon-rss:4kB",
       {5, "(sd-pam)", {}, 8 * kKib, {}, {}, Domain::global}},
      {"cut_in_name", "Out of memory: Killed process 5 (a.ou", {5, {}, {}, {}, {}, {}, Domain::global}},
      {"cut_in_number",
       "Out of memory: Killed process 5 (a.out) total-vm:12",
       {5, "a.out", {}, {}, {}, {}, Domain::global}},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.name);
    const auto kill = parse_kill(row.text);
    ASSERT_TRUE(kill);
    EXPECT_EQ(kill->victim.pid, row.want.pid);
    EXPECT_EQ(kill->victim.comm, row.want.comm);
    EXPECT_EQ(kill->victim.uid, row.want.uid);
    EXPECT_EQ(kill->victim.total_vm_bytes, row.want.total_vm);
    EXPECT_EQ(kill->victim.shmem_rss_bytes, row.want.shmem);
    EXPECT_EQ(kill->victim.pgtables_bytes, row.want.pgtables);
    EXPECT_EQ(kill->domain, row.want.domain);
  }
  for (const auto text : {"Killed process 36", "Out of memory: Killed process %d (%s)", "I said Killed process 5 (x)",
                          "Killed process 5: x"}) {
    EXPECT_FALSE(parse_kill(text)) << text;
  }
}

TEST(Decision, EveryEra) {
  const Row<std::tuple<std::int64_t, std::string_view, std::int64_t>> kRows[] = {
      {"2.6.32",
       "Out of memory: kill process 5064 (gnome-session) score 69104 or a child",
       {5064, "gnome-session", 69104}},
      {"3.x", "Memory cgroup out of memory: Kill process 1 (x) score 1046 or sacrifice child", {1, "x", 1046}},
      {"with", "Out of memory: Kill process 1 (x) with score 5 or sacrifice child", {1, "x", 5}},
      {"state",
       "Out of memory: Kill process 1 (dd) [State: 0 Flags: 4202752] score 7 or sacrifice child",
       {1, "dd", 7}},
      {"hostile", "Out of memory: Kill process 1 (a) score 3 or) score 4 or sacrifice child", {1, "a) score 3 or", 4}},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.name);
    const auto decision = parse_decision(row.text);
    ASSERT_TRUE(decision);
    EXPECT_EQ(std::tuple(decision->pid, decision->comm.value_or("?"), decision->score.value_or(-1)), row.want);
  }
  EXPECT_FALSE(parse_decision("Kill process 12 (x) sharing same memory"));
  EXPECT_TRUE(parse_shared_memory("Kill process 12 (x) sharing same memory"));
}

TEST(Outcome, OtherLines) {
  EXPECT_EQ(parse_group_kill("Tasks in /a b are going to be killed due to memory.oom.group set")->path, "/a b");
  EXPECT_EQ(parse_reaped("oom_reaper: reaped process 7 (a (b)), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB")->pid,
            7);
  EXPECT_FALSE(parse_reaped("oom_reaper: unable to reap pid:7 (x)")->reaped);
  EXPECT_TRUE(
      parse_already_exiting("Memory cgroup out of memory: OOM victim 7 (x) is already exiting. Skip killing the task"));
  EXPECT_TRUE(parse_no_killable("Out of memory and no killable processes..."));
  EXPECT_TRUE(parse_oom_panic("Kernel panic - not syncing: Out of memory: system-wide panic_on_oom is enabled"));
  EXPECT_TRUE(parse_oom_panic("---[ end Kernel panic - not syncing: System is deadlocked on memory ]---")->trailer);
  EXPECT_TRUE(parse_oom_panic("Kernel panic - not syncing: out of memory(memcg). panic_on_oom is selected.")->memcg);
  EXPECT_FALSE(parse_oom_panic("Kernel panic - not syncing: VFS: Unable to mount root fs"));
  EXPECT_EQ(parse_suppressed("oom_kill_process: 132 callbacks suppressed")->count, 132U);
  EXPECT_FALSE(parse_suppressed("warn_alloc: 59 callbacks suppressed")->of_oom);
  EXPECT_TRUE(parse_manual_oom("sysrq: SysRq : Manual OOM execution"));
  EXPECT_TRUE(parse_manual_oom("SysRq : Manual OOM execution"));
  EXPECT_FALSE(parse_manual_oom("Manual OOM execution"));
  EXPECT_TRUE(parse_manual_oom("sysrq: OOM request ignored. No task eligible")->ignored);
  EXPECT_EQ(parse_boot("Linux version 6.12.9 (x)")->release, "6.12.9");
}

TEST(AllocationFailure, EveryEra) {
  for (const auto text : {"swapper: page allocation failure. order:1, mode:0x20",
                          "x: page allocation failure: order:4, mode:0x40cc0(GFP_KERNEL|__GFP_COMP)",
                          "binder:31804_2: page allocation failure: order:0, "
                          "mode:0x3100cca(GFP_HIGHUSER_MOVABLE|0x3000000), nodemask=(null),cpuset=b,mems_allowed=0",
                          "x: page allocation stalls for 10004ms, order:0, mode:0x24200ca(GFP_HIGHUSER_MOVABLE)"}) {
    EXPECT_TRUE(parse_allocation_failure(text)) << text;
  }
  EXPECT_FALSE(parse_allocation_failure("x: page allocation failure: order:%u, mode:%#x(%pGg)"));
}

TEST(UserspaceKill, ToldApart) {
  const auto earlyoom = parse_userspace(
      "", "earlyoom[454]: sending SIGTERM to process 9994 uid 1000 \"term\" shark\": badness 1181, VmRSS 4568 MiB");
  ASSERT_TRUE(earlyoom);
  EXPECT_EQ(earlyoom->victims.at(0).pid, 9994);
  EXPECT_EQ(earlyoom->victims.at(0).comm, "term\" shark");
  EXPECT_EQ(earlyoom->victims.at(0).uid, 1000);
  const auto oomd = parse_userspace("systemd-oomd",
                                    "Killed /user.slice/a due to memory pressure for /user.slice being 85.03% > "
                                    "80.00% for > 2s with reclaim activity");
  ASSERT_TRUE(oomd);
  EXPECT_EQ(oomd->memcg, "/user.slice/a");
  EXPECT_EQ(parse_userspace("lowmemorykiller", "Kill 'com.x' (17933), uid 10446, oom_score_adj 0 to free 140528kB rss")
                ->victims.at(0)
                .pid,
            17933);
  EXPECT_EQ(parse_userspace("", "oomd kill: 1.0 2.0 3.0 /a/b 123 ruleset:[x] killer:k v2")->memcg, "/a/b");
  EXPECT_FALSE(parse_userspace("", "oomd kill: 1.0 2.0 3.0 /a/b 123 ruleset:[x] killer:(dry)k v2"));
  EXPECT_FALSE(parse_userspace("sshd", "Killed /x due to memory pressure for /x"));
}

TEST(Gfp, NamesAreTrustedAndNumbersDecodedByEra) {
  EXPECT_THAT(read_gfp_mask(0xcc0, "GFP_KERNEL", true).flags,
              UnorderedElementsAre("__GFP_DIRECT_RECLAIM", "__GFP_KSWAPD_RECLAIM", "__GFP_IO", "__GFP_FS"));
  EXPECT_THAT(read_gfp_mask(0x1000cc0, "GFP_KERNEL|0x1000000", true).flags, ::testing::Contains("0x1000000"));
  const Row<std::pair<std::uint64_t, std::string>> kRows[] = {
      {"2.6.32", {}, {0xd0, "GFP_KERNEL"}},
      {"2.6.32_anon", {}, {0x280da, "GFP_HIGHUSER_MOVABLE|__GFP_ZERO"}},
      {"3.10_file", {}, {0x201da, "GFP_HIGHUSER_MOVABLE|__GFP_COLD"}},
      {"nofs", {}, {0x50, "GFP_NOFS"}},
      {"4.4", {}, {0x24000c0, "GFP_KERNEL"}},
      {"4.4_anon", {}, {0x24280ca, "GFP_HIGHUSER_MOVABLE|__GFP_ZERO"}},
      {"4.10", {}, {0x14200ca, "GFP_HIGHUSER_MOVABLE"}},
      {"4.18", {}, {0x6200ca, "GFP_HIGHUSER_MOVABLE"}},
      {"5.1", {}, {0x100cca, "GFP_HIGHUSER_MOVABLE"}},
      {"5.1_account", {}, {0x400cc0, "GFP_KERNEL_ACCOUNT"}},
      {"unknown_bits", {}, {0x1000cc0, "GFP_KERNEL|0x1000000"}},
  };
  for (const auto& row : kRows) {
    EXPECT_EQ(read_gfp_mask(row.want.first, {}, false).text, row.want.second) << row.name;
  }
  EXPECT_THAT(read_gfp_mask(0xd0, {}, false).flags, UnorderedElementsAre("__GFP_WAIT", "__GFP_IO", "__GFP_FS"));
  EXPECT_EQ(read_gfp_mask(0, {}, true).text, "");
}

}  // namespace
}  // namespace forensics
