// An OOM report as a scenario: what is taken over, what is refused, and what a replay is held against.
#include <algorithm>
#include <filesystem>
#include <regex>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "cli/replay/comparison.h"
#include "cli/replay/plan.h"
#include "cli/scenario/scenario.h"
#include "forensics/analyze.h"
#include "tests/support/case_name.h"
#include "tests/support/fake_cgroup.h"

namespace cli::replay {
namespace {

using Json = nlohmann::json;
using support::must;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr std::uint64_t kMib = 1 << 20;

std::string log_text(const std::string& name, const std::string& kernel = "6.12") {
  return must(
      base::read_all(fmt::format("{}/tests/fixtures/logs/{}/{}", OOMLAB_SOURCE_DIR, kernel, name).c_str(), 64 * kMib));
}

std::vector<forensics::Incident> incidents_of(const std::string& text) {
  std::vector<forensics::Source> sources;
  sources.push_back({.name = "log", .fd = {}, .bytes = text, .carrier = {}});
  return must(forensics::analyze(sources)).incidents;
}

// The first OOM kill of the text.
forensics::Incident kill_of(const std::string& text) {
  for (auto& incident : incidents_of(text)) {
    if (incident.kind == "oom_kill") {
      return incident;
    }
  }
  ADD_FAILURE() << "no kill in it";
  return {};
}

Json scenario_of(const Plan& plan) {
  return Json::parse(plan.scenario);
}

Json task_of(const Json& scenario, const std::string& name) {
  for (const auto& task : scenario["tasks"]) {
    if (task["name"] == name) {
      return task;
    }
  }
  ADD_FAILURE() << "no task " << name;
  return {};
}

// ---- What is taken over ----

struct LogCase {
  const char* name;
  const char* log;
  const char* groups;     // as JSON
  const char* victim;     // its task
  const char* workloads;  // in order, the trigger last
  const char* expect;     // a part of it, as JSON
};

class Logs : public testing::TestWithParam<LogCase> {};

TEST_P(Logs, BecomeScenarios) {
  const auto& row = GetParam();
  const auto plan = must(make_plan(kill_of(log_text(row.log))));
  const auto scenario = scenario_of(plan);
  EXPECT_EQ(scenario["groups"], Json::parse(row.groups));
  EXPECT_EQ(plan.victim, row.victim);
  std::string workloads;
  for (const auto& task : scenario["tasks"]) {
    workloads += (workloads.empty() ? "" : " ") + task["workload"].get<std::string>();
  }
  EXPECT_EQ(workloads, row.workloads);
  const auto expect = Json::parse(row.expect);
  for (const auto& [kind, value] : expect.items()) {
    EXPECT_EQ(scenario["expect"].value(kind, Json()), value) << kind;
  }
  EXPECT_EQ(scenario["tasks"].back()["name"], plan.trigger);
  EXPECT_DOUBLE_EQ(plan.scale, 1);
  EXPECT_TRUE(scenario::read_scenario(plan.scenario, "plan")) << plan.scenario;
}

INSTANTIATE_TEST_SUITE_P(
    Table, Logs,
    testing::Values(LogCase{"memcg", "limit-small.kmsg", R"({"limit": {"memory.max": 6291456}})", "python3 125", "anon",
                            R"({"scope": "memcg", "limiting_group": "limit", "dominant": "anon"})"},
                    LogCase{"nested", "nested.kmsg", R"({"limit": {"memory.max": 33554432}, "limit/inner": {}})",
                            "tail 122", "anon anon", R"({"limiting_group": "limit"})"},
                    LogCase{"group", "oom-group.kmsg",
                            R"({"limit": {"memory.max": 33554432, "memory.oom.group": true}})", "tail 126",
                            "anon anon anon anon", R"({"first_victim": ["tail 126"]})"},
                    LogCase{"sibling", "sibling.kmsg", R"({"limit": {"memory.max": 67108864}, "limit/inner": {}})",
                            "python3 126", "anon anon", R"({"first_victim": ["python3 126"]})"},
                    LogCase{"swap", "swap-limit.kmsg",
                            R"({"limit": {"memory.max": 33554432, "memory.swap.max": 16777216}})", "python3 123",
                            "anon", R"({"dominant": "anon"})"},
                    LogCase{"global", "global.kmsg", R"({"limit": {}})", "tail 121", "shm-fill shm-fill anon anon",
                            R"({"scope": "global", "limiting_group": "machine", "dominant": null})"},
                    LogCase{"files_in_memory", "tmpfs-left.kmsg", R"({"limit": {"memory.max": 41943040}})",
                            "python3 127", "tmpfs anon", R"({"dominant": "shmem"})"},
                    LogCase{"page_tables", "page-tables.kmsg", R"({"limit": {"memory.max": 33554432}})", "python3 123",
                            "page-tables", R"({"dominant": "pagetables"})"},
                    LogCase{"kernel_objects", "dentries.kmsg", R"({"limit": {"memory.max": 25165824}})", "python3 124",
                            "slab anon", R"({"dominant": "slab_unreclaimable"})"},
                    LogCase{"sockets", "sockets-tcp.kmsg", R"({"limit": {"memory.max": 67108864}})", "python3 125",
                            "socket-leak anon", R"({"dominant": "sock"})"}),
    tests::kCaseName);

TEST(Plan, KeepsWhoMayBeKilledAndWho) {
  const auto plan = must(make_plan(kill_of(log_text("score-adj.kmsg"))));
  const auto incident = kill_of(log_text("score-adj.kmsg"));
  for (const auto& task : incident.tasks) {
    const auto made = task_of(scenario_of(plan), fmt::format("{} {}", task.comm, task.pid));
    EXPECT_EQ(made.value("oom_score_adj", 0), task.oom_score_adj.value_or(0));
  }
  EXPECT_EQ(plan.victim, "python3 124");
}

TEST(Plan, KeepsWhoIsSpared) {
  auto incident = kill_of(log_text("score-adj.kmsg"));
  const auto spared = std::ranges::find_if(
      incident.tasks, [&](const forensics::Task& task) { return task.pid != incident.victims.front().pid; });
  ASSERT_NE(spared, incident.tasks.end());
  spared->oom_score_adj = -500;
  const auto plan = must(make_plan(incident));
  const auto made = task_of(scenario_of(plan), fmt::format("{} {}", spared->comm, spared->pid));
  EXPECT_EQ(made.value("oom_score_adj", 0), -500);
}

TEST(Plan, AnyOfManyAlikeMayBeTheVictim) {
  const auto plan = must(make_plan(kill_of(log_text("shared-anon.kmsg"))));
  EXPECT_EQ(plan.victim, "python3 129");
  EXPECT_THAT(plan.alike, Contains("python3 126"));
  EXPECT_THAT(plan.alike, Not(Contains("files in memory")));
}

TEST(Plan, TasksThatShareMemoryHaveTheirSharesOfIt) {
  const auto plan = must(make_plan(kill_of(log_text("processes.kmsg"))));
  std::uint64_t sum = 0;
  for (const auto& task : scenario_of(plan)["tasks"]) {
    sum += task.contains("with") ? task["with"]["size"].get<std::uint64_t>() : 0;
  }
  EXPECT_LE(sum, 48 * kMib) << "their RSS is 233 MiB, the limit 48";
  EXPECT_THAT(plan.remarks, Contains(HasSubstr("RSS is")));
}

TEST(Plan, RunsTheSysctlThatChoseTheVictim) {
  const auto scenario = scenario_of(must(make_plan(kill_of(log_text("global-allocating.kmsg")))));
  EXPECT_EQ(scenario["needs"]["sysctls"]["vm.oom_kill_allocating_task"], 1);
}

TEST(Plan, ScalesAllSizes) {
  const auto incident = kill_of(log_text("sibling.kmsg"));
  const auto whole = scenario_of(must(make_plan(incident)));
  const auto half = scenario_of(must(make_plan(incident, {.scale = 0.5})));
  EXPECT_EQ(half["groups"]["limit"]["memory.max"], 32 * kMib);
  // What a program takes itself is not scaled.
  EXPECT_NEAR(task_of(half, "python3 126")["with"]["size"].get<double>(),
              task_of(whole, "python3 126")["with"]["size"].get<double>() / 2, 640.0 * 1024);
}

// Of every kept log each incident is a scenario that is understood, or an error with a way out.
TEST(Plan, OfEveryLogIsUnderstoodOrRefused) {
  int plans = 0;
  for (const auto* kernel : {"6.1", "6.12"}) {
    for (const auto& entry :
         std::filesystem::directory_iterator(fmt::format("{}/tests/fixtures/logs/{}", OOMLAB_SOURCE_DIR, kernel))) {
      for (const auto& incident : incidents_of(log_text(entry.path().filename().string(), kernel))) {
        const auto plan = make_plan(incident);
        if (!plan) {
          EXPECT_EQ(plan.error().kind, base::ErrorKind::usage) << entry.path();
          EXPECT_FALSE(plan.error().remedy.empty()) << entry.path();
          continue;
        }
        const auto read = scenario::read_scenario(plan->scenario, "plan");
        EXPECT_TRUE(read) << entry.path() << (read ? "" : read.error().message);
        ++plans;
      }
    }
  }
  EXPECT_GT(plans, 100);
}

// ---- Hostile and partial logs ----

std::string replaced(const std::string& text, const std::string& pattern, const std::string& with) {
  const auto changed = std::regex_replace(text, std::regex(pattern), with);
  EXPECT_NE(changed, text) << pattern;
  return changed;
}

struct RefusedCase {
  const char* name;
  const char* pattern;
  const char* with;
  const char* message;
};

class Refused : public testing::TestWithParam<RefusedCase> {};

TEST_P(Refused, SayWhatIsMissingAndTheWayOut) {
  const auto incident = kill_of(replaced(log_text("sibling.kmsg"), GetParam().pattern, GetParam().with));
  const auto plan = make_plan(incident);
  ASSERT_FALSE(plan);
  EXPECT_EQ(plan.error().kind, base::ErrorKind::usage);
  EXPECT_THAT(plan.error().message, HasSubstr(GetParam().message));
  EXPECT_THAT(plan.error().remedy, HasSubstr("--incident"));
}

INSTANTIATE_TEST_SUITE_P(
    Table, Refused,
    testing::Values(RefusedCase{"no_limit", "memory: usage 65536kB, limit 65536kB", "memory", "does not say the limit"},
                    RefusedCase{"limit_of_nothing", "limit 65536kB", "limit 0kB", "does not say the limit"},
                    RefusedCase{"no_table", "[^\n]*;\\[ *1[0-9]+\\][^\n]*\n", "", "lists no tasks"}),
    tests::kCaseName);

struct OddCase {
  const char* name;
  const char* pattern;
  const char* with;
};

class Odd : public testing::TestWithParam<OddCase> {};

TEST_P(Odd, ReportsBecomeScenariosThatAGuestCanHold) {
  const auto incident = kill_of(replaced(log_text("sibling.kmsg"), GetParam().pattern, GetParam().with));
  const auto plan = must(make_plan(incident));
  const auto read = scenario::read_scenario(plan.scenario, "plan");
  ASSERT_TRUE(read) << read.error().message << plan.scenario;
  EXPECT_LE(read->needs.memory_bytes.value_or(0) + read->needs.swap_bytes.value_or(0), 4096 * kMib);
  EXPECT_LE(plan.scenario.size(), 100'000U);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Odd,
    testing::Values(OddCase{"huge_limit", "limit 65536kB", "limit 1099511627776kB"},
                    OddCase{"huge_swap", "limit 9007199254740988kB", "limit 1099511627776kB"},
                    OddCase{"huge_task", "14496    13081    11652", "14496 4503599627370495 4503599627370495"},
                    OddCase{"huge_swapents", "155648        0", "155648 18446744073709551615"},
                    OddCase{"tiny_limit", "limit 65536kB", "limit 4kB"},
                    OddCase{"score_beyond", "155648        0             0", "155648 0 -2000000000"},
                    OddCase{"all_exempt", "(155648|94208)        0             0", "$1 0 -1000"},
                    OddCase{"pid_twice", "\\[    128\\]     0   128", "[    126]     0   126"},
                    OddCase{"negative_pid", "\\[    128\\]     0   128", "[   -128]     0  -128"},
                    OddCase{"quotes", " python3\n", " \"'}],{\\\\\n"},
                    OddCase{"name_of_ours", " python3\n", " who asked\n"},
                    OddCase{"trigger_not_there", "\\[    128\\]     0   128", "[    999]     0   999"},
                    OddCase{"cut_table", "[^\n]*\\[    128\\][^\n]*\n", ""}),
    tests::kCaseName);

TEST(Plan, OfThousandsOfTasksIsSmall) {
  auto incident = kill_of(log_text("sibling.kmsg"));
  for (int i = 0; i < 20000; ++i) {
    auto task = incident.tasks.front();
    task.pid = 1000 + i;
    task.tgid = task.pid;
    task.oom_score_adj = i % 1500 - 500;
    task.rss_bytes = task.rss_anon_bytes = 8192;
    incident.tasks.push_back(task);
  }
  const auto plan = must(make_plan(incident));
  const auto read = scenario::read_scenario(plan.scenario, "plan");
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(plan.victim, "python3 126");
  EXPECT_EQ(plan.trigger, "python3 128");
  EXPECT_THAT(plan.remarks, Contains(HasSubstr("left out")));
}

TEST(Plan, RefusesAScaleThatNoGuestHolds) {
  auto incident = kill_of(log_text("sibling.kmsg"));
  incident.cgroup->memory->limit_bytes = 1ULL << 60;
  const auto plan = make_plan(incident, {.scale = 1});
  ASSERT_FALSE(plan);
  EXPECT_THAT(plan.error().message, HasSubstr("--scale 100%"));
  EXPECT_LT(must(make_plan(incident)).scale, 1e-6);
}

// ---- The comparison ----

// What a run of the plan would find that went as the log did.
scenario::Findings same_again(const forensics::Incident& original, const Plan& plan) {
  scenario::Findings again{.backend = "vm", .kernel = "6.12.0", .verdict = "oom_killed"};
  again.tasks.push_back({.name = plan.trigger, .group = "limit", .pid = 77});
  auto incident = original;
  incident.trigger.pid = 77;
  again.postmortem.incidents.push_back(std::move(incident));
  again.victims.push_back({.pid = 5, .comm = "anon", .task = plan.victim, .group = "limit"});
  return again;
}

const Compared& row_of(const std::vector<Compared>& rows, std::string_view what) {
  const auto found = std::ranges::find(rows, what, &Compared::what);
  EXPECT_NE(found, rows.end()) << what;
  return *found;
}

struct Replayed {
  forensics::Incident original = kill_of(log_text("sibling.kmsg"));
  Plan plan = must(make_plan(original));
  scenario::Findings again = same_again(original, plan);
  [[nodiscard]] std::vector<Compared> rows() const { return compare(original, plan, again); }
};

TEST(Compare, TheSameIsTheSame) {
  const Replayed replayed;
  const auto rows = replayed.rows();
  EXPECT_TRUE(is_same(rows));
  for (const auto* what : {"kind", "scope", "limit", "victim", "killed", "dominant part", "trigger"}) {
    EXPECT_TRUE(row_of(rows, what).same) << what;
  }
}

struct ChangeCase {
  const char* name;
  const char* what;
  void (*change)(Replayed&);
  bool is_same;
};

class Changes : public testing::TestWithParam<ChangeCase> {};

TEST_P(Changes, AreSeen) {
  Replayed replayed;
  GetParam().change(replayed);
  const auto rows = replayed.rows();
  EXPECT_FALSE(row_of(rows, GetParam().what).original == row_of(rows, GetParam().what).again);
  EXPECT_EQ(is_same(rows), GetParam().is_same);
}

forensics::Incident& again_of(Replayed& replayed) {
  return replayed.again.postmortem.incidents.front();
}

INSTANTIATE_TEST_SUITE_P(
    Table, Changes,
    testing::Values(
        ChangeCase{"another_victim", "victim",
                   [](Replayed& replayed) { replayed.again.victims.front().task = replayed.plan.trigger; }, false},
        ChangeCase{"one_as_large", "victim",
                   [](Replayed& replayed) {
                     replayed.again.victims.front().task = "twin 9";
                     replayed.plan.alike.emplace_back("twin 9");
                   },
                   true},
        ChangeCase{"nobody_killed", "victim", [](Replayed& replayed) { replayed.again.victims.clear(); }, false},
        ChangeCase{"no_report", "kind", [](Replayed& replayed) { replayed.again.postmortem.incidents.clear(); }, false},
        ChangeCase{"another_scope", "scope", [](Replayed& replayed) { again_of(replayed).scope = "global"; }, false},
        ChangeCase{"another_level", "limit",
                   [](Replayed& replayed) { again_of(replayed).analysis.limit_owner->levels_above_victim = 0; }, false},
        ChangeCase{"another_part", "dominant part",
                   [](Replayed& replayed) {
                     again_of(replayed).analysis.dominant.reset();
                     again_of(replayed).analysis.breakdown = {{.part = "shmem", .bytes = 9}};
                   },
                   false},
        ChangeCase{"the_whole_group", "killed",
                   [](Replayed& replayed) { again_of(replayed).victims.push_back({.pid = 6, .role = "group"}); },
                   false},
        ChangeCase{"another_trigger", "trigger", [](Replayed& replayed) { again_of(replayed).trigger.pid = 1; }, true}),
    tests::kCaseName);

TEST(Compare, IsInThePostMortem) {
  Replayed replayed;
  replayed.again.victims.front().task = "else 1";
  const auto document = to_postmortem(replayed.again, replayed.rows(), "a\x1b[31m.log");
  ASSERT_TRUE(document.run && document.run->expectation);
  EXPECT_FALSE(document.run->expectation->met);
  EXPECT_THAT(document.run->expectation->reason,
              testing::AllOf(HasSubstr("different: victim (else 1 instead of python3 126)"), Not(HasSubstr("\x1b"))));
}

}  // namespace
}  // namespace cli::replay
