// The pure parts of a watch beside the ledger: its state, names of files, what it reads and what it writes.
#include <sys/resource.h>

#include <csignal>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "base/file.h"
#include "cli/watch/folder.h"
#include "cli/watch/kill.h"
#include "cli/watch/kmsg.h"
#include "cli/watch/sight.h"
#include "cli/watch/state.h"
#include "cli/watch/summary.h"
#include "tests/support/fake_cgroup.h"

namespace cli::watch {
namespace {

using namespace std::chrono_literals;
using support::must;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kId = "ad6c46b550523a7f3a5ccb03a7ee4b9ad6c46b550523a7f3a5ccb03a7ee4b911";

TEST(State, ComesBackAsItWas) {
  const State state{.boot_id = "3f0a1b2c-1",
                    .next_sequence = 18446744073709551615U,
                    .told_sequences = {7, 9},
                    .groups = {{"/docker/a", 12, 3}, {"/weird \"\n\\x", 1, 1}}};
  const auto back = must(parse_state(to_text(state)));
  EXPECT_EQ(back.boot_id, state.boot_id);
  EXPECT_EQ(back.next_sequence, state.next_sequence);
  EXPECT_EQ(back.told_sequences, state.told_sequences);
  EXPECT_EQ(back.told("/docker/a", 12), 3U);
  EXPECT_EQ(back.told("/weird \"\n\\x", 1), 1U);
  EXPECT_FALSE(back.told("/docker/a", 13)) << "another group of that path";
  EXPECT_EQ(must(parse_state(to_text(State{}))), State{});
}

TEST(State, NamesOfAnyBytesSurvive) {
  const std::string name("/a\xff\x01", 4);
  const State state{.boot_id = "b", .groups = {{name, 5, 1}}};
  EXPECT_EQ(must(parse_state(to_text(state))).told(name, 5), 1U);
}

struct BadState {
  const char* name;
  const char* text;
  const char* message;
};
class DamagedState : public testing::TestWithParam<BadState> {};
TEST_P(DamagedState, IsAnError) {
  const auto state = parse_state(GetParam().text);
  ASSERT_FALSE(state);
  EXPECT_THAT(state.error().message, HasSubstr(GetParam().message));
}
INSTANTIATE_TEST_SUITE_P(
    Table, DamagedState,
    testing::Values(
        BadState{"cut", R"({"schema": "oomlab.watch/1", "boot)", "not a state"},
        BadState{"other", R"({"schema": "oomlab.postmortem/1"})", "not a state"}, BadState{"list", "[]", "not a state"},
        BadState{"empty", R"({"schema": "oomlab.watch/1"})", "missing"},
        BadState{"negative", R"({"schema":"oomlab.watch/1","boot_id":"b","told_sequences":[-1],"groups":[]})",
                 "not all are numbers"},
        BadState{"group", R"({"schema":"oomlab.watch/1","boot_id":"b","told_sequences":[],"groups":[{"id":1}]})",
                 "an entry has not"}),
    [](const auto& row) { return row.param.name; });

struct SequenceCase {
  const char* name;
  const char* record;
  std::optional<std::uint64_t> sequence;
};
class SequenceOf : public testing::TestWithParam<SequenceCase> {};
TEST_P(SequenceOf, ReadsTheSecondNumber) {
  EXPECT_EQ(sequence_of(GetParam().record), GetParam().sequence);
}
INSTANTIATE_TEST_SUITE_P(Table, SequenceOf,
                         testing::Values(SequenceCase{"usual", "6,1234,5678901,-;Mem-Info:\n", 1234},
                                         SequenceCase{"largest", "6,18446744073709551615,1,-;x", UINT64_MAX},
                                         SequenceCase{"overflow", "6,18446744073709551616,1,-;x", std::nullopt},
                                         SequenceCase{"cut", "6,12", std::nullopt},
                                         SequenceCase{"empty", "", std::nullopt},
                                         SequenceCase{"text", "[  1.2] x", std::nullopt}),
                         [](const auto& row) { return row.param.name; });

TEST(SafeName, LeavesNothingThatCouldLeaveTheFolder) {
  EXPECT_EQ(safe_name("web-1"), "web-1");
  EXPECT_EQ(safe_name("../../etc/passwd"), "_._.._etc_passwd");
  EXPECT_EQ(safe_name("a b\n\x1b[31m"), "a_b___31m");
  EXPECT_EQ(safe_name(std::string(500, 'x')).size(), 60U);
  EXPECT_EQ(safe_name(""), "");
}

TEST(Rfc3339, IsUtcToTheMillisecond) {
  EXPECT_EQ(rfc3339(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(rfc3339(1764165845123), "2025-11-26T14:04:05.123Z");
}

TEST(Folder, WritesAKillOnce) {
  const support::FakeCgroup scratch{};
  auto folder = must(Folder::open(scratch.path() / "deep/er", {"json", "text"}));
  const auto key = key_of_record("3f0a1b2c-aaaa", 77);
  EXPECT_EQ(key, "kill-3f0a1b2c-000000077");
  EXPECT_TRUE(must(folder.write(key, "web 1", forensics::Postmortem{})));
  EXPECT_EQ(folder.last_name(), "kill-3f0a1b2c-000000077-web_1.json");
  EXPECT_FALSE(must(folder.write(key, "another name", forensics::Postmortem{})));
  EXPECT_TRUE(must(folder.write(key_of_record("3f0a1b2c-aaaa", 7), "web", forensics::Postmortem{})));
  EXPECT_NE(key_of_count("b", 1, false, 2), key_of_count("b", 1, true, 2));
  EXPECT_TRUE(std::filesystem::exists(scratch.path() / "deep/er/kill-3f0a1b2c-000000077-web_1.txt"));
  EXPECT_EQ(must(folder.read_state()), "");
  must(folder.write_state("state"));
  EXPECT_EQ(must(folder.read_state()), "state");
}

TEST(Folder, IsMadeAgainWhereSomebodyRemovedIt) {
  const support::FakeCgroup scratch{};
  auto folder = must(Folder::open(scratch.path() / "a/b", {"json"}));
  std::filesystem::remove_all(scratch.path() / "a");
  EXPECT_TRUE(must(folder.write("kill-1", "", forensics::Postmortem{})));
  EXPECT_TRUE(std::filesystem::exists(scratch.path() / "a/b/kill-1.json"));
}

// No file of this process grows beyond so much, as on a disk that is full by then.
class FileLimit {
 public:
  explicit FileLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    (void)::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit now{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    (void)::setrlimit(RLIMIT_FSIZE, &now);
  }
  ~FileLimit() {
    (void)::setrlimit(RLIMIT_FSIZE, &before_);
    (void)std::signal(SIGXFSZ, handler_);
  }
  FileLimit(const FileLimit&) = delete;
  FileLimit& operator=(const FileLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST(Folder, WritesAllFilesOfAKillOrNone) {
  const support::FakeCgroup scratch{};
  auto folder = must(Folder::open(scratch.path() / "in", {"json", "html"}));
  forensics::Postmortem document;
  {
    const FileLimit limit(4096);
    const auto written = folder.write("kill-1", "", document);
    ASSERT_FALSE(written) << "a page is larger";
    EXPECT_THAT(written.error().message, HasSubstr("File too large"));
  }
  EXPECT_TRUE(std::filesystem::is_empty(scratch.path() / "in")) << "neither the JSON, which fits, nor a temporary file";
  EXPECT_TRUE(must(folder.write("kill-1", "", document))) << "so the next try writes it";
  EXPECT_TRUE(std::filesystem::exists(scratch.path() / "in/kill-1.html"));
}

TEST(Folder, NamesAFormatThatThereIsNot) {
  const support::FakeCgroup scratch{};
  const auto folder = Folder::open(scratch.path(), {"pdf"});
  ASSERT_FALSE(folder);
  EXPECT_THAT(folder.error().message, HasSubstr("--format: 'pdf' is not one of: "));
}

SeenGroup container(std::uint64_t kills) {
  SeenGroup group{.path = std::string("/docker/") + kId};
  auto& last = group.last;
  last.memory_current = 100000;
  last.memory_max = cgroup::Limit{32 << 20};
  last.swap_max = cgroup::Limit{0};
  last.swap_current = 0;
  last.memory_stat = {{"anon", 32000000}, {"file", 4096}, {"kernel", 200000}};
  last.events = last.events_local = cgroup::MemoryEvents{.oom = kills, .oom_kill = kills};
  group.timeline = {{.t = 0s, .memory = 1000000}, {.t = 1s, .memory = 33000000}, {.t = 2s, .memory = 100000}};
  return group;
}

const std::string kGroup = std::string("/docker/") + kId;

// One of which the counters alone tell.
Kill counted_kill(std::uint64_t processes) {
  Kill kill;
  kill.settlement.cgroup = kGroup;
  kill.settlement.by = Settlement::By::counters;
  kill.settlement.processes = processes;
  kill.limit_cgroup = kGroup;
  kill.group = container(processes);
  kill.container = containers::Container{kId, "web-1", "web:3", "web"};
  kill.monotonic_s = 12.5;
  kill.realtime = "2025-11-26T14:04:05.123Z";
  kill.kernel = "6.12.1";
  return kill;
}

TEST(MakeDocument, FromTheCountersAlone) {
  const auto kill = counted_kill(1);
  const auto document = make_document(kill);
  ASSERT_EQ(document.incidents.size(), 1U);
  const auto& incident = document.incidents[0];
  EXPECT_EQ(incident.kind, "oom_kill");
  EXPECT_EQ(incident.scope, "memcg");
  EXPECT_FALSE(incident.complete);
  EXPECT_THAT(incident.missing, ElementsAre("trigger", "call_trace", "tasks", "victim"));
  EXPECT_EQ(incident.cgroup->memory->limit_bytes, 32U << 20);
  EXPECT_EQ(incident.cgroup->memory->usage_bytes, 33000000U) << "the highest seen, not what the kill left";
  EXPECT_EQ(incident.cgroup->owner->name, "web-1");
  EXPECT_EQ(incident.cgroup->owner->service, "web");
  EXPECT_EQ(incident.time.monotonic_s, 12.5);
  EXPECT_EQ(document.run->outcome.verdict, "oom_killed");
  EXPECT_THAT(document.run->outcome.evidence, ElementsAre("memory.events"));
  EXPECT_EQ(document.run->outcome.oom_kills, 1U);
  EXPECT_EQ(document.run->timeline.size(), 3U);
  EXPECT_THAT(incident.verdict, HasSubstr("docker container ad6c46b55052 (web-1) reached its own limit of 32 MiB"));
  ASSERT_EQ(document.warnings.size(), 2U);
  EXPECT_EQ(document.warnings[0].code, "kill_without_log_line");
  EXPECT_EQ(document.warnings[1].code, "from_control_files");
}

TEST(MakeDocument, OfALineThatDoesNotSayTheCgroup) {
  forensics::LoggedIncident logged;
  logged.incident.scope = "memcg";
  logged.incident.victims.push_back({.pid = 9, .comm = "app", .anon_rss_bytes = 32000000});
  logged.records = "6,5,1000000,-;Memory cgroup out of memory: Killed process 9 (app)\n";
  auto kill = counted_kill(1);
  kill.logged = logged;
  kill.settlement.incident = 0;
  const auto document = make_document(kill);
  const auto& incident = document.incidents[0];
  EXPECT_EQ(incident.cgroup->task_memcg, std::string("/docker/") + kId);
  EXPECT_EQ(incident.victims[0].pid, 9);
  EXPECT_EQ(document.inputs[0].lines, 1U);
  EXPECT_EQ(document.warnings[0].code, "cgroup_not_in_log");
  EXPECT_THAT(document.run->outcome.evidence, ElementsAre("memory.events", "kernel_log"));
}

TEST(MakeDocument, OfOneThatNobodyKnowsMoreOf) {
  forensics::LoggedIncident logged;
  logged.incident.victims.push_back({.pid = 9, .comm = "app"});
  Kill kill;
  kill.logged = logged;
  kill.settlement.by = Settlement::By::nobody;
  const auto document = make_document(kill);
  EXPECT_FALSE(document.run);
  EXPECT_EQ(document.warnings[0].code, "cgroup_not_in_log");
  EXPECT_EQ(document.incidents[0].verdict, "app (pid 9) was killed because memory ran out");
}

TEST(MakeDocument, OtherContainersNamesAreNotTaken) {
  auto kill = counted_kill(1);
  kill.container->id = "other";
  EXPECT_FALSE(make_document(kill).incidents[0].cgroup->owner->image);
}

TEST(MakeDocument, TheEngineKnowsAContainerWhosePathDoesNotTell) {
  auto kill = counted_kill(1);
  const auto path = std::string("/batch.slice/") + kId;
  kill.settlement.cgroup = kill.limit_cgroup = kill.group->path = path;
  const auto document = make_document(kill);
  const auto& owner = *document.incidents[0].cgroup->owner;
  EXPECT_EQ(owner.runtime, "docker");
  EXPECT_EQ(owner.container_id, kId);
  EXPECT_EQ(owner.service, "web");
}

TEST(Summary, IsATableOfTheLastOnesAndCountsAll) {
  Summary summary;
  EXPECT_THAT(summary.text(std::nullopt, {}), HasSubstr("No OOM kill was seen."));
  const auto kill = counted_kill(2);
  for (std::size_t i = 0; i < Summary::kMost + 5; ++i) {
    summary.add(make_document(kill), "kill-1.json");
  }
  summary.add_known();
  const auto text = summary.text(3000, {.width = 120});
  EXPECT_THAT(text, HasSubstr("1005 incidents, 2010 processes killed."));
  EXPECT_THAT(text, HasSubstr("web"));
  EXPECT_THAT(text, HasSubstr("32 MiB"));
  EXPECT_THAT(text, HasSubstr("and 5 before them"));
  EXPECT_THAT(text, HasSubstr("1 kill more had a post-mortem already."));
  EXPECT_THAT(text, HasSubstr("The kernel counts 3000 kills"));
}

TEST(Summary, NamesTheFileOfOneThatIsKeptLater) {
  Summary summary;
  summary.add(make_document(counted_kill(1)), "kill-1 (not kept)");
  summary.rename("kill-2 (not kept)", "another");
  summary.rename("kill-1 (not kept)", "kill-1-web.json");
  const auto text = summary.text(std::nullopt, {.width = 200});
  EXPECT_THAT(text, HasSubstr("kill-1-web.json"));
  EXPECT_THAT(text, testing::Not(HasSubstr("not kept")));
}

TEST(Summary, EscapesWhatComesFromOutside) {
  Summary summary;
  auto kill = counted_kill(1);
  kill.container = containers::Container{kId, "\x1b[31mweb\n", "i", std::nullopt};
  summary.add(make_document(kill), "f");
  EXPECT_EQ(summary.text(std::nullopt, {}).find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace cli::watch
