// The format of scenarios: what is read, and what is refused with which words.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "cli/scenario/library.h"
#include "cli/scenario/node.h"
#include "cli/scenario/scenario.h"
#include "tests/support/case_name.h"

namespace cli::scenario {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using testing::StartsWith;

// A valid scenario in which one part can be replaced.
std::string file(std::string_view groups, std::string_view tasks, std::string_view rest) {
  return fmt::format(R"({{
  "name": "x", "about": "a", "teaches": "t",
  "groups": {},
  "tasks": {},
  {}
}})",
                     groups, tasks, rest);
}
constexpr std::string_view kGroups = R"({"box": {"memory.max": "64M"}})";
constexpr std::string_view kTasks = R"([{"name": "eater", "workload": "anon"}])";
constexpr std::string_view kExpect = R"("expect": {"verdict": "oom_killed"})";

Scenario must_read(const std::string& text) {
  auto read = read_scenario(text, "x.json");
  EXPECT_TRUE(read) << read.error().message;
  return read ? *std::move(read) : Scenario{};
}

TEST(ReadScenario, FillsInWhatIsNotSaid) {
  const auto scenario = must_read(file(kGroups, kTasks, kExpect));
  EXPECT_EQ(scenario.name, "x");
  ASSERT_THAT(scenario.groups, SizeIs(1));
  // A limit without a word about swap means no swap, as with `run`.
  EXPECT_THAT(scenario.groups[0].settings,
              ElementsAre(Setting{"memory.max", "67108864"}, Setting{"memory.swap.max", "0"}));
  ASSERT_THAT(scenario.tasks, SizeIs(1));
  EXPECT_EQ(scenario.tasks[0].group, "box");
  EXPECT_EQ(scenario.tasks[0].count, 1U);
  EXPECT_EQ(scenario.tasks[0].start.kind, Condition::Kind::at_once);
  EXPECT_EQ(scenario.end.kind, Condition::Kind::all_exited);
  EXPECT_EQ(scenario.timeout, std::chrono::minutes(2));
  EXPECT_TRUE(scenario.expects_verdict);
  EXPECT_FALSE(scenario.is_for_vm());
}

TEST(ReadScenario, AllowsComments) {
  const auto scenario = must_read("// one\n/* two\n */" + file(kGroups, kTasks, "// three\n  " + std::string(kExpect)));
  EXPECT_EQ(scenario.definition.find("three"), std::string::npos);
  // What is handed on reads as the same scenario.
  EXPECT_EQ(must_read(scenario.definition).definition, scenario.definition);
}

TEST(ReadScenario, AddsTheLevelsInBetween) {
  const auto scenario = must_read(
      file(R"({"a/b/c": {"memory.max": "1M"}})", R"([{"name": "t", "group": "a/b/c", "command": ["true"]}])", kExpect));
  std::vector<std::string> paths;
  for (const auto& group : scenario.groups) {
    paths.push_back(group.path);
  }
  EXPECT_THAT(paths, ElementsAre("a", "a/b", "a/b/c"));
}

TEST(ReadScenario, WhatIsNotLimitedIsForTheVm) {
  EXPECT_TRUE(must_read(file(R"({"box": {}})", kTasks, kExpect)).is_for_vm());
  EXPECT_TRUE(must_read(file(R"({"box": {"memory.max": "max"}})", kTasks, kExpect)).is_for_vm());
  EXPECT_TRUE(must_read(file(R"({"box": {"memory.high": "1M"}})", kTasks, kExpect)).is_for_vm());
  EXPECT_FALSE(must_read(file(R"({"a": {"memory.max": "1M"}, "a/b": {}})",
                              R"([{"name": "t", "group": "a/b", "workload": "anon"}])", kExpect))
                   .is_for_vm());
  EXPECT_TRUE(
      must_read(file(kGroups, kTasks, R"("needs": {"sysctls": {"vm.swappiness": 10}}, )" + std::string(kExpect)))
          .is_for_vm());
}

TEST(ReadScenario, ADiskComesWithTheWorkload) {
  const auto scenario = must_read(file(kGroups, R"([{"name": "r", "workload": "page-cache-seq"}])", kExpect));
  EXPECT_TRUE(scenario.needs.disk_bytes);
  EXPECT_TRUE(scenario.is_for_vm());
}

TEST(ReadScenario, KeepsEachExpectationWithItsPath) {
  const auto scenario = must_read(file(kGroups, kTasks, R"("expect": {
    "victims": ["eater"], "groups": {"box": {"memory.events:oom": 1, "highest": {"memory.current": {"at_most": "64M"}}}},
    "not": {"survivors": ["eater"]}})"));
  std::vector<std::string> paths;
  for (const auto& check : scenario.checks) {
    paths.push_back(check.path + " = " + check.expected);
  }
  EXPECT_THAT(paths, ElementsAre("expect.victims = eater", "expect.groups.box.memory.events:oom = 1",
                                 "expect.groups.box.highest.memory.current = at most 67108864 (64 MiB)",
                                 "expect.not.survivors[0] = not eater is not killed"));
  ASSERT_THAT(scenario.watched, SizeIs(1));
  EXPECT_EQ(scenario.watched[0].group, "box");
  EXPECT_FALSE(scenario.expects_verdict);
}

struct Mistake {
  const char* name;
  std::string text;
  const char* message;
  const char* remedy = "";
};
constexpr const char* kExample = "docs/scenarios.md has the format; an example: oomlab scenario show oom-events";
class ReadMistake : public testing::TestWithParam<Mistake> {};

TEST_P(ReadMistake, IsPlacedAndNamed) {
  const auto read = read_scenario(GetParam().text, "x.json");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, base::ErrorKind::usage);
  EXPECT_EQ(read.error().message, GetParam().message);
  EXPECT_EQ(read.error().remedy, GetParam().remedy);
}

std::string tasks(std::string_view text) {
  return file(kGroups, text, kExpect);
}
std::string groups(std::string_view text) {
  return file(text, kTasks, kExpect);
}
std::string expect(std::string_view text) {
  return file(kGroups, kTasks, fmt::format(R"("expect": {})", text));
}
std::string more(std::string_view text) {
  return file(kGroups, kTasks, fmt::format("{},\n  {}", text, kExpect));
}

INSTANTIATE_TEST_SUITE_P(
    Document, ReadMistake,
    testing::Values(
        Mistake{"missing", R"({"name": "x", "about": "a", "teaches": "t"})", "x.json:1: 'groups' is missing", kExample},
        Mistake{"nameless", R"({"about": "a"})", "x.json:1: 'name' is missing", kExample},
        Mistake{"no_object", "[1]", "x.json:1: expected an object, got a list"},
        Mistake{"bad_name", R"({"name": "a b", "about": "a", "teaches": "t"})",
                "x.json:1: name: a name has letters, digits, '-', '_' and '.', at most 64"},
        Mistake{"reserved_name", R"({"name": "all", "about": "a", "teaches": "t"})",
                "x.json:1: name: a name has letters, digits, '-', '_' and '.', at most 64"},
        Mistake{"twice", R"({"name": "x", "name": "y"})", "x.json:1: 'name' stands twice in the same object",
                "the last would count: take one of them out"},
        Mistake{"unknown", more(R"("exspect": {})"), "x.json:5: exspect: 'exspect' is not known here",
                "did you mean expect?"},
        Mistake{"timeout", more(R"("timeout": "2h")"), "x.json:5: timeout: expected a time up to 1h"},
        Mistake{"timeout_number", more(R"("timeout": 3)"),
                "x.json:5: timeout: expected a duration (\"250ms\", \"3s\"), got 3"}),
    tests::kCaseName);

INSTANTIATE_TEST_SUITE_P(
    Groups, ReadMistake,
    testing::Values(
        Mistake{"none", groups("{}"), "x.json:3: groups: expected 1 to 64 groups, got 0"},
        Mistake{"file", groups(R"({"box": {"memory.maximum": 1}})"),
                "x.json:3: groups.box.memory.maximum: 'memory.maximum' is not a limit of a cgroup",
                "one of: memory.min, memory.low, memory.high, memory.max, memory.swap.high, memory.swap.max, "
                "memory.zswap.max, memory.oom.group, pids.max, cpu.max, cpu.weight, cpuset.cpus, cpuset.mems, "
                "cgroup.freeze, cgroup.max.descendants"},
        Mistake{"near", groups(R"({"box": {"memory.mx": 1}})"),
                "x.json:3: groups.box.memory.mx: 'memory.mx' is not a limit of a cgroup", "did you mean memory.max?"},
        Mistake{"action_only", groups(R"({"box": {"memory.reclaim": "1M"}})"),
                "x.json:3: groups.box.memory.reclaim: 'memory.reclaim' is not a limit of a cgroup",
                "one of: memory.min, memory.low, memory.high, memory.max, memory.swap.high, memory.swap.max, "
                "memory.zswap.max, memory.oom.group, pids.max, cpu.max, cpu.weight, cpuset.cpus, cpuset.mems, "
                "cgroup.freeze, cgroup.max.descendants"},
        Mistake{"size", groups(R"({"box": {"memory.max": "64Q"}})"),
                "x.json:3: groups.box.memory.max: '64Q' is not a size: bytes, or a number with K, M, G or T (binary)"},
        Mistake{"flag", groups(R"({"box": {"memory.oom.group": "on"}})"),
                "x.json:3: groups.box.memory.oom.group: expected true or false, got \"on\""},
        Mistake{"negative", groups(R"({"box": {"pids.max": -1}})"),
                "x.json:3: groups.box.pids.max: expected a whole number from 0 to 2147483647, got -1"},
        Mistake{"climbing", groups(R"({"../x": {}})"),
                "x.json:3: groups.../x: a group is named \"a\" or \"a/b\": letters, digits, '-', '_', '.', at most 8 "
                "levels"},
        Mistake{
            "absolute", groups(R"({"/x": {}})"),
            "x.json:3: groups./x: a group is named \"a\" or \"a/b\": letters, digits, '-', '_', '.', at most 8 levels"},
        Mistake{"a_control_file", groups(R"({"memory.max": {}})"),
                "x.json:3: groups.memory.max: a group is named \"a\" or \"a/b\": letters, digits, '-', '_', '.', at "
                "most 8 levels"},
        Mistake{"swap", groups(R"({"box": {"memory.max": "1M", "memory.swap.max": "1M"}})"),
                "x.json:3: groups.box: it may use swap, and needs.swap names none",
                R"("needs": {"swap": "64M"} makes that much in the micro-VM)"}),
    tests::kCaseName);

INSTANTIATE_TEST_SUITE_P(
    Tasks, ReadMistake,
    testing::Values(
        Mistake{"none_at_all", tasks("[]"), "x.json:4: tasks: expected 1 to 256 tasks with their copies, got 0"},
        Mistake{"too_many", tasks(R"([{"name": "a", "workload": "anon", "count": 200},
          {"name": "b", "workload": "anon", "count": 100}])"),
                "x.json:4: tasks: expected 1 to 256 tasks with their copies, got 300"},
        Mistake{"workload", tasks(R"([{"name": "a", "workload": "annon"}])"),
                "x.json:4: tasks[0].workload: 'annon' is not a workload", "did you mean anon?"},
        Mistake{"parameter", tasks(R"([{"name": "a", "workload": "anon", "with": {"sise": "1M"}}])"),
                "x.json:4: tasks[0].with.sise: 'sise' is not a parameter of anon", "did you mean size?"},
        Mistake{"parameter_value", tasks(R"([{"name": "a", "workload": "anon",
          "with": {"size": "many"}}])"),
                "x.json:5: tasks[0].with.size: --size: 'many' is not a size: bytes, or a number with K, M, G or T "
                "(binary)"},
        Mistake{"both", tasks(R"([{"name": "a", "workload": "anon", "command": ["true"]}])"),
                "x.json:4: tasks[0]: expected either 'workload' or 'command'"},
        Mistake{"neither", tasks(R"([{"name": "a"}])"), "x.json:4: tasks[0]: expected either 'workload' or 'command'"},
        Mistake{"command_line", tasks(R"([{"name": "a", "command": "sleep 1"}])"),
                "x.json:4: tasks[0].command: expected a list: the command and its arguments",
                R"(["sleep", "1"], or ["sh", "-c", "..."] for the words of a shell)"},
        Mistake{"command_with", tasks(R"([{"name": "a", "command": ["true"], "with": {}}])"),
                "x.json:4: tasks[0].with: parameters are a workload's; a command has arguments"},
        Mistake{"nul", tasks(R"([{"name": "a", "command": ["a\u0000b"]}])"),
                "x.json:4: tasks[0].command[0]: a text cannot hold the byte 0"},
        Mistake{"same_name", tasks(R"([{"name": "a", "workload": "anon"}, {"name": "a", "workload": "anon"}])"),
                "x.json:4: tasks[1].name: expected a name of its own: letters, digits, '-', '_', '.' and blanks"},
        Mistake{"hostile_name", tasks(R"([{"name": "\u001b[2J", "workload": "anon"}])"),
                "x.json:4: tasks[0].name: expected a name of its own: letters, digits, '-', '_', '.' and blanks"},
        Mistake{"group", tasks(R"([{"name": "a", "group": "bok", "workload": "anon"}])"),
                "x.json:4: tasks[0].group: 'bok' is not a group of this scenario", "did you mean box?"},
        Mistake{"which_group", file(R"({"a": {}, "b": {}})", kTasks, kExpect),
                "x.json:4: tasks[0]: 'group' is missing: there are several"},
        Mistake{"inner_group",
                file(R"({"a": {}, "a/b": {}})", R"([{"name": "t", "group": "a", "workload": "anon"}])", kExpect),
                "x.json:4: tasks[0]: the group a has groups below: a task must be in one without",
                "a/b, or a group of its own below a"},
        Mistake{"score", tasks(R"([{"name": "a", "workload": "anon", "oom_score_adj": -1001}])"),
                "x.json:4: tasks[0].oom_score_adj: expected a whole number from -1000 to 1000, got -1001"},
        Mistake{"resource", tasks(R"([{"name": "a", "workload": "anon", "resources": {"ass": 1}}])"),
                "x.json:4: tasks[0].resources.ass: 'ass' is not a resource limit", "did you mean as?"},
        Mistake{"signal",
                tasks(R"([{"name": "a", "workload": "anon", "signals": [{"send": "SIGUSR3", "when": "never"}]}])"),
                "x.json:4: tasks[0].signals[0].send: 'SIGUSR3' is not a signal", "did you mean SIGUSR1?"},
        Mistake{"needs_swap", tasks(R"([{"name": "a", "workload": "swap", "with": {"size": "1M"}}])"),
                "x.json:4: tasks[0].workload: swap needs swap", R"("needs": {"swap": "64M"})"}),
    tests::kCaseName);

INSTANTIATE_TEST_SUITE_P(
    Conditions, ReadMistake,
    testing::Values(
        Mistake{"word", more(R"("end": "first_kil")"), "x.json:5: end: 'first_kil' is not a condition",
                "did you mean first_kill?"},
        Mistake{"number", more(R"("end": 5)"),
                "x.json:5: end: expected a condition: an object, or one of at_once, never, first_kill, all_exited"},
        Mistake{"no_kind", more(R"("end": {})"),
                "x.json:5: end: no condition is given: after, started, exited, task and notes, done, group and "
                "counter, all, any"},
        Mistake{"typo", more(R"("end": {"exitted": "eater"})"), "x.json:5: end.exitted: 'exitted' is not known here",
                "did you mean exited?"},
        Mistake{"two_kinds", more(R"("end": {"exited": "eater", "after": "1s"})"),
                "x.json:5: end.exited: 'exited' is not known here", "one of: after, delay"},
        Mistake{"no_such_task", more(R"("end": {"exited": "eatr"})"),
                "x.json:5: end.exited: 'eatr' is not a task of this scenario", "did you mean eater?"},
        Mistake{"no_such_action", more(R"("end": {"done": "x"})"),
                "x.json:5: end.done: 'x' is not an action of this scenario", "there is none in this file"},
        Mistake{"counter", more(R"("end": {"group": "box", "counter": "memory.curren", "at_least": 1})"),
                "x.json:5: end.counter: 'memory.curren' is not a file of a cgroup with counters",
                "did you mean memory.current?"},
        Mistake{"no_bound", more(R"("end": {"group": "box", "counter": "memory.current"})"),
                "x.json:5: end: no bound is given: equals, at_least, at_most, or about and within"},
        Mistake{"half_a_bound", more(R"("end": {"group": "box", "counter": "memory.current", "about": 1})"),
                "x.json:5: end: 'about' and 'within' go together"},
        Mistake{"time_as_number",
                more(R"("end": {"group": "box", "counter": "memory.pressure:some.total", "at_least": 5})"),
                "x.json:5: end.at_least: expected a duration (\"250ms\", \"3s\"), got 5"},
        Mistake{"empty_list", more(R"("end": {"all": []})"), "x.json:5: end.all: the list is empty"},
        Mistake{"deep", more(R"("end": {"all": [{"all": [{"all": [{"all": [{"all": [{"all": [{"all": [{"all": [{"all": [
          "never"]}]}]}]}]}]}]}]}]})"),
                "x.json:5: end.all[0].all[0].all[0].all[0].all[0].all[0].all[0].all[0].all: nested more than 8 times"}),
    tests::kCaseName);

INSTANTIATE_TEST_SUITE_P(
    Expectations, ReadMistake,
    testing::Values(
        Mistake{"nothing", expect("{}"), "x.json:5: expect: nothing is expected"},
        Mistake{"kind", expect(R"({"verdickt": "x"})"), "x.json:5: expect.verdickt: 'verdickt' is not known here",
                "did you mean verdict?"},
        Mistake{"verdict", expect(R"({"verdict": "killed"})"),
                "x.json:5: expect.verdict: 'killed' is not one that is known here",
                "one of: completed, failed, oom_killed, timed_out, panicked, hung, interrupted, not_started"},
        Mistake{"victim", expect(R"({"victims": ["eeter"]})"),
                "x.json:5: expect.victims[0]: 'eeter' is not a task of this scenario", "did you mean eater?"},
        Mistake{"victims_word", expect(R"({"victims": "eater"})"),
                "x.json:5: expect.victims: expected a list, got \"eater\""},
        Mistake{"end", expect(R"({"exits": {"eater": "SIGKIL"}})"),
                "x.json:5: expect.exits.eater: 'SIGKIL' is not an end of a task (an exit status, a signal, oom_killed, "
                "running, stopped, not_started)",
                "did you mean SIGKILL?"},
        Mistake{"status", expect(R"({"exits": {"eater": 256}})"),
                "x.json:5: expect.exits.eater: expected a whole number from 0 to 255, got 256"},
        Mistake{"counter_of_group", expect(R"({"groups": {"box": {"memory.event:oom": 1}}})"),
                "x.json:5: expect.groups.box.memory.event:oom: 'memory.event' is not a file of a cgroup with counters",
                "did you mean memory.events?"},
        Mistake{"bound", expect(R"({"groups": {"box": {"memory.events:oom": {"min": 1}}}})"),
                "x.json:5: expect.groups.box.memory.events:oom.min: 'min' is not known here",
                "one of: equals, at_least, at_most, about, within, optional"},
        Mistake{"highest_of_a_sum",
                expect(R"({"groups": {"box": {"highest": {"memory.current+memory.swap.current": 1}}}})"),
                "x.json:5: expect.groups.box.highest.memory.current+memory.swap.current: the highest of a sum is not "
                "known: name one counter"},
        Mistake{"mark", expect(R"({"marks": {"x": {}}})"),
                "x.json:5: expect.marks.x: 'x' is not a mark of this scenario", "there is none in this file"},
        Mistake{
            "unit",
            expect(R"({"groups": {"box": {"memory.current": {"about": {"counter": "pids.current"}, "within": 1}}}})"),
            "x.json:5: expect.groups.box.memory.current.about.counter: pids.current is not of the unit that it is "
            "compared with"},
        Mistake{
            "nested_not", expect(R"({"not": {"not": {"verdict": "completed"}}})"),
            "x.json:5: expect.not.not: 'not' is not known here",
            "one of: actions, diagnosis, dominant, duration, exits, first_victim, groups, kind, limiting_group, marks, "
            "observations, reports, scope, survivors, time_to_kill, trigger, verdict, victim_explained, victims"}),
    tests::kCaseName);

TEST(ReadScenario, NamesThePlaceOfASyntaxError) {
  const auto read = read_scenario("{\n  \"name\": \"x\",,\n}", "a\x1b.json");
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().message, StartsWith("a\\x1b.json:2:15: syntax error"));
}

TEST(ReadScenario, RefusesHostileDocuments) {
  EXPECT_THAT(read_scenario(std::string(2 << 20, ' '), "x").error().message, HasSubstr("larger than 1 MiB"));
  EXPECT_FALSE(read_scenario(std::string(500'000, '['), "x"));
  EXPECT_FALSE(read_scenario(std::string("{\"a\": \"\xff\xfe\"}"), "x"));
  EXPECT_FALSE(read_scenario("", "x"));
  const auto large = file(kGroups, kTasks, fmt::format(R"("$schema": "{}", {})", std::string(200'000, 'x'), kExpect));
  EXPECT_THAT(read_scenario(large, "x").error().message, HasSubstr("larger than 100 kB"));
}

TEST(LineOf, FindsValuesBehindCommentsAndStrings) {
  const std::string_view text =
      "// {\n{\n  \"a\": [1, \"]}\\\"\", /* , */ {\"x\": 1}],\n  \"b\": {\n    \"c\": 2\n  }\n}";
  const auto step = [](std::string name) { return Node::Step{.name = std::move(name)}; };
  const auto index = [](std::size_t i) { return Node::Step{.name = {}, .index = i, .is_index = true}; };
  EXPECT_EQ(line_of(text, {}), 2U);
  EXPECT_EQ(line_of(text, {step("a"), index(2), step("x")}), 3U);
  EXPECT_EQ(line_of(text, {step("b"), step("c")}), 5U);
  EXPECT_EQ(line_of(text, {step("b"), step("zzz")}), 4U);
  EXPECT_EQ(line_of("", {step("a")}), 1U);
  EXPECT_EQ(line_of("{\"a", {step("b")}), 1U);
}

// --- the library

TEST(Library, HasEachFileUnderItsName) {
  ASSERT_GE(library().size(), 40U);
  for (const auto& entry : library()) {
    const auto scenario = read_scenario(entry.text, entry.name);
    ASSERT_TRUE(scenario) << scenario.error().message;
    EXPECT_EQ(scenario->name, entry.name);
    EXPECT_GE(scenario->checks.size(), 2U) << entry.name;
    EXPECT_LE(scenario->about.size(), 160U) << entry.name;
    EXPECT_TRUE(!scenario->about.ends_with('.') && scenario->about.find('\n') == std::string::npos)
        << entry.name << ": about is one sentence, without a full stop";
    EXPECT_EQ(scenario->teaches.back(), '.') << entry.name;
    EXPECT_EQ(must_read(scenario->definition).definition, scenario->definition) << entry.name;
  }
}

TEST(Library, NamesTheNearest) {
  const auto place = find_place("victim-choise");
  ASSERT_FALSE(place);
  EXPECT_EQ(place.error().message, "'victim-choise' is neither a scenario of the library nor a file (.json)");
  EXPECT_EQ(place.error().remedy, "did you mean victim-choice?");
  EXPECT_FALSE(find_place("./no-such-file.json"));
}

}  // namespace
}  // namespace cli::scenario
