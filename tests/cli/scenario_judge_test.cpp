// Expectations held against findings: each kind, met, not met, and with nothing to see. And the forms of the results.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "cli/scenario/expectation.h"
#include "cli/scenario/judgement.h"
#include "cli/scenario/results.h"
#include "tests/support/case_name.h"

namespace cli::scenario {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

Scenario scenario(std::string_view expect) {
  auto read = read_scenario(fmt::format(R"({{
    "name": "x", "about": "a", "teaches": "t.",
    "groups": {{"pod": {{"memory.max": "64M"}}, "pod/a": {{}}, "pod/b": {{}}}},
    "tasks": [{{"name": "big", "group": "pod/a", "workload": "anon"}},
              {{"name": "small", "group": "pod/b", "workload": "anon", "count": 2}}],
    "actions": [{{"name": "squeeze", "group": "pod", "write": "memory.max", "value": "1M", "when": "never"}}],
    "marks": {{"full": "first_kill", "late": "never"}},
    "expect": {}}})",
                                        expect),
                            "x.json");
  EXPECT_TRUE(read) << read.error().message;
  return read ? *std::move(read) : Scenario{};
}

TaskFinding task(const char* name, const char* group, std::int64_t pid, const char* end) {
  TaskFinding finding;
  finding.name = name;
  finding.group = group;
  finding.pid = pid;
  finding.end = end;
  return finding;
}

// One kill: `big` by the pod's limit, asked for by `small`.
Findings one_kill() {
  Findings found{.scenario = "x", .backend = "vm", .kernel = "6.12.1", .verdict = "oom_killed"};
  found.duration_s = 1.5;
  found.first_kill_s = 0.5;
  found.tasks = {task("big", "pod/a", 10, "oom_killed"), task("small", "pod/b", 11, "running"),
                 task("small", "pod/b", 12, "exited")};
  found.tasks[0].signal = 9;
  found.tasks[0].observations = {{.step = "end", .name = "level", .value = 1024, .unit = "bytes"}};
  found.tasks[2].copy = 2;
  found.tasks[2].exit_code = 0;
  found.groups = {
      {.name = "pod", .kernel_path = "/oomlab-x.abc/pod", .settings = {}, .at_end = {}, .highest = {}, .timeline = {}},
      {.name = "pod/a",
       .kernel_path = "/oomlab-x.abc/pod/a",
       .settings = {},
       .at_end = {},
       .highest = {},
       .timeline = {}},
      {.name = "pod/b",
       .kernel_path = "/oomlab-x.abc/pod/b",
       .settings = {},
       .at_end = {},
       .highest = {},
       .timeline = {}}};
  found.groups[0].at_end = {{"memory.current", 4096}, {"memory.stat:anon", 4000}, {"memory.events:oom_kill", 1}};
  found.groups[0].highest = {{"memory.current", 64 << 20}};
  found.marks = {{.name = "full", .t_s = 0.5, .groups = {{"pod", {{"memory.current", 100}}}}},
                 {.name = "late", .t_s = {}, .groups = {}}};
  found.actions = {{.name = "squeeze", .t_s = 0.1, .result = "EBUSY"}};
  found.victims = {{.pid = 10, .comm = "oomlab-anon", .task = "big", .group = "pod/a"}};
  auto& incident = found.postmortem.incidents.emplace_back();
  incident.scope = "memcg";
  incident.trigger.pid = 11;
  incident.trigger.comm = "oomlab-anon";
  incident.cgroup = forensics::CgroupReport{};
  incident.cgroup->oom_memcg = "/host/oomlab-x.abc/pod";
  incident.analysis.breakdown = {{.part = "shmem", .bytes = 10}, {.part = "anon", .bytes = 90}};
  incident.analysis.victim_explained = true;
  incident.diagnosis = {{.code = "anon_growth"}, {.code = "leak"}};
  incident.verdict = "big was killed";
  return found;
}

// Nothing was seen at all.
Findings nothing() {
  Findings found{.scenario = "x", .verdict = "completed"};
  found.has_kernel_log = false;
  return found;
}

struct Row {
  std::string name;
  const char* expect;
  bool met;
  const char* seen;
};
class ScenarioExpects : public testing::TestWithParam<Row> {};

TEST_P(ScenarioExpects, IsHeldAgainstWhatWasFound) {
  const auto& row = GetParam();
  const auto wanted = scenario(row.expect);
  ASSERT_THAT(wanted.checks, SizeIs(1));
  const auto seen = wanted.checks[0].look(one_kill());
  EXPECT_EQ(seen.met, row.met);
  EXPECT_EQ(seen.words, row.seen);
}

// The opposite of what is met is not met, and of what is not met it is, if there was something to see.
TEST_P(ScenarioExpects, IsTurnedByNot) {
  const auto& row = GetParam();
  const auto opposite = scenario(fmt::format(R"({{"not": {}}})", row.expect));
  const auto seen = opposite.checks[0].look(one_kill());
  EXPECT_EQ(seen.met, seen.known && !row.met);
}

// Never met, and its opposite neither, where there is nothing to see.
TEST_P(ScenarioExpects, IsNotMetByNothing) {
  const auto& row = GetParam();
  const std::string_view expect = row.expect;
  const bool always_known =
      expect.find("verdict") != std::string_view::npos || expect.find("duration") != std::string_view::npos ||
      expect.find("optional") != std::string_view::npos || expect.find("{}") != std::string_view::npos;
  if (always_known) {
    return;
  }
  EXPECT_FALSE(scenario(row.expect).checks[0].look(nothing()).met);
  EXPECT_FALSE(scenario(fmt::format(R"({{"not": {}}})", row.expect)).checks[0].look(nothing()).met);
}

INSTANTIATE_TEST_SUITE_P(Words, ScenarioExpects,
                         testing::Values(Row{"verdict", R"({"verdict": "oom_killed"})", true, "oom_killed"},
                                         Row{"verdict_of_several", R"({"verdict": ["completed", "oom_killed"]})", true,
                                             "oom_killed"},
                                         Row{"verdict_other", R"({"verdict": "completed"})", false, "oom_killed"},
                                         Row{"kind", R"({"kind": "oom_kill"})", true, "oom_kill"},
                                         Row{"kind_other", R"({"kind": "no_victim"})", false, "oom_kill"},
                                         Row{"scope", R"({"scope": "memcg"})", true, "memcg"},
                                         Row{"scope_other", R"({"scope": "global"})", false, "memcg"},
                                         Row{"limiting_group", R"({"limiting_group": "pod"})", true, "pod"},
                                         Row{"limiting_group_other", R"({"limiting_group": "pod/a"})", false, "pod"},
                                         Row{"machine", R"({"limiting_group": "machine"})", false, "pod"},
                                         Row{"dominant", R"({"dominant": "anon"})", true, "anon"},
                                         Row{"dominant_other", R"({"dominant": "shmem"})", false, "anon"},
                                         Row{"diagnosis", R"({"diagnosis": "anon_growth"})", true, "anon_growth"},
                                         Row{"diagnosis_second", R"({"diagnosis": "leak"})", false, "anon_growth"},
                                         Row{"explained", R"({"victim_explained": true})", true, "explained"},
                                         Row{"not_explained", R"({"victim_explained": false})", false, "explained"},
                                         Row{"trigger", R"({"trigger": "small"})", true, "small"},
                                         Row{"trigger_other", R"({"trigger": "big"})", false, "small"},
                                         Row{"action", R"({"actions": {"squeeze": "EBUSY"}})", true, "EBUSY"},
                                         Row{"action_other", R"({"actions": {"squeeze": "ok"}})", false, "EBUSY"}),
                         tests::kCaseName);

INSTANTIATE_TEST_SUITE_P(
    Tasks, ScenarioExpects,
    testing::Values(
        Row{"victims", R"({"victims": ["big"]})", true, "big"},
        Row{"victims_more", R"({"victims": ["big", "small"]})", false, "big"},
        Row{"victims_none", R"({"victims": []})", false, "big"},
        Row{"any_of", R"({"victims": {"any_of": ["big", "small"]}})", true, "big"},
        Row{"any_of_others", R"({"victims": {"any_of": ["small"]}})", false, "big"},
        Row{"include", R"({"victims": {"include": ["big"]}})", true, "big"},
        Row{"include_other", R"({"victims": {"include": ["big", "small"]}})", false, "big"},
        Row{"first_victim", R"({"first_victim": "big"})", true, "big"},
        Row{"first_victim_other", R"({"first_victim": ["small"]})", false, "big"},
        Row{"survivors", R"({"survivors": ["small"]})", true, "not killed"},
        Row{"survivors_other", R"({"survivors": ["big"]})", false, "1 of 1 killed"},
        Row{"exit_signal", R"({"exits": {"big": "SIGKILL"}})", true, "oom_killed by SIGKILL"},
        Row{"exit_word", R"({"exits": {"big": "oom_killed"}})", true, "oom_killed by SIGKILL"},
        Row{"exit_status", R"({"exits": {"big": 0}})", false, "oom_killed by SIGKILL"},
        Row{"exits_of_copies", R"({"exits": {"small": ["running", 0]}})", true, "running and exit 0"},
        Row{"exits_of_one_copy", R"({"exits": {"small": 0}})", false, "running and exit 0"},
        Row{"observation", R"({"observations": {"big": {"end": {"level": 1024}}}})", true, "1024"},
        Row{"observation_other", R"({"observations": {"big": {"end": {"level": {"at_least": 2000}}}}})", false, "1024"},
        Row{"observation_missing", R"({"observations": {"big": {"begin": {"level": 1024}}}})", false, "nothing"}),
    tests::kCaseName);

INSTANTIATE_TEST_SUITE_P(
    Numbers, ScenarioExpects,
    testing::Values(
        Row{"reports", R"({"reports": 1})", true, "1"},
        Row{"reports_more", R"({"reports": {"at_least": 2}})", false, "1"},
        Row{"time_to_kill", R"({"time_to_kill": {"at_most": "1s"}})", true, "500 ms"},
        Row{"time_to_kill_later", R"({"time_to_kill": {"at_least": "1s"}})", false, "500 ms"},
        Row{"duration", R"({"duration": {"at_least": "1s"}})", true, "1.5 s"},
        Row{"counter", R"({"groups": {"pod": {"memory.events:oom_kill": 1}}})", true, "1"},
        Row{"counter_other", R"({"groups": {"pod": {"memory.events:oom_kill": 2}}})", false, "1"},
        Row{"counter_near",
            R"({"groups": {"pod": {"memory.current": {"about": {"counter": "memory.stat:anon"}, "within": "3%"}}}})",
            true, "4096 against 4000"},
        Row{"counter_missing", R"({"groups": {"pod": {"memory.peak": {"at_least": 1}}}})", false,
            "nothing: this kernel has no such counter"},
        Row{"counter_optional", R"({"groups": {"pod": {"memory.peak": {"at_least": 1, "optional": true}}}})", true,
            "nothing: this kernel has no such counter"},
        Row{"counter_without_comparison",
            R"({"groups": {"pod": {"memory.current": {"about": {"counter": "memory.peak"}, "within": 1}}}})", false,
            "4096, and nothing to compare it with"},
        Row{"highest", R"({"groups": {"pod": {"highest": {"memory.current": {"at_most": "64M"}}}}})", true,
            "67108864 (64 MiB)"},
        Row{"highest_lower", R"({"groups": {"pod": {"highest": {"memory.current": {"at_most": "63M"}}}}})", false,
            "67108864 (64 MiB)"},
        Row{"mark", R"({"marks": {"full": {"pod": {"memory.current": 100}}}})", true, "100"},
        Row{"mark_other", R"({"marks": {"full": {"pod": {"memory.current": 101}}}})", false, "100"},
        Row{"mark_that_did_not_come", R"({"marks": {"late": {"pod": {"memory.current": 100}}}})", false,
            "nothing: it was not read"},
        Row{"mark_comes", R"({"marks": {"full": {}}})", true, "it came after 0.50 s"},
        Row{"mark_does_not_come", R"({"marks": {"late": {}}})", false, "it did not come"}),
    tests::kCaseName);

TEST(Expectations, EachHasASummaryAndAMemberName) {
  for (const auto& row : all_expectations()) {
    EXPECT_FALSE(row->summary.empty()) << row.name;
  }
  EXPECT_NE(find_expectation("first_victim"), nullptr);
  EXPECT_EQ(find_expectation("first-victim"), nullptr);
}

TEST(Expectations, AVictimOfUnknownOriginIsNoTask) {
  auto found = one_kill();
  found.victims.push_back({.pid = 99, .comm = "a\x1b)b", .task = "", .group = ""});
  const auto seen = scenario(R"({"victims": ["big"]})").checks[0].look(found);
  EXPECT_FALSE(seen.met);
  EXPECT_EQ(seen.words, "big and pid 99 (a\\x1b)b)");
}

// --- judging

TEST(JudgeScenario, AddsTheEndAndTheKernel) {
  const auto wanted = scenario(R"({"victims": ["big"]})");
  const auto judgement = judge(wanted, one_kill(), "6.12");
  ASSERT_THAT(judgement.expectations, SizeIs(3));
  EXPECT_EQ(judgement.expectations[0].path, "end");
  EXPECT_EQ(judgement.expectations[2].path, "kernel");
  EXPECT_EQ(judgement.outcome(), "met");
  EXPECT_EQ(judgement.kernel, "6.12");
  EXPECT_EQ(judge(wanted, one_kill(), "").kernel, "6.12.1");
}

TEST(JudgeScenario, ATimeOutIsNotMetUnlessItIsExpected) {
  auto found = one_kill();
  found.verdict = "timed_out";
  EXPECT_EQ(judge(scenario(R"({"victims": ["big"]})"), found, "").outcome(), "not_met");
  EXPECT_EQ(judge(scenario(R"({"verdict": "timed_out"})"), found, "").outcome(), "met");
}

TEST(JudgeScenario, AKernelThatComplainsIsNotMet) {
  auto found = one_kill();
  found.kernel_complaints = {"WARNING: at mm/"};
  const auto judgement = judge(scenario(R"({"victims": ["big"]})"), found, "");
  EXPECT_EQ(judgement.outcome(), "not_met");
  EXPECT_EQ(judgement.expectations.back().seen, "WARNING: at mm/");
}

TEST(JudgeScenario, WhatDidNotRunIsNotJudged) {
  Findings found{.scenario = "x", .verdict = "skipped", .reason = "this kernel has no memory.peak"};
  const auto skipped = judge(scenario(R"({"victims": ["big"]})"), found, "");
  EXPECT_EQ(skipped.outcome(), "skipped");
  EXPECT_THAT(skipped.expectations, SizeIs(0));
  found.verdict = "error";
  const auto failed = judge(scenario(R"({"victims": ["big"]})"), found, "");
  EXPECT_EQ(failed.outcome(), "error");
  const auto met = judge(scenario(R"({"victims": ["big"]})"), one_kill(), "");
  const auto unmet = judge(scenario(R"({"victims": []})"), one_kill(), "");
  EXPECT_EQ(exit_status({met, skipped}), 0);
  EXPECT_EQ(exit_status({met, unmet}), 1);
  EXPECT_EQ(exit_status({skipped}), 3);
  EXPECT_EQ(exit_status({met, unmet, failed}), 125);
  EXPECT_EQ(summary({met, skipped, unmet, failed, met}), "2 met, 1 not met, 1 skipped, 1 failed to run");
}

// --- verdicts

TEST(ScenarioVerdict, FollowsFromTheTasks) {
  Findings found = one_kill();
  EXPECT_EQ(verdict_of(found), "oom_killed");
  found.victims.clear();
  found.tasks[0].end = "stopped";
  EXPECT_EQ(verdict_of(found), "completed");
  found.tasks[2].exit_code = 1;
  EXPECT_EQ(verdict_of(found), "failed");
  found.tasks[1].reason = "x: not found";
  EXPECT_EQ(verdict_of(found), "not_started");
}

// --- the forms

TEST(ScenarioFindings, SurviveTheWayThroughJson) {
  auto found = one_kill();
  found.reason = "a \x1b\xff reason";
  found.groups[0].timeline = {
      {.t = std::chrono::milliseconds(5), .memory = 1, .swap = {}, .psi_some = std::chrono::microseconds(7)}};
  found.groups[0].settings = {{"memory.max", "67108864"}};
  found.kernel_complaints = {"BUG: x"};
  const auto text = findings_to_json(found);
  const auto back = findings_from_json(text);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(findings_to_json(*back), text);
  EXPECT_EQ(back->tasks.size(), 3U);
  EXPECT_EQ(back->groups[0].timeline[0].psi_some, std::chrono::microseconds(7));
  EXPECT_EQ(back->postmortem.incidents[0].trigger.pid, 11);
  EXPECT_EQ(back->reason, "a \x1b\\xff reason");
}

TEST(ScenarioFindings, HostileJsonIsAnError) {
  for (const char* text :
       {"", "[]", "{\"tasks\": 1}", "{\"tasks\": [1]}", "{\"tasks\": [{\"pid\": \"x\"}]}",
        "{\"groups\": [{\"at_end\": {\"a\": -1.5e99}}]}", "{\"groups\": [{\"timeline\": {\"rows\": [[1]]}}]}",
        "{\"verdict\": {}}", "{\"postmortem\": 3}", "{\"groups\": [{\"settings\": [1]}]}"}) {
    const auto read = findings_from_json(text);
    if (read) {
      // What is merely missing may be read, but never crash who judges it.
      (void)judge(scenario(R"({"groups": {"pod": {"memory.current": 1}}})"), *read, "");
    }
  }
}

TEST(ScenarioResults, NeverSteerATerminal) {
  auto found = one_kill();
  found.reason = "\xc2\x9b";
  EXPECT_NE(to_json({judge(scenario(R"({"victims": ["big"]})"), found, "6.12")}).find("\\u009b"), std::string::npos);
}

TEST(ScenarioResults, SurviveTheWayThroughJson) {
  const auto wanted = scenario(R"({"victims": ["big"]})");
  const auto text = to_json({judge(wanted, one_kill(), "6.12")});
  const auto kept = from_json(text);
  ASSERT_TRUE(kept) << kept.error().message;
  ASSERT_THAT(*kept, SizeIs(1));
  const auto again = read_scenario(kept->front().definition, "kept");
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(to_json({judge(*again, kept->front().findings, kept->front().kernel)}), text);
  EXPECT_FALSE(from_json("{}"));
  EXPECT_FALSE(from_json(R"({"schema": "oomlab.scenario-result/1", "results": [{}]})"));
}

TEST(ScenarioResults, AsATable) {
  const auto met = judge(scenario(R"({"victims": ["big"]})"), one_kill(), "6.12");
  const auto unmet = judge(scenario(R"({"victims": [], "verdict": "oom_killed"})"), one_kill(), "6.12");
  EXPECT_EQ(to_table({met, unmet}, false),
            "SCENARIO  KERNEL  RESULT       TIME  SEEN\n"
            "x         6.12    met         1.5 s  3 of 3 expectations, oom_killed\n"
            "x         6.12    NOT MET     1.5 s  2 of 3 expectations, oom_killed\n"
            "  - expect.victims: expected nobody; seen: big\n"
            "1 met, 1 not met\n");
  EXPECT_THAT(to_table({met}, true), HasSubstr("  + expect.victims: expected big; seen: big\n"));
}

TEST(ScenarioResults, AsJunit) {
  auto hostile = one_kill();
  hostile.postmortem.incidents[0].verdict = "<b>\x1b & \"\xff";
  const auto unmet = judge(scenario(R"({"victims": []})"), hostile, "6.12");
  Findings found{.scenario = "x", .verdict = "skipped", .reason = "no <swap>"};
  const auto skipped = judge(scenario(R"({"victims": []})"), found, "6.1");
  const auto xml = to_junit({unmet, skipped});
  EXPECT_THAT(
      xml,
      HasSubstr(R"(<testsuite name="oomlab scenarios" tests="2" failures="1" errors="0" skipped="1" time="1.500">)"));
  EXPECT_THAT(xml, HasSubstr(R"(<testcase classname="oomlab.scenario.6.12" name="x" time="1.500">)"));
  EXPECT_THAT(xml, HasSubstr("expect.victims: expected nobody; seen: big\n</failure>"));
  EXPECT_THAT(xml, HasSubstr("<system-out>&lt;b&gt;\\x1b &amp; &quot;\\xff\n</system-out>"));
  EXPECT_THAT(xml, HasSubstr("<skipped message=\"no &lt;swap&gt;\"/>"));
  EXPECT_THAT(xml, Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace cli::scenario
