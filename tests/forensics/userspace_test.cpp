// Killers that are not the kernel's OOM killer: what they say over several lines becomes one incident.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/forensics/parse_text.h"

namespace forensics {
namespace {

using ::testing::IsEmpty;
using testing::parse_text;

std::vector<std::int64_t> pids_of(const Incident& incident) {
  std::vector<std::int64_t> pids;
  for (const auto& victim : incident.victims) {
    pids.push_back(victim.pid);
  }
  return pids;
}

TEST(Userspace, NohangSaysWhoBeforeItKills) {
  const auto document = parse_text(
      "Nov 22 10:00:00 pc nohang[99]: Memory status that requires corrective actions:\n"
      "Nov 22 10:00:00 pc nohang[99]:   MemAvailable [177 MiB, 3.0 %] <= hard_threshold_min_mem [235 MiB, 4.0 %]\n"
      "Nov 22 10:00:00 pc nohang[99]: Process with highest badness (found in 4ms):\n"
      "Nov 22 10:00:00 pc nohang[99]:   PID: 12, Name: a, state: b, badness: 900\n"
      "Nov 22 10:00:00 pc nohang[99]: Victim status (found in 1ms):\n"
      "Nov 22 10:00:00 pc nohang[99]:   PID:       12, name: a, state: b, state: R, EUID: 1000, SID: 7 (sh), lifetime: "
      "5s\n"
      "Nov 22 10:00:00 pc nohang[99]:   badness:   900, oom_score:  905, oom_score_adj:  5\n"
      "Nov 22 10:00:00 pc nohang[99]:   cgroup_v2: /user.slice\n"
      "Nov 22 10:00:00 pc nohang[99]: Implementing a corrective action:\n"
      "Nov 22 10:00:00 pc nohang[99]:   Sending SIGTERM to the victim\n"
      "Nov 22 10:00:00 pc nohang[99]:   OK; total response time: 12ms\n");
  ASSERT_EQ(document.incidents.size(), 1U);
  const auto& incident = document.incidents[0];
  EXPECT_EQ(incident.kind, "userspace_kill");
  EXPECT_EQ(incident.killer, "nohang");
  EXPECT_EQ(incident.scope, "unknown");
  ASSERT_EQ(pids_of(incident), std::vector<std::int64_t>{12});
  EXPECT_EQ(incident.victims[0].comm, "a, state: b");
  EXPECT_EQ(incident.victims[0].uid, 1000);
  EXPECT_EQ(incident.victims[0].score, 900);
  EXPECT_EQ(incident.victims[0].oom_score_adj, 5);
  EXPECT_EQ(incident.cgroup->task_memcg, "/user.slice");
  EXPECT_EQ(incident.log.first_line, 4U);
  EXPECT_EQ(incident.log.last_line, 10U);
}

TEST(Userspace, NohangsTableIsNotTheKernels) {
  EXPECT_THAT(parse_text("Tasks state (memory values in mebibytes):\n#    PID     PPID  badness\n").incidents,
              IsEmpty());
}

TEST(Userspace, SystemdOomdNumbersEveryProcess) {
  const auto document = parse_text(
      "Nov 22 10:00:00 pc systemd-oomd[659]: oomd attempting to kill 407 with KILL\n"
      "Nov 22 10:00:00 pc systemd-oomd[659]: oomd attempting to kill 408 with KILL\n"
      "Nov 22 10:00:00 pc systemd-oomd[659]: oomd attempting to kill 407 with KILL\n"
      "Nov 22 10:00:00 pc systemd-oomd[659]: Killed /user.slice/a due to memory used (7) / total (8) and swap used (9) "
      "/ "
      "total (9) being more than 90.00%\n"
      "Nov 22 10:00:01 pc systemd[1]: a.service: systemd-oomd killed 2 process(es) in this unit.\n");
  ASSERT_EQ(document.incidents.size(), 1U);
  EXPECT_EQ(document.incidents[0].killer, "systemd-oomd");
  EXPECT_EQ(document.incidents[0].scope, "memcg");
  EXPECT_EQ(document.incidents[0].cgroup->task_memcg, "/user.slice/a");
  EXPECT_EQ(pids_of(document.incidents[0]), (std::vector<std::int64_t>{407, 408}));
}

TEST(Userspace, MetasOomdOnBothLogsIsOneKill) {
  const auto document = parse_text(
      "Nov 22 10:00:00 pc oomd[5]: [../src/BaseKillPlugin.cpp:99] Trying to kill /sys/fs/cgroup/a/b\n"
      "Nov 22 10:00:00 pc oomd[5]: [../src/BaseKillPlugin.cpp:200] Killed 2: 12(x y) 13((z))\n"
      "Nov 22 10:00:00 pc kernel: [   12.345678] oomd kill: 1.0 2.0 3.0 a/b 123 ruleset:[r] detectorgroup:[d] "
      "killer:k v2\n");
  ASSERT_EQ(document.incidents.size(), 1U);
  EXPECT_EQ(document.incidents[0].killer, "oomd");
  EXPECT_EQ(document.incidents[0].cgroup->task_memcg, "/sys/fs/cgroup/a/b");
  ASSERT_EQ(pids_of(document.incidents[0]), (std::vector<std::int64_t>{12, 13}));
  EXPECT_EQ(document.incidents[0].victims[0].comm, "x y");
  EXPECT_EQ(document.incidents[0].victims[1].comm, "(z)");
}

TEST(Userspace, EarlyoomEscalatesOnceAndMayFail) {
  const std::string sending = "earlyoom[4]: sending SIG";
  const std::string who =
      " to process 9 uid 0 \"x\": oom_score 800, oom_score_adj 300, VmRSS 4 MiB, cmdline \"x \\\"y\"\n";
  auto document = parse_text(sending + "TERM" + who + "earlyoom[4]: process 9 did not exit\n" + sending + "KILL" + who);
  ASSERT_EQ(document.incidents.size(), 1U);
  EXPECT_EQ(document.incidents[0].victims.at(0).score, 800);
  EXPECT_EQ(document.incidents[0].victims.at(0).oom_score_adj, 300);
  EXPECT_EQ(document.incidents[0].log.last_line, 3U);
  EXPECT_THAT(parse_text(sending + "TERM" + who + "earlyoom[4]: kill failed: Operation not permitted\n").incidents,
              IsEmpty());
  EXPECT_THAT(parse_text(sending + "TERM" + who + "earlyoom[4]: dryrun, not actually sending any signal\n").incidents,
              IsEmpty());
  EXPECT_EQ(parse_text(sending + "TERM" + who + "earlyoom[4]: kill failed: Timer expired\n").incidents.size(), 1U);
}

TEST(Userspace, LowMemoryKillerOfTheKernelInEveryForm) {
  const std::string first = "lowmemorykiller: Killing 'd.process' (123) (tgid 122), adj 906,";
  const std::string second = "   to free 12345kB on behalf of 'kswapd0' (56) because";
  const std::string third = "   cache 12345kB is below limit 23456kB for oom_score_adj 529";
  const std::string fourth = "   Free memory is -123kB above reserved";
  const std::string stamp = "[   12.345678] ";
  const std::string blanks(15, ' ');
  const std::string kForms[] = {
      stamp + first + "\n" + stamp + second + "\n" + stamp + third + "\n" + stamp + fourth + "\n",
      stamp + first + "\n" + blanks + second + "\n" + blanks + third + "\n" + blanks + fourth + "\n",
      "6,1,12345678,-;" + first + "\\x0a" + second + "\\x0a" + third + "\\x0a" + fourth + "\n",
      "<6>" + stamp + first + "\n<6>" + stamp + second + "\n<6>" + stamp + third + "\n<6>" + stamp + fourth + "\n",
  };
  for (const auto& text : kForms) {
    SCOPED_TRACE(text);
    const auto document = parse_text(text);
    ASSERT_EQ(document.incidents.size(), 1U);
    const auto& incident = document.incidents[0];
    EXPECT_EQ(incident.kind, "userspace_kill");
    EXPECT_EQ(incident.killer, "lmkd");
    ASSERT_EQ(incident.victims.size(), 1U);
    EXPECT_EQ(incident.victims[0].pid, 123);
    EXPECT_EQ(incident.victims[0].comm, "d.process");
    EXPECT_EQ(incident.victims[0].oom_score_adj, 906);
    EXPECT_EQ(incident.trigger.comm, "kswapd0");
    EXPECT_EQ(incident.trigger.pid, 56);
    EXPECT_EQ(incident.time.monotonic_s, 12.345678);
  }
}

TEST(Userspace, OlderLowMemoryKiller) {
  const auto document = parse_text("<4>[   12.345678] send sigkill to 1234 (ndroid.browser), adj 7, size 3456\n");
  ASSERT_EQ(document.incidents.size(), 1U);
  EXPECT_EQ(document.incidents[0].victims.at(0).pid, 1234);
  EXPECT_EQ(document.incidents[0].victims.at(0).comm, "ndroid.browser");
  EXPECT_FALSE(document.incidents[0].victims.at(0).oom_score_adj) << "it is oom_adj's scale";
  EXPECT_EQ(parse_text("07-28 10:46:14.514   479   479 I lowmemorykiller: Kill 'com.x' (17757), uid 1, oom_score_adj 0 "
                       "to free 1kB rss; reason: low\n")
                .incidents.at(0)
                .victims.at(0)
                .uid,
            1);
}

}  // namespace
}  // namespace forensics
