// Whole reports: what they become, cut, interleaved, stormed, in every carrier.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "forensics/json.h"
#include "tests/forensics/parse_text.h"

namespace forensics {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::joined;
using testing::memcg_report;
using testing::parse_text;

// The incident without what depends on the carrier: times and line numbers.
std::string core(Incident incident) {
  incident.time = {};
  testing::forget_lines(incident);
  Postmortem document;
  document.incidents.push_back(std::move(incident));
  return to_json(document);
}

TEST(Report, MemoryCgroup) {
  const auto document = parse_text(joined(memcg_report()));
  ASSERT_EQ(document.incidents.size(), 1U);
  const auto& incident = document.incidents[0];
  EXPECT_EQ(incident.kind, "oom_kill");
  EXPECT_EQ(incident.scope, "memcg");
  EXPECT_TRUE(incident.complete);
  EXPECT_THAT(incident.missing, IsEmpty());
  EXPECT_EQ(incident.trigger.comm, "python3");
  EXPECT_EQ(incident.trigger.pid, 4242);
  EXPECT_EQ(incident.trigger.cpu, 3);
  EXPECT_EQ(incident.kernel.release, "6.12.9");
  EXPECT_FALSE(incident.kernel.tainted);
  EXPECT_THAT(incident.call_trace, ElementsAre("dump_stack_lvl", "mem_cgroup_out_of_memory"));
  ASSERT_TRUE(incident.cgroup);
  EXPECT_EQ(incident.cgroup->oom_memcg, "/app.slice/w.service");
  EXPECT_EQ(incident.cgroup->hierarchy, 2);
  EXPECT_EQ(incident.cgroup->memory->limit_bytes, 64U << 20);
  EXPECT_EQ(incident.cgroup->stat, (cgroup::Counters{{"anon", 65585152}, {"file", 0}}));
  ASSERT_EQ(incident.tasks.size(), 1U);
  EXPECT_EQ(incident.tasks[0].rss_bytes, 18219U * 4096);
  EXPECT_EQ(incident.tasks[0].pgtables_bytes, 208896U);
  ASSERT_EQ(incident.victims.size(), 1U);
  EXPECT_EQ(incident.victims[0].pid, 4242);
  EXPECT_EQ(incident.victims[0].uid, 1000);
  EXPECT_EQ(incident.victims[0].task_memcg, "/app.slice/w.service");
  EXPECT_FALSE(incident.victims[0].reaped);
  EXPECT_EQ(incident.analysis.page_size_bytes, 4096U);
  EXPECT_EQ(incident.log.first_line, 1U);
  EXPECT_EQ(incident.log.last_line, 17U);
  EXPECT_EQ(document.inputs[0].carrier, "raw");
  EXPECT_THAT(document.warnings, IsEmpty());
}

TEST(Report, KmsgFixtureWithHostileNameAndLateReaper) {
  const auto text = base::read_all(std::filesystem::path(OOMLAB_SOURCE_DIR) / "tests/fixtures/logs/memcg-v2-6.12.kmsg");
  ASSERT_TRUE(text);
  const auto document = parse_text(*text);
  ASSERT_EQ(document.incidents.size(), 1U);
  const auto& incident = document.incidents[0];
  EXPECT_TRUE(incident.complete);
  EXPECT_DOUBLE_EQ(incident.time.monotonic_s.value(), 5.678901);
  EXPECT_EQ(incident.cgroup->oom_memcg, "/app.slice/w\\x2d1.service");
  ASSERT_EQ(incident.tasks.size(), 2U);
  EXPECT_EQ(incident.tasks[0].comm, "b\x1b[31m\n)x\xff");
  EXPECT_EQ(incident.victims[0].reaped, true);
  EXPECT_EQ(document.inputs[0].carrier, "kmsg");
  EXPECT_THAT(document.warnings, IsEmpty());
}

TEST(Report, SameIncidentInEveryCarrier) {
  const auto lines = memcg_report();
  const auto expected = core(parse_text(joined(lines)).incidents.at(0));
  std::string json = "{\n   \"dmesg\": [\n      {\n";
  std::string journal, exported, kmsg;
  int number = 0;
  for (const auto& line : lines) {
    json += "         \"pri\": 6,\n         \"time\":    12.345678,\n         \"msg\": \"" + line + "\"\n      },{\n";
    journal += R"({"MESSAGE":")" + line + R"(","_TRANSPORT":"kernel"})" + "\n";
    exported += "__REALTIME_TIMESTAMP=1700000000123456\n_TRANSPORT=kernel\nMESSAGE=" + line + "\n\n";
    kmsg += "6," + std::to_string(++number) + ",5678901,-;" + line + "\n";
  }
  const std::pair<const char*, std::string> kInputs[] = {
      {"dmesg", joined(lines, "[   12.345678] ")},
      {"dmesg", joined(lines, "[Di Aug 12 03:54:03 2025] ")},
      {"dmesg", joined(lines, "kern  :warn  : [   12.345678] ")},
      {"dmesg", joined(lines, "<4>[   12.345678] ")},
      {"console", joined(lines, "[   12.345678][ T4242] ")},
      {"syslog", joined(lines, "Oct 12 19:00:20 node kernel: [ 8523.347168] ")},
      {"syslog", joined(lines, "Mär 12 19:00:20 node kernel: ")},
      {"syslog_iso", joined(lines, "2024-05-01T12:34:56.789012+02:00 node kernel: ")},
      {"syslog_iso", joined(lines, "<4>1 2024-05-01T12:34:56Z node kernel - - - ")},
      {"journal_text", joined(lines, "2025-11-21T14:22:56+0100 node kernel: ")},
      {"journal_text", joined(lines, "Fri 2025-11-21 14:22:56 CET node kernel: ")},
      {"journal_text", joined(lines, "[   12.345678] node kernel: ")},
      {"journal_text", joined(lines, "kernel: ")},
      {"logcat", joined(lines, "05-01 12:34:56.789     0     0 I ")},
      {"dmesg_json", json},
      {"journal_json", journal},
      {"journal_export", exported},
      {"kmsg", kmsg},
      {"raw", joined(lines, "20:31:49.738 [warn] ")},
      {"raw", joined(lines, "> ")},
      {"raw", joined(lines, "    ")},
  };
  for (const auto& [carrier, text] : kInputs) {
    SCOPED_TRACE(text.substr(0, 60));
    const auto document = parse_text(text);
    ASSERT_EQ(document.incidents.size(), 1U);
    EXPECT_EQ(document.inputs[0].carrier, carrier);
    EXPECT_EQ(core(document.incidents[0]), expected);
  }
}

TEST(Report, MultiLineStatisticsInEveryForm) {
  auto lines = memcg_report();
  const std::string together = "anon 65585152\nfile 0";
  const auto expected = core(parse_text(joined(lines)).incidents.at(0));
  lines.erase(lines.begin() + 11);
  const auto with = [&](const std::string& prefix, const std::string& record) {
    std::string text;
    for (const auto& line : lines) {
      text += prefix + (line == "anon 65585152" ? record : line) + "\n";
    }
    return text;
  };
  const std::pair<const char*, std::string> kForms[] = {
      {"dmesg indents", with("[   12.345678] ", "anon 65585152\n               file 0")},
      {"journalctl indents",
       with("Oct 12 19:00:20 node kernel: ", "anon 65585152\n                             file 0")},
      {"bare", with("[   12.345678] ", together)},
      {"rsyslog", with("Oct 12 19:00:20 node kernel: ", "anon 65585152#012file 0")},
      {"raw record", with("[   12.345678] ", "anon 65585152\\x0afile 0")},
      {"kmsg", with("6,1,5678901,-;", "anon 65585152\\x0afile 0")},
  };
  for (const auto& [name, text] : kForms) {
    SCOPED_TRACE(name);
    const auto document = parse_text(text);
    ASSERT_EQ(document.incidents.size(), 1U);
    EXPECT_EQ(core(document.incidents[0]), expected);
  }
}

TEST(Report, TwoCpusInterleavedByCaller) {
  const auto first = memcg_report("alpha", 11111, "/a");
  const auto second = memcg_report("beta", 22222, "/b");
  std::string mixed;
  for (std::size_t i = 0; i < first.size(); ++i) {
    mixed += "[   12.345678][T11111] " + first[i] + "\n[   12.345678][T22222] " + second[i] + "\n";
  }
  const auto document = parse_text(mixed);
  ASSERT_EQ(document.incidents.size(), 2U);
  EXPECT_EQ(core(document.incidents[0]), core(parse_text(joined(first)).incidents.at(0)));
  EXPECT_EQ(core(document.incidents[1]), core(parse_text(joined(second)).incidents.at(0)));
}

TEST(Report, ForeignLinesInsideAreKeptAsUnrecognized) {
  auto lines = memcg_report();
  lines.insert(lines.begin() + 8, "eth0: link is down");
  lines.insert(lines.begin() + 14, "systemd-journald[648]: Compressed data object 720 -> 393 using ZSTD");
  lines.emplace_back("docker0: port 2 entered disabled state");
  const auto document = parse_text(joined(lines, "[   12.345678] "));
  ASSERT_EQ(document.incidents.size(), 1U);
  EXPECT_TRUE(document.incidents[0].complete);
  const auto& unknown = document.incidents[0].log.unrecognized;
  ASSERT_EQ(unknown.size(), 2U) << "what follows the report is not part of it";
  EXPECT_EQ(unknown[0].line, 9U);
  EXPECT_EQ(unknown[0].text, "eth0: link is down");
}

TEST(Report, KillLinesAloneAreIncidents) {
  const auto document = parse_text(
      "[  1.000001] Memory cgroup out of memory: Killed process 1 (a) total-vm:8kB, anon-rss:4kB, file-rss:0kB, "
      "shmem-rss:0kB, UID:0 pgtables:4kB oom_score_adj:0\n"
      "[  1.000002] Memory cgroup out of memory: Killed process 2 (b) total-vm:8kB, anon-rss:4kB, file-rss:0kB, "
      "shmem-rss:0kB, UID:0 pgtables:4kB oom_score_adj:0\n");
  ASSERT_EQ(document.incidents.size(), 2U);
  EXPECT_EQ(document.incidents[0].scope, "memcg");
  EXPECT_FALSE(document.incidents[0].complete);
  EXPECT_THAT(document.incidents[0].missing,
              ElementsAre("trigger", "call_trace", "cgroup_usage", "cgroup_stat", "tasks", "constraint"));
}

TEST(Report, GroupKillHoldsEachProcessOnce) {
  auto lines = memcg_report();
  const std::string kill = "Memory cgroup out of memory: Killed process ";
  const std::string rest =
      " total-vm:8kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:4kB oom_score_adj:0";
  lines.emplace_back("Tasks in /app.slice/w.service are going to be killed due to memory.oom.group set");
  lines.push_back(kill + "4242 (python3)" + rest);
  lines.push_back(kill + "4243 (helper)" + rest);
  const auto document = parse_text(joined(lines));
  ASSERT_EQ(document.incidents.size(), 1U);
  const auto& victims = document.incidents[0].victims;
  ASSERT_EQ(victims.size(), 2U);
  EXPECT_EQ(victims[0].role, "selected");
  EXPECT_EQ(victims[0].anon_rss_bytes, 64048U * 1024) << "the first line's figures stay";
  EXPECT_EQ(victims[1].role, "group");
}

TEST(Report, SecondGroupKillWithoutHeaderIsAnother) {
  const std::string kill = "] Memory cgroup out of memory: Killed process ";
  const std::string rest =
      " total-vm:8kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB, UID:0 pgtables:4kB oom_score_adj:0\n";
  const std::string group = "] Tasks in /g are going to be killed due to memory.oom.group set\n";
  const auto document =
      parse_text("[  1.000001" + kill + "1 (a)" + rest + "[  1.000002" + group + "[  1.000003" + kill + "2 (b)" + rest +
                 "[  1.100001" + kill + "3 (c)" + rest + "[  1.100002" + group + "[  1.100003" + kill + "4 (d)" + rest);
  ASSERT_EQ(document.incidents.size(), 2U);
  EXPECT_EQ(document.incidents[0].victims.size(), 2U);
  ASSERT_EQ(document.incidents[1].victims.size(), 2U);
  EXPECT_EQ(document.incidents[1].victims[0].pid, 3);
}

TEST(Report, SacrificedChildIsTheVictim) {
  const auto document = parse_text(
      "Out of memory: Kill process 5064 (gnome-session) score 858 or sacrifice child\nKilled process 5098 (ssh-agent) "
      "total-vm:8kB, anon-rss:4kB, file-rss:0kB\n");
  ASSERT_EQ(document.incidents.size(), 1U);
  ASSERT_EQ(document.incidents[0].victims.size(), 1U);
  EXPECT_EQ(document.incidents[0].victims[0].pid, 5098);
  EXPECT_EQ(document.incidents[0].victims[0].role, "child");
  EXPECT_EQ(document.incidents[0].victims[0].score, 858);
  EXPECT_EQ(document.incidents[0].scope, "global");
}

TEST(Report, StormWithoutVictimsFolds) {
  auto lines = memcg_report();
  lines.resize(lines.size() - 2);
  lines.emplace_back("Out of memory and no killable processes...");
  std::string text;
  for (int i = 0; i < 500; ++i) {
    text += joined(lines);
  }
  const auto document = parse_text(text);
  ASSERT_EQ(document.incidents.size(), 1U);
  EXPECT_EQ(document.incidents[0].kind, "no_victim");
  EXPECT_EQ(document.incidents[0].repeats, 500U);
  EXPECT_THAT(document.incidents[0].victims, IsEmpty());
  EXPECT_THAT(document.incidents[0].missing, IsEmpty());
  EXPECT_EQ(document.incidents[0].log.last_line, 500U * lines.size());
}

TEST(Report, PanicIsAnIncidentAndItsTraceIsNotTheReports) {
  auto lines = memcg_report();
  lines.resize(lines.size() - 2);
  lines.emplace_back("Kernel panic - not syncing: Out of memory: compulsory panic_on_oom is enabled");
  lines.emplace_back("CPU: 9 UID: 0 PID: 1 Comm: other Not tainted 6.12.9 #1");
  lines.emplace_back(" panic+0x1/0x2");
  lines.emplace_back("---[ end Kernel panic - not syncing: Out of memory: compulsory panic_on_oom is enabled ]---");
  const auto document = parse_text(joined(lines));
  ASSERT_EQ(document.incidents.size(), 1U);
  EXPECT_EQ(document.incidents[0].kind, "panic");
  EXPECT_EQ(document.incidents[0].trigger.pid, 4242);
  EXPECT_EQ(document.incidents[0].call_trace.size(), 2U);
}

TEST(Report, SysrqAndSuppressedHeaders) {
  auto lines = memcg_report();
  lines[0] = "kworker/0:1 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=-1, oom_score_adj=0";
  lines.insert(lines.begin(), {"sysrq: Manual OOM execution", "oom_kill_process: 132 callbacks suppressed"});
  const auto document = parse_text(joined(lines));
  ASSERT_EQ(document.incidents.size(), 1U);
  EXPECT_TRUE(document.incidents[0].manual);
  EXPECT_EQ(document.incidents[0].log.suppressed, 132U);
}

TEST(Report, AllocationFailureInsideAReportStaysApart) {
  auto lines = memcg_report();
  const std::vector<std::string> failure = {
      "swapper/0: page allocation failure: order:4, mode:0x40cc0(GFP_KERNEL|__GFP_COMP), "
      "nodemask=(null),cpuset=/,mems_allowed=0",
      "CPU: 0 PID: 7 Comm: swapper/0 Not tainted 6.12.9 #1",
      "Mem-Info:", "active_anon:1 inactive_anon:2 isolated_anon:3"};
  lines.insert(lines.begin() + 7, failure.begin(), failure.end());
  const auto document = parse_text(joined(lines));
  ASSERT_EQ(document.incidents.size(), 2U);
  EXPECT_EQ(document.incidents[0].kind, "oom_kill");
  EXPECT_TRUE(document.incidents[0].complete);
  EXPECT_FALSE(document.incidents[0].memory_info);
  EXPECT_EQ(document.incidents[1].kind, "allocation_failure");
  EXPECT_THAT(document.incidents[1].victims, IsEmpty());
}

TEST(Report, MemInfoAloneIsNone) {
  EXPECT_THAT(
      parse_text(
          "sysrq: Show Memory\nMem-Info:\nactive_anon:1 inactive_anon:2 isolated_anon:3\nNode 0 DMA free:4kB min:4kB\n")
          .incidents,
      IsEmpty());
  EXPECT_THAT(parse_text("OOM killer disabled.\npsci: CPU1 killed (polled 0 ms)\nOOM killer enabled.\n").incidents,
              IsEmpty());
  EXPECT_THAT(
      parse_text("oom_reaper: reaped process 2693 (hj.zwh), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB\n").incidents,
      IsEmpty());
}

TEST(Report, WordsOfProgramsAreNotTheKernels) {
  const std::string kill =
      "Memory cgroup out of memory: Killed process 5 (x) total-vm:8kB, anon-rss:4kB, file-rss:0kB\n";
  EXPECT_THAT(parse_text("Oct 12 19:00:20 node logger[5]: " + kill).incidents, IsEmpty());
  EXPECT_THAT(parse_text("12,5,100,-;" + kill).incidents, IsEmpty());
  const std::string program = R"json({"MESSAGE":"Out of memory: Killed process 5 (x)","_TRANSPORT":"stdout"})json";
  EXPECT_THAT(parse_text(program).incidents, IsEmpty());
}

TEST(Report, NoneConstraintOfFiveZeroIsCorrected) {
  auto lines = memcg_report();
  lines[15] =
      "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),oom_memcg=/foo,task_memcg=/foo,task=python3,pid=4242,uid=0";
  EXPECT_EQ(parse_text(joined(lines)).incidents.at(0).scope, "memcg");
}

TEST(Report, PageTablesInBytesAreCorrected) {
  auto lines = memcg_report();
  lines.back() =
      "Memory cgroup out of memory: Killed process 4242 (python3) total-vm:110848kB, anon-rss:64048kB, "
      "file-rss:8828kB, shmem-rss:0kB, UID:1000 pgtables:208896kB oom_score_adj:0";
  const auto document = parse_text(joined(lines));
  EXPECT_EQ(document.incidents.at(0).victims[0].pgtables_bytes, 208896U);
  ASSERT_EQ(document.warnings.size(), 1U);
  EXPECT_EQ(document.warnings[0].code, "pgtables_unit");
}

TEST(Report, PageSizeFromTheVictim) {
  auto lines = memcg_report();
  lines[14] =
      "[   4242]     0  4242      571        1        1        0         0    51200       96             0 python3";
  lines.back() =
      "Memory cgroup out of memory: Killed process 4242 (python3) total-vm:36544kB, anon-rss:0kB, file-rss:0kB, "
      "shmem-rss:0kB, UID:0 pgtables:50kB oom_score_adj:0";
  const auto document = parse_text(joined(lines));
  EXPECT_EQ(document.incidents.at(0).analysis.page_size_bytes, 65536U);
  EXPECT_EQ(document.incidents.at(0).tasks[0].total_vm_bytes, 571U * 65536);
}

TEST(Report, BootsAndLostRecords) {
  auto lines = memcg_report();
  const auto head = std::vector<std::string>(lines.begin(), lines.begin() + 5);
  const auto document = parse_text(joined(head, "[  900.345678] ") + "[    0.000000] Linux version 6.12.9 (x)\n" +
                                   joined(lines, "[   12.345678] "));
  ASSERT_EQ(document.incidents.size(), 2U);
  EXPECT_THAT(document.incidents[0].missing, Contains("victim"));
  EXPECT_TRUE(document.incidents[1].complete);
  const auto lost = parse_text("6,1,100,-;a\n6,2,101,-;b\n6,9,102,-;c\n");
  ASSERT_EQ(lost.warnings.size(), 1U);
  EXPECT_EQ(lost.warnings[0].code, "log_overrun");
  EXPECT_EQ(lost.warnings[0].message, "6 records of the kernel log were overwritten before they were read");
  EXPECT_EQ(lost.warnings[0].line, 3U);
}

TEST(Report, PiecesOfOneLineAreJoined) {
  auto lines = memcg_report();
  const auto expected = core(parse_text(joined(lines)).incidents.at(0));
  for (const auto* piece : {",cpuset=", ",oom_memcg=", ",task_memcg="}) {
    SCOPED_TRACE(piece);
    auto split = lines;
    const auto at = split[15].find(piece);
    split.insert(split.begin() + 16, {"eth0: another CPU's words", split[15].substr(at)});
    split[15].resize(at);
    const auto document = parse_text(joined(split, "[   12.345678] "));
    ASSERT_EQ(document.incidents.size(), 1U);
    EXPECT_EQ(core(document.incidents[0]), expected);
  }
  const auto trigger = parse_text(
      "[   12.345678] ps invoked oom-killer: gfp_mask=0x14000c0(GFP_KERNEL), nodemask=\n[   12.345679] (null),  "
      "order=3, "
      "oom_score_adj=979\n");
  EXPECT_EQ(trigger.incidents.at(0).trigger.order, 3);
  EXPECT_EQ(trigger.incidents.at(0).trigger.oom_score_adj, 979);
}

TEST(Report, HostsOfAMergedLogStayApart) {
  const auto a = memcg_report("alpha", 11111, "/a");
  const auto b = memcg_report("beta", 22222, "/b");
  std::string mixed;
  for (std::size_t i = 0; i < a.size(); ++i) {
    mixed += "Oct 12 19:00:20 one kernel: [ 8523.347168] " + a[i] + "\nOct 12 19:00:20 two kernel: [   23.347168] " +
             b[i] + "\n";
  }
  const auto document = parse_text(mixed);
  ASSERT_EQ(document.incidents.size(), 2U);
  EXPECT_TRUE(document.incidents[0].complete);
  EXPECT_TRUE(document.incidents[1].complete);
  EXPECT_EQ(document.incidents[1].time.host, "two");
}

TEST(Report, ReleaseFromTheBootWhereTheReportHasNone) {
  const auto document = parse_text(
      "[    0.000000] Linux version 6.12.9 (x)\n[   12.345678] Out of memory: Killed process 5 (x) total-vm:8kB, "
      "anon-rss:4kB, file-rss:0kB\n");
  EXPECT_EQ(document.incidents.at(0).kernel.release, "6.12.9");
}

TEST(Report, LinesBrokenByMailClientsAreJoined) {
  const auto document = parse_text(
      "[   82.528351] Memory cgroup out of memory: Killed process 5646 (cc1)\ntotal-vm:63292kB, anon-rss:21852kB, "
      "file-rss:12704k\nB, shmem-rss:0kB, UID:1000 "
      "pgtables:148kB oom_score_adj:0\n");
  ASSERT_EQ(document.incidents.size(), 1U);
  const auto& victim = document.incidents[0].victims.at(0);
  EXPECT_EQ(victim.total_vm_bytes, 63292U * 1024);
  EXPECT_EQ(victim.file_rss_bytes, 12704U * 1024);
  EXPECT_EQ(victim.uid, 1000);
}

TEST(Report, CutAnywhereNothingIsInvented) {
  const auto text = joined(memcg_report(), "[   12.345678] ");
  const auto whole = parse_text(text).incidents.at(0);
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    SCOPED_TRACE(cut);
    const auto document = parse_text(text.substr(0, cut));
    ASSERT_LE(document.incidents.size(), 1U);
    for (const auto& incident : document.incidents) {
      EXPECT_TRUE(!incident.trigger.order || incident.trigger.order == 0);
      for (const auto& victim : incident.victims) {
        EXPECT_EQ(victim.pid, 4242);
        EXPECT_TRUE(!victim.total_vm_bytes || victim.total_vm_bytes == whole.victims[0].total_vm_bytes);
        EXPECT_TRUE(!victim.uid || victim.uid == 1000) << *victim.uid;
        EXPECT_TRUE(!victim.oom_score_adj || victim.oom_score_adj == 0);
      }
      if (incident.cgroup && incident.cgroup->oom_memcg) {
        EXPECT_EQ(incident.cgroup->oom_memcg, whole.cgroup->oom_memcg);
      }
      if (incident.cgroup && incident.cgroup->memory && incident.cgroup->memory->failcnt) {
        EXPECT_EQ(incident.cgroup->memory->failcnt, 212U);
      }
    }
    (void)parse_text(text.substr(cut));  // and the rest of it
  }
}

TEST(Report, IncidentsAreHandedOverWhileTheLogIsRead) {
  std::string text;
  for (int i = 0; i < 5; ++i) {
    text += joined(memcg_report("p", 1000 + i), "[  " + std::to_string(100 * (i + 1)) + ".345678] ");
  }
  std::vector<Source> sources;
  sources.push_back({.name = "x", .fd = {}, .bytes = text, .carrier = {}});
  int seen = 0;
  AnalyzeOptions options;
  options.on_incident = [&](Incident& incident) {
    EXPECT_EQ(incident.victims.at(0).pid, 1000 + seen);
    return ++seen < 3;
  };
  const auto document = analyze(sources, options);
  ASSERT_TRUE(document);
  EXPECT_EQ(seen, 3);
  EXPECT_THAT(document->incidents, IsEmpty());
}

TEST(Report, PiecesInKmsgAreJoined) {
  const auto lines = testing::global_report();
  const auto expected = core(parse_text(joined(lines)).incidents.at(0));
  for (const bool old : {true, false}) {  // until 4.9 the first piece is 'c', the others '+'; later the others are 'c'
    std::string text;
    int number = 0;
    const auto add = [&](char flag, std::string_view piece) {
      text += "4," + std::to_string(++number) + ",5678901," + flag + ";" + std::string(piece) + "\n";
    };
    for (const auto& line : lines) {
      const auto colon = line.find("DMA: ");
      if (colon == std::string::npos) {
        add('-', line);
        continue;
      }
      add(old ? 'c' : '-', std::string_view(line).substr(0, colon + 5));
      for (auto rest = std::string_view(line).substr(colon + 5); !rest.empty();) {
        const auto end = std::min(rest.find(' ') + 1, rest.size());
        const auto size = end == 0 ? rest.size() : end;
        add(old ? '+' : 'c', rest.substr(0, size));
        rest.remove_prefix(size);
      }
    }
    const auto document = parse_text(text);
    ASSERT_EQ(document.incidents.size(), 1U);
    EXPECT_EQ(core(document.incidents[0]), expected);
  }
}

TEST(Report, MemcgLimitOfTwoPrintksIsJoined) {
  const auto document = parse_text(
      "[   12.345678] Task in /a/b killed\n[   12.345679] eth0: link is down\n"
      "[   12.345680]  as a result of limit of /a\n[   12.345681] memory: usage 4kB, limit 4kB, failcnt 1\n");
  ASSERT_EQ(document.incidents.size(), 1U);
  EXPECT_EQ(document.incidents[0].cgroup->task_memcg, "/a/b");
  EXPECT_EQ(document.incidents[0].cgroup->oom_memcg, "/a");
}

TEST(Report, YearsEndIsNoNewBootAndIsSaid) {
  const auto lines = memcg_report();
  const auto half = static_cast<std::ptrdiff_t>(lines.size() / 2);
  const auto document = parse_text(joined({lines.begin(), lines.begin() + half}, "Dec 31 23:59:59 node kernel: ") +
                                   joined({lines.begin() + half, lines.end()}, "Jan  1 00:00:01 node kernel: "));
  ASSERT_EQ(document.incidents.size(), 1U);
  EXPECT_TRUE(document.incidents[0].complete);
  EXPECT_EQ(document.incidents[0].time.realtime, "--12-31T23:59:59");
  ASSERT_EQ(document.warnings.size(), 1U);
  EXPECT_EQ(document.warnings[0].code, "year_rollover");
  const auto clock = parse_text(joined({lines.begin(), lines.begin() + half}, "23:59:59.738 [warn] ") +
                                joined({lines.begin() + half, lines.end()}, "00:00:01.001 [warn] "));
  ASSERT_EQ(clock.incidents.size(), 1U);
  EXPECT_TRUE(clock.incidents[0].complete);
}

TEST(Report, StackOfAWarningIsNotTheKills) {
  const std::string kill =
      "[   14.345678] Memory cgroup out of memory: Killed process 5 (x) total-vm:8kB, anon-rss:4kB, file-rss:0kB, "
      "shmem-rss:0kB, UID:0 pgtables:4kB oom_score_adj:0\n";
  const std::string warning =
      "[   12.345678] WARNING: CPU: 3 PID: 42 at net/core/dev.c:1 f+0x1/0x2\n"
      "[   12.345678] CPU: 3 PID: 42 Comm: other Not tainted 6.12.9 #1\n[   12.345678] Call Trace:\n"
      "[   12.345678]  netif_receive_skb+0x1/0x2\n";
  const auto alone = parse_text(warning + kill);
  ASSERT_EQ(alone.incidents.size(), 1U);
  EXPECT_FALSE(alone.incidents[0].trigger.pid);
  EXPECT_THAT(alone.incidents[0].call_trace, IsEmpty());
  // A report whose first line is lost keeps its stack.
  auto lines = memcg_report();
  lines.erase(lines.begin());
  EXPECT_EQ(parse_text(joined(lines)).incidents.at(0).trigger.pid, 4242);
}

TEST(Report, MemInfoOfSysrqIsNotTheNextKills) {
  const auto document = parse_text(
      "[   12.345678] sysrq: Show Memory\n[   12.345678] Mem-Info:\n"
      "[   12.345678] Node 0 DMA free:15892kB min:28kB low:32kB high:40kB\n[   12.345678] 524158 pages RAM\n"
      "[   13.345678] Out of memory: Killed process 5 (x) total-vm:8kB, anon-rss:4kB, file-rss:0kB, shmem-rss:0kB, "
      "UID:0 pgtables:4kB oom_score_adj:0\n");
  ASSERT_EQ(document.incidents.size(), 1U);
  EXPECT_FALSE(document.incidents[0].memory_info);
}

TEST(Report, LogThatBeginsWithinMemInfo) {
  auto lines = testing::global_report();
  lines.erase(lines.begin(), lines.begin() + 19);
  const auto document = parse_text(joined(lines));
  ASSERT_EQ(document.incidents.size(), 1U);
  EXPECT_EQ(document.incidents[0].memory_info->ram_pages, 524158U);
  EXPECT_EQ(document.incidents[0].victims.at(0).pid, 2231);
}

TEST(Report, KernelBugsAreFlagged) {
  auto lines = memcg_report();
  lines[15] =
      "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),oom_memcg=/foo,task_memcg=/foo,task=python3,pid=4242,uid=0";
  const auto none = parse_text(joined(lines));
  ASSERT_EQ(none.warnings.size(), 1U);
  EXPECT_EQ(none.warnings[0].code, "constraint_none");
  // A record of 991 bytes has no room for the rest of its last number.
  auto cut = memcg_report();
  cut[10] = "anon 6558515";
  std::size_t size = cut[10].size() + cut[11].size() + 1;
  std::vector<std::string> more;
  while (991 - size > 30) {
    more.push_back("counter_" + std::to_string(more.size() + 100) + " 123456");
    size += more.back().size() + 1;
  }
  more.push_back("pgscan " + std::string(991 - size - 8, '7'));
  cut.insert(cut.begin() + 12, more.begin(), more.end());
  const auto document = parse_text(joined(cut));
  ASSERT_EQ(document.warnings.size(), 1U);
  EXPECT_EQ(document.warnings[0].code, "counters_cut");
  EXPECT_EQ(document.incidents.at(0).cgroup->stat.back().first, more[more.size() - 2].substr(0, 11));
}

TEST(Report, TriggerNamedWithItsPid) {
  auto lines = memcg_report();
  lines[0] = "python3:4242 invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0";
  EXPECT_EQ(parse_text(joined(lines)).incidents.at(0).trigger.comm, "python3");
}

}  // namespace
}  // namespace forensics
