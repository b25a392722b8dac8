// Lines that few kernels print: vendors' shapes, tables without their header, asides.
#include <gtest/gtest.h>

#include "forensics/oom_line.h"

namespace forensics {
namespace {

using namespace lines;

TEST(Vendors, OpenVzVirtuozzoAndVserver) {
  const auto openvz = parse_kill(
      "Out of memory in UB 1234: OOM killed process 21738 (php) score 1) score 0 vm:281988kB, rss:17004kB, swap:0kB");
  ASSERT_TRUE(openvz);
  EXPECT_EQ(openvz->domain, Domain::memcg);
  EXPECT_EQ(openvz->victim.pid, 21738);
  EXPECT_EQ(openvz->victim.comm, "php) score 1");
  EXPECT_EQ(openvz->victim.score, 0);
  EXPECT_EQ(openvz->victim.total_vm_bytes, 281988U * 1024);
  EXPECT_EQ(parse_kill("Out of memory in UB 0: OOM killed process 1 (x) score 0 vm:1kB, rss:1kB, swap:0kB")->domain,
            Domain::global);
  const auto trigger = parse_trigger("21738 (php-cgi) invoked oom-killer in ub 1234 generation 1 gfp 0xd0");
  ASSERT_TRUE(trigger);
  EXPECT_EQ(trigger->comm, "php-cgi");
  EXPECT_EQ(trigger->gfp_value, 0xd0U);
  const auto virtuozzo =
      parse_kill("Killed process 77 (java) in VE \"100\" total-vm:8kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB");
  ASSERT_TRUE(virtuozzo);
  EXPECT_EQ(virtuozzo->victim.comm, "java");
  EXPECT_EQ(virtuozzo->victim.anon_rss_bytes, 4096U);
  const auto decision = parse_decision("Out of memory: Kill process dd(x)(5:#100) score 7 or sacrifice child");
  ASSERT_TRUE(decision);
  EXPECT_EQ(decision->pid, 5);
  EXPECT_EQ(decision->comm, "dd(x)");
  EXPECT_EQ(decision->score, 7);
  const auto kill = parse_kill("Killed process dd(5:100) total-vm:8kB, anon-rss:4kB, file-rss:0kB");
  ASSERT_TRUE(kill);
  EXPECT_EQ(kill->victim.pid, 5);
  EXPECT_EQ(kill->victim.total_vm_bytes, 8192U);
  const auto columns =
      parse_task_header("[ pid:#xid ]   uid  tgid total_vm      rss nr_ptes swapents oom_score_adj name");
  ASSERT_TRUE(columns);
  const auto row = parse_task_row("[ 2231:#100]    26  2231   500123   210455     702        0             0 java");
  ASSERT_TRUE(row);
  EXPECT_EQ(split_task_row(row->text, columns->columns)->task.pid, 2231);
}

TEST(Tasks, HeaderlessRowsAreToldApart) {
  // 2.6.36: the cpu is 0 in every row, oom_adj is below 0 in one.
  const auto old = guess_columns({"[  410]     0   410     4200      100   0     -17         -1000 udevd",
                                  "[  999]    48   999    90000     7000   0       0             0 httpd"});
  ASSERT_TRUE(old);
  const auto task = split_task_row("[  410]     0   410     4200      100   0     -17         -1000 udevd", *old);
  EXPECT_EQ(task->task.oom_score_adj, -1000);
  EXPECT_FALSE(task->pgtables_bytes);
  EXPECT_FALSE(task->swap_entries);
  const auto newer = guess_columns({"[  410]     0   410     4200      100    53248       12         -1000 udevd"});
  EXPECT_EQ(split_task_row("[  410]     0   410     4200      100    53248       12         -1000 udevd", *newer)
                ->pgtables_bytes,
            53248U);
}

TEST(Asides, AreKnown) {
  for (const auto text : {"Purging GPU memory, 12 pages freed, 3 pages still pinned.",
                          "Huh VM_FAULT_OOM leaked out to the #PF handler. "
                          "Retrying PF",
                          "OOM killer disabled.", "No memory allocation info available: -12",
                          "SLUB: Unable to allocate memory on node -1, gfp=0x20(GFP_ATOMIC)"}) {
    EXPECT_TRUE(parse_aside(text)) << text;
  }
  EXPECT_TRUE(parse_show_memory("sysrq: Show Memory"));
  EXPECT_TRUE(parse_show_memory("sysrq: SysRq : Show Memory"));
  EXPECT_TRUE(parse_show_memory("SysRq : Show Memory"));
  EXPECT_FALSE(parse_show_memory("Show Memory"));
  EXPECT_EQ(parse_suppressed("printk: 12 messages suppressed.")->count, 12U);
  EXPECT_FALSE(parse_suppressed("printk: 12 messages suppressed.")->of_oom);
  const auto vmalloc = parse_allocation_failure(
      "modprobe: vmalloc error: size 4096, failed to allocate pages, mode:0xcc2(GFP_KERNEL|__GFP_HIGHMEM), "
      "nodemask=(null),cpuset=/,mems_allowed=0");
  ASSERT_TRUE(vmalloc);
  EXPECT_EQ(vmalloc->comm, "modprobe");
  EXPECT_FALSE(vmalloc->order);
  EXPECT_FALSE(vmalloc->stall);
}

TEST(Memcg, FirstHalfOfTwoPrintks) {
  const auto half = parse_memcg_limit("Task in /a/b killed");
  ASSERT_TRUE(half);
  EXPECT_EQ(half->task_memcg, "/a/b");
  EXPECT_TRUE(half->oom_memcg.empty());
}

}  // namespace
}  // namespace forensics
