// Reports as they stand in bug trackers, forums and tutorials: each row has the shape of logs that were found there
// (what was cut, filtered, wrapped or put in front), in words and numbers of our own.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/forensics/parse_text.h"

namespace forensics {
namespace {

using testing::joined;
using testing::memcg_report;
using testing::parse_text;

std::string or_dash(const std::optional<std::int64_t>& value) {
  return value ? std::to_string(*value) : "-";
}

// "app[77] order 0 -> 77(app) u1000 anon 8 kB; 2 tasks; /g": what a reader of the log would say.
std::string told(const Incident& incident) {
  auto text = fmt::format("{}[{}] order {} ->", incident.trigger.comm.value_or("-"), or_dash(incident.trigger.pid),
                          or_dash(incident.trigger.order));
  for (const auto& victim : incident.victims) {
    text += fmt::format(" {}({})", victim.pid, victim.comm.value_or("-"));
    text += victim.uid ? fmt::format(" u{}", *victim.uid) : "";
    text += victim.anon_rss_bytes ? fmt::format(" anon {} kB", *victim.anon_rss_bytes / 1024) : "";
  }
  text += incident.tasks.empty() ? "" : fmt::format("; {} tasks", incident.tasks.size());
  text += incident.cgroup && incident.cgroup->oom_memcg ? "; " + *incident.cgroup->oom_memcg : "";
  return text;
}

std::vector<std::string> told(const std::string& log) {
  std::vector<std::string> out;
  for (const auto& incident : parse_text(log).incidents) {
    out.push_back(told(incident));
  }
  return out;
}

const std::vector<std::string> kReport = {
    "app invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
    "CPU: 3 PID: 77 Comm: app Not tainted 6.6.1 #1",
    " oom_kill_process+0x1/0x2",
    "Out of memory: Killed process 77 (app) total-vm:90kB, anon-rss:8kB, file-rss:0kB, shmem-rss:0kB, UID:1000 "
    "pgtables:4kB oom_score_adj:0",
};
const std::string kTold = "app[77] order 0 -> 77(app) u1000 anon 8 kB";

struct Prefix {
  const char* name;
  const char* text;
  const char* realtime;  // nullptr: the log does not state it
};

constexpr Prefix kPrefixes[] = {
    {"YearInSyslog", "Jun 12 2015 03:04:05 host kernel: [  123.456789] ", "2015-06-12T03:04:05"},
    {"YearFirst", "2015 Jun 12 03:04:05 host kernel: ", "2015-06-12T03:04:05"},
    {"DayFirst", "12. Jun 03:04:05 host kernel: [  123.456789] ", "--06-12T03:04:05"},
    {"NoTag", "Jun 12 03:04:05 host [  123.456789] ", "--06-12T03:04:05"},
    {"NeitherHostNorTag", "Jun 12 03:04:05 [  123.456789] ", "--06-12T03:04:05"},
    {"PriorityBeforeHost", "Jun 12 03:04:05 kern.warn host kernel: [  123.456789] ", "--06-12T03:04:05"},
    {"GuestInXensLog", "(d12) [  123.456789] ", nullptr},
    {"GuestInXensLogWithTime", "(XEN) [2015-06-12 03:04:05] (d12) [  123.456789] ", nullptr},
    {"LokiLabels", "{job=\"kernel\", host=\"n1\"} [  123.456789] ", nullptr},
    {"LokiLabelsAndSyslog", "{job=\"kernel\"} Jun 12 03:04:05 host kernel: [  123.456789] ", "--06-12T03:04:05"},
    {"BuildkiteTime", "\x1b_bk;t=1700000000000\x07[  123.456789] ", nullptr},
    {"TerminalTitle", "\x1b]0;title\x1b\\[  123.456789] ", nullptr},
    {"TerminalTitleBrokenOff", "\x1b]\x1b[0m[  123.456789] ", nullptr},
    {"TwoBlanksBehindTag", "Jun 12 03:04:05 host kernel:  [  123.456789] ", "--06-12T03:04:05"},
    {"Vagrant", "==> node1: [  123.456789] ", nullptr},
    {"EmptyTag", "Jun 12 03:04:05 host : [  123.456789] ", "--06-12T03:04:05"},
    {"PassedOn", "Jun 12 03:04:09 192.0.2.1 Jun 12 03:04:05 host kernel: ", "--06-12T03:04:05"},
    {"TaggedTwice", "Jun 12 03:04:05 host kernel: kernel: [  123.456789] ", "--06-12T03:04:05"},
    {"LevelBehindTag", "Jun 12 03:04:05 host kernel: <4>[  123.456789] ", "--06-12T03:04:05"},
    {"OpenWrtLogread", "Fri Jun 12 03:04:05 2015 kern.warn kernel: [  123.456789] ", "2015-06-12T03:04:05"},
    {"BusyboxWithoutHost", "Jun 12 03:04:05 kern.warn kernel: [  123.456789] ", "--06-12T03:04:05"},
    {"CtimeAlone", "Fri Jun 12 03:04:05 2015: ", "2015-06-12T03:04:05"},
    {"DateOfDate", "Fri Jun 12 03:04:05 UTC 2015 host kernel: ", "2015-06-12T03:04:05Z"},
    {"PriorityAndIso", "<4>2015-06-12T03:04:05Z host kernel: ", "2015-06-12T03:04:05Z"},
    {"IsoInBrackets", "[2015-06-12 03:04:05] [  123.456789] ", "2015-06-12T03:04:05"},
    {"IsoInBracketsAndTag", "[2015-06-12 03:04:05 UTC] kernel: ", "2015-06-12T03:04:05Z"},
    {"CallerOfCtime", "[Fri Jun 12 03:04:05 2015] [  T123] ", "2015-06-12T03:04:05"},
    {"IsoAndLevel", "2015-06-12 03:04:05,123 INFO kernel: ", "2015-06-12T03:04:05.123"},
    {"SlashedYear", "2015/06/12 03:04:05 host kernel: ", "2015-06-12T03:04:05"},
    {"SlashedMonthUnknown", "05/06/15 03:04:05 host kernel: [  123.456789] ", "T03:04:05"},
    {"GrepWithFile", "/var/log/kern.log:Jun 12 03:04:05 host kernel: [  123.456789] ", "--06-12T03:04:05"},
    {"GrepWithFileAndLine", "messages-12-Jun 12 03:04:05 host kernel: ", "--06-12T03:04:05"},
    {"GrepWithLine", "12:[  123.456789] ", nullptr},
    {"MonotonicTwice", "[  123.456789] host kernel: [  123.456789] ", nullptr},
    {"TagWithPid", "kernel[0]: ", nullptr},
    {"LevelAlone", "kern.warn: [  123.456789] ", nullptr},
    {"Patch", "+[  123.456789] ", nullptr},
    {"MailQuotedByColon", ": [  123.456789] ", nullptr},
    {"NumberedTimes", "#1 [Fri Jun 12 03:04:05 2015] ", "2015-06-12T03:04:05"},
    {"Talos", "10.0.0.2: kern: warning: [2015-06-12T03:04:05.9Z]: ", "2015-06-12T03:04:05.9Z"},
    {"MarkdownList", "* [  123.456789] ", nullptr},
    {"Tab", "\t[  123.456789] ", nullptr},
    {"HtmlBreak", "<br>[  123.456789] ", nullptr},
    {"HtmlQuote", "<span class=\"quote\">&gt; [  123.456789] ", nullptr},
    {"TagBehindStamp", "[  123.456789] kernel: ", nullptr},
    {"ContainerName", "node1 | [  123.456789] ", nullptr},
    {"PodName", "[pod/foo-abc/container] [  123.456789] ", nullptr},
    {"LevelBehindStamp", "[  123.456789]<4>", nullptr},
    {"Amlogic", "[   123.456789@2] ", nullptr},
    {"MediaTek", "<6>[  123.456789]  (3)[1234:kworker/u8:1]", nullptr},
    {"Htc", "<6>[  123.456789] c1   1234 ", nullptr},
    {"Samsung", "<4>[  123.456789]  [2:    kworker/u16:1:  112] ", nullptr},
    {"SamsungWithLevel", "[  123.456789] I[2:    kworker/u16:1:  112] ", nullptr},
    {"LogcatTime", "06-12 03:04:05.123 W/kernel  (    0): <4>[  123.456789] ", "--06-12T03:04:05.123"},
    {"LogcatWithoutTag", "06-12 03:04:05.123     0     0 W         : [  123.456789] ", "--06-12T03:04:05.123"},
};

class EveryPrefix : public ::testing::TestWithParam<Prefix> {};

TEST_P(EveryPrefix, IsNotTakenForTheKernelsWords) {
  const auto document = parse_text(joined(kReport, GetParam().text));
  ASSERT_EQ(document.incidents.size(), 1U);
  const auto& incident = document.incidents[0];
  EXPECT_EQ(told(incident), kTold);
  EXPECT_EQ(incident.call_trace, std::vector<std::string>{"oom_kill_process"});
  const auto* const realtime = GetParam().realtime;
  EXPECT_EQ(incident.time.realtime, realtime != nullptr ? Text(realtime) : std::nullopt);
  const bool stamped = std::string_view(GetParam().text).find("123.456789") != std::string_view::npos;
  EXPECT_EQ(incident.time.monotonic_s, stamped ? std::optional(123.456789) : std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(Rows, EveryPrefix, ::testing::ValuesIn(kPrefixes),
                         [](const auto& row) { return std::string(row.param.name); });

struct Shape {
  const char* name;
  const char* log;
  std::vector<std::string> expected;
};

const Shape kShapes[] = {
    // Without stamps, a name like the mark of a guest in Xen's log is a name.
    {"ProcessCalledLikeAGuest",
     "(d12) invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n"
     "CPU: 3 PID: 77 Comm: (d12) Not tainted 6.6.1 #1\n"
     "Out of memory: Killed process 77 ((d12)) total-vm:90kB, anon-rss:8kB, file-rss:0kB, shmem-rss:0kB, UID:1000 "
     "pgtables:4kB oom_score_adj:0\n",
     {"(d12)[77] order 0 -> 77((d12)) u1000 anon 8 kB"}},
    // journalctl's pager cuts at the terminal's edge and marks it; tutorials put dots. No number may be a part of one.
    {"PagerCutsLines",
     "Dec 14 17:13:12 box kernel: app invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_sco>\n"
     "Dec 14 17:13:12 box kernel: CPU: 12 PID: 48 Comm: app Tainted: P           O       6.8.0-50-ge>\n"
     "Dec 14 17:13:12 box kernel: memory: usage 51200kB, limit 51200kB, failcnt 37\n"
     "Dec 14 17:13:12 box kernel: Memory cgroup stats for /user.slice/user-1000.slice/user@1000.servi>\n"
     "Dec 14 17:13:12 box kernel: [  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shm>\n"
     "Dec 14 17:13:12 box kernel: [     48]  1000    48    73357    14530    12706     1824         >\n"
     "Dec 14 17:13:12 box kernel: [     49]  1000    49    73357    14530    12706     18>\n"
     "Dec 14 17:13:12 box kernel: oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=user.sl>\n"
     "Dec 14 17:13:12 box kernel: Memory cgroup out of memory: Killed process 48 (app) total-vm:2934>\n",
     {"app[48] order 0 -> 48(app) u1000; 2 tasks"}},
    {"PagerOfEightyColumns",
     "Dec 14 17:13:12 box kernel: [     48]  1000    48    73357    14530    127>\n"
     "Dec 14 17:13:12 box kernel: [     49]  1000    49    73357    14530    127>\n"
     "Dec 14 17:13:12 box kernel: Out of memory: Killed process 48 (app) total-v>\n",
     {"-[-] order - -> 48(app) u1000; 2 tasks"}},
    {"DotsOfATutorial",
     "[12.000001] app invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n"
     "[...]\n"
     "[12.000002] Out of memory: Killed process 48 (app) total-vm:2934kB, anon-rss:12...\n",
     {"app[-] order 0 -> 48(app)"}},
    // A member of memory.oom.group that is gone already is no report of its own.
    {"OneOfTheGroupIsExiting",
     "[1.000001] Memory cgroup out of memory: Killed process 10 (a) total-vm:8kB, anon-rss:4kB, file-rss:0kB, "
     "shmem-rss:0kB, UID:0 pgtables:4kB oom_score_adj:0\n"
     "[1.000002] Tasks in /x are going to be killed due to memory.oom.group set\n"
     "[1.000003] Memory cgroup out of memory: OOM victim 10 (a) is already exiting. Skip killing the task\n"
     "[1.000004] Memory cgroup out of memory: Killed process 11 (b) total-vm:8kB, anon-rss:4kB, file-rss:0kB, "
     "shmem-rss:0kB, UID:0 pgtables:4kB oom_score_adj:0\n",
     {"-[-] order - -> 10(a) u0 anon 4 kB 11(b) u0 anon 4 kB"}},
    // The same line in two files, as grep -r shows it.
    {"FoundTwiceByGrep",
     "/var/log/kern.log:Jan 10 01:27:05 box kernel: [ 1683.797227] Out of memory: Killed process 39 (app) "
     "total-vm:90kB, anon-rss:8kB, file-rss:0kB\n"
     "/var/log/syslog:Jan 10 01:27:05 box kernel: [ 1683.797227] Out of memory: Killed process 39 (app) "
     "total-vm:90kB, anon-rss:8kB, file-rss:0kB\n",
     {"-[-] order - -> 39(app) anon 8 kB"}},
    // A poster shows the kill first, then the whole log.
    {"KillQuotedBeforeTheReport",
     "Out of memory: Killed process 39 (app) total-vm:90kB, anon-rss:8kB, file-rss:0kB\n"
     "here is all of it:\n"
     "[1.000001] app invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n"
     "[1.000002] Out of memory: Killed process 39 (app) total-vm:90kB, anon-rss:8kB, file-rss:0kB\n",
     {"app[-] order 0 -> 39(app) anon 8 kB"}},
    // Mail: a prefix alone on its line, and three lines that are one.
    {"MailBreaksBehindThePrefix",
     "Jul 22 10:42:40 box kernel:\n"
     "oom-kill:constraint=CONSTRAINT_NONE,nodemask=(null),cpuset=/,mems_allowed=0,global_oom,task_memcg=/u,task=app,"
     "pid=39,uid=7\n"
     "Jul 22 10:42:40 box kernel: Out of memory: Killed process 39\n"
     "(app) total-vm:90kB, anon-rss:8kB, file-rss:4kB,\n"
     "shmem-rss:0kB\n",
     {"-[-] order - -> 39(app) u7 anon 8 kB"}},
    {"ChangelogWrapsTheCounters",
     "    dd invoked oom-killer: gfp_mask=0x14000c0(GFP_KERNEL), nodemask=(null), order=0, oom_score_adj=0\n"
     "\n"
     "    Task in /test killed as a result of limit of /test\n"
     "    memory: usage 51200kB, limit 51200kB, failcnt 73\n"
     "    Memory cgroup stats for /test: cache:49632KB rss:1056KB rss_huge:0KB shmem:0KB\n"
     "            mapped_file:0KB dirty:49500KB writeback:0KB swap:0KB inactive_anon:0KB\n"
     "\t    active_anon:1168KB inactive_file:24760KB active_file:24960KB unevictable:0KB\n"
     "    Memory cgroup out of memory: Kill process 38 (bash) score 88 or sacrifice child\n"
     "    Killed process 39 (dd) total-vm:6000kB, anon-rss:1053kB, file-rss:1760kB, shmem-rss:0kB\n",
     {"dd[-] order 0 -> 39(dd) anon 1053 kB; /test"}},
    {"JsonArrayOfShipper",
     "[\n"
     "  {\"message\":\"Out of memory: Kill process 12 (java) score 987 or sacrifice child\",\"source\":\"kernel\"},\n"
     "  {\"message\":\"Killed process 12 (java) total-vm:90kB, anon-rss:8kB, file-rss:0kB\",\"source\":\"kernel\"}\n"
     "]\n",
     {"-[-] order - -> 12(java) anon 8 kB"}},
    {"JsonOfSlog",
     "{\"level\":\"info\",\"msg\":\"Out of memory: Killed process 12 (java) total-vm:90kB, anon-rss:8kB, "
     "file-rss:0kB\"}\n",
     {"-[-] order - -> 12(java) anon 8 kB"}},
    {"StringsOfATest",
     "        \"[    0.378012] app invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\",\n"
     "        \"[    0.378083] Out of memory: Killed process 12 (app) total-vm:90kB, anon-rss:8kB, file-rss:0kB\",\n",
     {"app[-] order 0 -> 12(app) anon 8 kB"}},
    // The kernels of RHEL 4 and 5, which have fewer words.
    {"Linux2_6_9",
     "Oct 12 04:02:11 box kernel: oom-killer: gfp_mask=0xd0\n"
     "Oct 12 04:02:11 box kernel: Mem-info:\n"
     "Oct 12 04:02:11 box kernel: cpu 0 hot: low 2, high 6, batch 1\n"
     "Oct 12 04:02:11 box kernel: DMA free:12564kB min:16kB low:32kB high:48kB active:0kB inactive:0kB "
     "present:16384kB pages_scanned:0 all_unreclaimable? yes\n"
     "Oct 12 04:02:11 box kernel: Out of Memory: Killed process 42 (oracle).\n",
     {"-[-] order - -> 42(oracle)"}},
    {"Linux2_6_18",
     "Jun  3 11:22:33 web kernel: httpd invoked oom-killer: gfp_mask=0x201d2, order=0, oomkilladj=0\n"
     "Jun  3 11:22:33 web kernel:  [<ffffffff800c6076>] out_of_memory+0x8e/0x2f3\n"
     "Jun  3 11:22:33 web kernel: Out of memory: Killed process 42, UID 48, (httpd).\n",
     {"httpd[-] order 0 -> 42(httpd) u48"}},
    {"KillAndChildren",
     "Out of Memory: Kill process 20 (mysqld_safe) score 187912 and children.\n"
     "Out of memory: Killed process 21 (mysqld).\n",
     {"-[-] order - -> 21(mysqld)"}},
    // A path as long as a record is a record of its own, with or without the mark of a continued one.
    {"PathInARecordOfItsOwn",
     "[1.000001] app invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n"
     "[1.000002] memory: usage 64kB, limit 64kB, failcnt 1\n"
     "[1.000003] Memory cgroup stats for \n"
     "[1.000004] /long/path:\n"
     "[1.000005] anon 4096\n"
     "[1.000006] oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg=\n"
     "[1.000007] /long/path,task_memcg=\n"
     "[1.000008] /long/path\n"
     "[1.000009] ,task=app,pid=77,uid=0\n"
     "[1.000010] Memory cgroup out of memory: Killed process 77 (app) total-vm:90kB, anon-rss:8kB, file-rss:0kB, "
     "shmem-rss:0kB, UID:0 pgtables:4kB oom_score_adj:0\n",
     {"app[-] order 0 -> 77(app) u0 anon 8 kB; /long/path"}},
};

// The same report with its line breaks gone, or some of them: pages that were saved as text, consoles that lost a
// newline.
const char* const kLines[] = {
    "app invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
    "CPU: 3 PID: 77 Comm: app Not tainted 6.6.1 #1",
    "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
    "[     77]  1000    77       22        2     4096        0             0 app",
    "[     78]  1000    78       22        2     4096        0             0 the other",
    "Out of memory: Killed process 77 (app) total-vm:88kB, anon-rss:8kB, file-rss:0kB, shmem-rss:0kB, UID:1000 "
    "pgtables:4kB oom_score_adj:0",
};
const std::string kToldWithTasks = "app[77] order 0 -> 77(app) u1000 anon 8 kB; 2 tasks";

std::string with(std::string_view prefix, std::string_view end) {
  std::string text;
  int line = 0;
  for (const auto* const words : kLines) {
    text += fmt::format(fmt::runtime(prefix), fmt::format("[   12.34567{}]", line++));
    text += words;
    text += end;
  }
  return text + "\n";
}

TEST(LostLineBreaks, OfDmesg) {
  EXPECT_EQ(told(with("{} ", " ")), std::vector{kToldWithTasks});
}

TEST(LostLineBreaks, OfSyslog) {
  EXPECT_EQ(told(with("Jun 12 03:04:05 host kernel: {} ", " ")), std::vector{kToldWithTasks});
}

TEST(LostLineBreaks, OfSyslogWithoutStamps) {
  std::string text;
  for (const auto* const words : kLines) {
    text += "Jun 12 03:04:05 host kernel: " + std::string(words) + " ";
  }
  EXPECT_EQ(told(text + "\n"), std::vector{kToldWithTasks});
}

TEST(LostLineBreaks, AreTwoCharactersInAString) {
  EXPECT_EQ(told(with("{} ", "\\n")), std::vector{kToldWithTasks});
}

TEST(LostLineBreaks, NamesOfProcessesAreWhole) {
  const auto document = parse_text(with("Jun 12 03:04:05 host kernel: {} ", " "));
  ASSERT_EQ(document.incidents.size(), 1U);
  ASSERT_EQ(document.incidents[0].tasks.size(), 2U);
  EXPECT_EQ(document.incidents[0].tasks[1].comm, "the other");
}

TEST(LostLineBreaks, OneOnAConsole) {
  EXPECT_EQ(told("[   12.000000] usb 1-1: new device[   12.000001] app invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), "
                 "order=0, oom_score_adj=0\n"
                 "[   12.000002] CPU: 3 PID: 77 Comm: app Not tainted 6.6.1 #1\n"
                 "[   12.000003] Out of memory: Killed process 77 (app) total-vm:88kB, anon-rss:8kB, file-rss:0kB\n"),
            std::vector<std::string>{"app[77] order 0 -> 77(app) anon 8 kB"});
}

TEST(LostLineBreaks, AStampOfAnotherTimeIsAName) {
  const auto document = parse_text(
      "[  900.000001] [1.000000] x invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n"
      "[  900.000002] Out of memory: Killed process 77 ([1.000000] x) total-vm:88kB, anon-rss:8kB, file-rss:0kB\n");
  ASSERT_EQ(document.incidents.size(), 1U);
  EXPECT_EQ(document.incidents[0].trigger.comm, "[1.000000] x");
}

class EveryShape : public ::testing::TestWithParam<Shape> {};

TEST_P(EveryShape, IsReadAsAReaderWould) {
  EXPECT_EQ(told(GetParam().log), GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(Rows, EveryShape, ::testing::ValuesIn(kShapes),
                         [](const auto& row) { return std::string(row.param.name); });

const Shape kForeignShapes[] = {
    {"FiguresOfAKillIndentedBelow",
     "$ dmesg -T | grep Killed\n"
     "[Tue Sep 16 03:14:22] Out of memory: Killed process 77 (app)\n"
     "  total-vm:90kB, anon-rss:8kB, file-rss:0kB, oom_score_adj:0\n",
     {"-[-] order - -> 77(app) anon 8 kB"}},
    {"EventOfKubernetes",
     "kernel-monitor, node-7\t\t\tWarning\t\tOOMKilling\tMemory cgroup out of memory: Kill process 70 (app) score 99 "
     "or "
     "sacrifice child\n"
     "Killed process 77 (app) total-vm:90kB, anon-rss:8kB, file-rss:0kB\n",
     {"-[-] order - -> 77(app) anon 8 kB"}},
    {"EventInAList",
     "LAST SEEN   TYPE      REASON       OBJECT        MESSAGE\n"
     "3m12s       Warning   OOMKilling   node/node-7   Memory cgroup out of memory: Killed process 77 (app) "
     "total-vm:90kB, "
     "anon-rss:8kB, file-rss:0kB, shmem-rss:0kB, UID:1000 pgtables:4kB oom_score_adj:0\n",
     {"-[-] order - -> 77(app) u1000 anon 8 kB"}},
    {"OnlyTheStackIsLeft",
     "[    1.200001] CPU: 2 PID: 77 Comm: app Not tainted 4.15.0 #1\n"
     "[    1.200002] Call Trace:\n"
     "[    1.200003]  dump_stack+0x6/0x8\n"
     "[    1.200004]  dump_header+0x7/0x8\n"
     "[    1.200005]  out_of_memory+0x1/0x4\n",
     {"app[77] order - ->"}},
    {"OnlyTheStackIsLeftOnArm",
     "[    1.200001] Hardware name: board\n"
     "[    1.200003]  unwind_backtrace from show_stack+0x1/0x1c\n"
     "[    1.200003]  show_stack from dump_stack_lvl+0x9/0xac\n"
     "[    1.200003]  dump_stack_lvl from dump_header+0x5/0x1c\n"
     "[    1.200004]  dump_header from oom_kill_process+0x2/0x8\n",
     {"-[-] order - ->"}},
    {"StackThatGoesThroughTheOomKiller",  // lockdep's, while a report is printed
     "CPU: 2 PID: 77 Comm: app Not tainted 6.0.0 #0\n"
     "Call Trace:\n"
     " dump_stack_lvl+0xc/0x13\n"
     " check_noncircular+0x2/0x2e\n"
     " dump_header+0x1/0x7f\n"
     " oom_kill_process.cold+0x1/0x15\n",
     {}},
    {"LevelWithinALine",  // two CPUs of a kernel without line buffers
     "one invoked oom-killer: gfp_mask=0x280d2, order=0, oomkilladj=0\n"
     " [<c0147386>] out_of_memory+0x70/0xf6\n"
     " [<c01484c4>] <4>two invoked oom-killer: gfp_mask=0x201d2, order=1, oomkilladj=0\n"
     " [<c0147386>] out_of_memory+0x70/0xf6\n",
     {"one[-] order 0 ->", "two[-] order 1 ->"}},
    {"AnHourOfThrashing",
     "Jun  3 13:29:51 box kernel: app invoked oom-killer: gfp_mask=0x201d2, order=0, oomkilladj=0\n"
     "Jun  3 13:45:03 box cron[770]: (root) CMD (true)\n"
     "Jun  3 14:03:35 box kernel: Call Trace:\n"
     "Jun  3 14:16:47 box kernel:  [<ffffffff802bb6a0>] out_of_memory+0x8b/0x203\n"
     "Jun  3 14:31:02 box kernel: Out of memory: Killed process 77 (app)\n",
     {"app[-] order 0 -> 77(app)"}},
    {"SourceOfAWebPage",
     "<span class=\"quote\">&gt;     Out of memory: Killed process 77 (app).\n</span><br>\n"
     "<span class=\"quote\">&gt; \n</span><br>\n"
     "<span class=\"quote\">&gt;     two invoked oom-killer: gfp_mask=0x201d2, order=0,\n</span><br>\n"
     "oomkilladj=0\n<br>\n"
     "<p>Out of memory: Killed process 78 (two).</p>\n",
     {"-[-] order - -> 77(app)", "two[-] order 0 -> 78(two)"}},
};

INSTANTIATE_TEST_SUITE_P(Foreign, EveryShape, ::testing::ValuesIn(kForeignShapes),
                         [](const auto& row) { return std::string(row.param.name); });

// A console at a low level shows nothing of the report but the panic, and then the panic's own stack.
TEST(Shapes, PanicWithoutItsReport) {
  const auto document = parse_text(
      "[  910.000001] Kernel panic - not syncing: Out of memory: compulsory panic_on_oom is enabled\n"
      "[  910.000001]\n"
      "[  910.000002] CPU: 1 PID: 243 Comm: kworker/1:2 Tainted: G         C O  3.16.0-6-amd64 #1\n"
      "[  910.000003] Hardware name: board\n"
      "[  910.000004] Workqueue: events moom_callback\n"
      "[  910.000005]  [<ffffffff81514ec1>] ? dump_stack+0x5d/0x78\n"
      "[  910.000006] ---[ end Kernel panic - not syncing: Out of memory: compulsory panic_on_oom is enabled\n");
  ASSERT_EQ(document.incidents.size(), 1U);
  const auto& incident = document.incidents[0];
  EXPECT_EQ(incident.kind, "panic");
  EXPECT_EQ(told(incident), "kworker/1:2[243] order - ->");
  EXPECT_EQ(incident.kernel.release, "3.16.0-6-amd64");
  EXPECT_EQ(incident.kernel.hardware, "board");
  EXPECT_TRUE(incident.manual);
}

TEST(Shapes, HalvesOfALineAreNoUnknownLines) {
  const auto document = parse_text(
      "Jun 12 03:04:05 box kernel: app invoked oom-killer: gfp_mask=0xd0, order=0, oomkilladj=0\n"
      "Jun 12 03:04:05 box kernel:  [<c013cce3>] \n"
      "out_of_memory+0x189/0x1b6\n"
      "Jun 12 03:04:05 box kernel: Out of memory: Killed process 77 (app)\n");
  ASSERT_EQ(document.incidents.size(), 1U);
  EXPECT_EQ(document.incidents[0].call_trace, std::vector<std::string>{"out_of_memory"});
  EXPECT_TRUE(document.incidents[0].log.unrecognized.empty());
}

// The request is logged by who asks, the report by a worker: what another CPU reports in between is not asked for.
TEST(Shapes, SysrqMarksOnlyTheWorkersReport) {
  const auto document = parse_text("[   12.000001][   T11] sysrq: Manual OOM execution\n" +
                                   joined(memcg_report(), "[   12.000002][   T22] "));
  ASSERT_EQ(document.incidents.size(), 1U);
  EXPECT_FALSE(document.incidents[0].manual);
}

// journalctl's mark of another boot: which kernel it runs is not known.
TEST(Shapes, ReleaseIsOfItsBoot) {
  const auto document = parse_text(
      "Jan  4 15:23:30 box kernel: Linux version 5.15.0-91-generic (a@b) #101\n"
      "Jan  4 15:23:31 box kernel: x invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n"
      "-- Boot 1234567890abcdef1234567890abcde0 --\n"
      "Jan  4 15:25:31 box kernel: y invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0\n");
  ASSERT_EQ(document.incidents.size(), 2U);
  EXPECT_EQ(document.incidents[0].kernel.release, "5.15.0-91-generic");
  EXPECT_EQ(document.incidents[1].kernel.release, std::nullopt);
}

// Without buddy lists and a kill line: tables of page tables come in pages, and some kernels say it by their name.
TEST(Shapes, PageSizeOfACutReport) {
  auto lines = memcg_report();
  lines.erase(lines.begin() + 15, lines.end());
  EXPECT_EQ(parse_text(joined(lines)).incidents.at(0).analysis.page_size_bytes, 4096U);  // 208896 is 51 * 4096
  lines[1] = "CPU: 3 UID: 1000 PID: 4242 Comm: python3 Not tainted 6.12.0-211.el10.ppc64le #1";
  lines[14] =
      "[   4242]  1000  4242    27712    18219    16012     2207         0   196608        0             0 python3";
  const auto large = parse_text(joined(lines)).incidents.at(0);
  EXPECT_EQ(large.analysis.page_size_bytes, 65536U);
  EXPECT_EQ(large.tasks.at(0).rss_bytes, 18219U * 65536);
}

}  // namespace
}  // namespace forensics
