#include "cli/outcome.h"

#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cli {
namespace {

using testing::ElementsAre;

cgroup::MemoryEvents events(std::uint64_t oom_kill, std::uint64_t oom_group_kill = 0) {
  return {.low = 0,
          .high = 0,
          .max = 3,
          .oom = oom_kill != 0 ? 1 : 0,
          .oom_kill = oom_kill,
          .oom_group_kill = oom_group_kill};
}

struct OutcomeCase {
  const char* name;
  Witnesses witnesses;
  const char* verdict;
  std::uint64_t oom_kills;
  std::vector<std::string> evidence;
  const char* reason;  // nullptr: none
};

class Judge : public testing::TestWithParam<OutcomeCase> {};

TEST_P(Judge, NamesVerdictAndEvidence) {
  const auto& row = GetParam();
  const auto outcome = judge(row.witnesses);
  EXPECT_EQ(outcome.verdict, row.verdict);
  EXPECT_EQ(outcome.oom_kills, row.oom_kills);
  EXPECT_EQ(outcome.evidence, row.evidence);
  EXPECT_EQ(outcome.reason, row.reason == nullptr ? std::nullopt : std::optional<std::string>(row.reason));
}

const base::ExitStatus kKilled{.signal = SIGKILL};
const base::ExitStatus kFine{.exit_code = 0};

INSTANTIATE_TEST_SUITE_P(
    Table, Judge,
    testing::Values(
        OutcomeCase{"completed",
                    {.status = kFine, .events = events(0), .logged_kills = 0},
                    "completed",
                    0,
                    {"memory.events", "kernel_log", "wait_status"},
                    nullptr},
        OutcomeCase{"failed",
                    {.status = {.exit_code = 3}, .events = events(0), .logged_kills = 0},
                    "failed",
                    0,
                    {"memory.events", "kernel_log", "wait_status"},
                    nullptr},
        OutcomeCase{"all_three_agree",
                    {.status = kKilled, .events = events(1), .logged_kills = 1},
                    "oom_killed",
                    1,
                    {"memory.events", "kernel_log", "wait_status"},
                    nullptr},
        OutcomeCase{
            "own_sigkill_is_no_oom",
            {.status = kKilled, .events = events(0), .logged_kills = 0},
            "signaled",
            0,
            {"memory.events", "kernel_log", "wait_status"},
            "not an OOM kill: memory.events counts none; someone else sent SIGKILL or the command exited like that"},
        OutcomeCase{
            "exit_137_is_no_oom",
            {.status = {.exit_code = 137}, .events = events(0), .logged_kills = 0},
            "failed",
            0,
            {"memory.events", "kernel_log", "wait_status"},
            "not an OOM kill: memory.events counts none; someone else sent SIGKILL or the command exited like that"},
        OutcomeCase{"child_killed_main_lives",
                    {.status = kFine, .events = events(1), .logged_kills = 1},
                    "oom_killed",
                    1,
                    {"memory.events", "kernel_log"},
                    "a process of the group was OOM killed, but the command itself ended with exit 0"},
        OutcomeCase{"group_kill_counts_its_victim_twice",
                    {.status = kKilled, .events = events(3, 1), .logged_kills = 2},
                    "oom_killed",
                    2,
                    {"memory.events", "kernel_log", "wait_status"},
                    nullptr},
        OutcomeCase{"counted_but_no_line",
                    {.status = kKilled, .events = events(1), .logged_kills = 0},
                    "oom_killed",
                    1,
                    {"memory.events", "wait_status"},
                    "memory.events counts 1 killed, the kernel log shows 0: lines were rate-limited or lost"},
        OutcomeCase{"line_but_not_counted",
                    {.status = kKilled, .events = events(0), .logged_kills = 1},
                    "oom_killed",
                    0,
                    {"kernel_log", "wait_status"},
                    "the kernel log shows the kill, memory.events does not count it"},
        OutcomeCase{"no_log",
                    {.status = kKilled, .events = events(1)},
                    "oom_killed",
                    1,
                    {"memory.events", "wait_status"},
                    nullptr},
        OutcomeCase{"timed_out",
                    {.status = kKilled, .events = events(0), .logged_kills = 0, .stop = Stop::timed_out},
                    "timed_out",
                    0,
                    {"memory.events", "kernel_log", "wait_status"},
                    "its time was over; oomlab killed it"},
        OutcomeCase{"timed_out_for_want_of_memory",
                    {.status = kKilled, .events = events(0), .stalled_share = 0.671, .stop = Stop::timed_out},
                    "timed_out",
                    0,
                    {"memory.events", "wait_status"},
                    "its time was over; oomlab killed it: for 67 % of it all of its processes stood still, waiting for "
                    "memory"},
        OutcomeCase{"timed_out_busy",
                    {.status = kKilled, .events = events(0), .stalled_share = 0.19, .stop = Stop::timed_out},
                    "timed_out",
                    0,
                    {"memory.events", "wait_status"},
                    "its time was over; oomlab killed it"},
        OutcomeCase{
            "thrashing",
            {.status = kKilled, .events = events(0), .stop = Stop::thrashing},
            "thrashing",
            0,
            {"memory.events", "wait_status"},
            "it stalled at its limit without being killed (memory pressure full, no progress); oomlab killed it"},
        OutcomeCase{"interrupted",
                    {.status = {.signal = SIGINT}, .events = events(0), .stop = Stop::interrupted},
                    "interrupted",
                    0,
                    {"memory.events", "wait_status"},
                    "oomlab was told to end it"},
        OutcomeCase{"a_kill_wins_over_the_time_out",
                    {.status = kKilled, .events = events(1), .logged_kills = 1, .stop = Stop::timed_out},
                    "oom_killed",
                    1,
                    {"memory.events", "kernel_log", "wait_status"},
                    nullptr}),
    [](const auto& row) { return row.param.name; });

TEST(Judge, SaysWhyItDidNotStart) {
  const auto outcome =
      judge({.events = events(0), .logged_kills = 0, .not_started = "nope: not found", .not_started_code = 127});
  EXPECT_EQ(outcome.verdict, "not_started");
  EXPECT_EQ(outcome.exit_code, 127);
  EXPECT_EQ(outcome.reason, "nope: not found");
}

forensics::Run finished(const char* verdict, std::optional<std::uint64_t> peak) {
  forensics::Run run;
  run.outcome.verdict = verdict;
  run.memory.peak_bytes = peak;
  return run;
}

struct ExpectationCase {
  const char* name;
  const char* expect;
  std::optional<std::uint64_t> max_peak;
  forensics::Run run;
  bool met;
  const char* reason;
};

class Expect : public testing::TestWithParam<ExpectationCase> {};

TEST_P(Expect, IsMetOrNotWithAReason) {
  const auto& row = GetParam();
  const auto expectation = check_expectation(row.expect, row.max_peak, row.run);
  EXPECT_EQ(expectation.met, row.met);
  EXPECT_EQ(expectation.reason, row.reason);
}

INSTANTIATE_TEST_SUITE_P(
    Table, Expect,
    testing::Values(
        ExpectationCase{"oom_met", "oom", {}, finished("oom_killed", 64), true, "a process was OOM killed"},
        ExpectationCase{"oom_not_met",
                        "oom",
                        {},
                        finished("completed", 64),
                        false,
                        "no process was OOM killed: the command is completed"},
        ExpectationCase{"fits", "fit", {}, finished("completed", 1 << 20), true, "it completed with a peak of 1 MiB"},
        ExpectationCase{
            "killed_does_not_fit", "fit", {}, finished("oom_killed", 1), false, "the command is oom_killed"},
        ExpectationCase{"peak_at_the_bound_fits", "fit", 1 << 20, finished("completed", 1 << 20), true,
                        "it completed with a peak of 1 MiB"},
        ExpectationCase{"peak_above", "fit", 1 << 20, finished("completed", 2 << 20), false,
                        "the peak of 2 MiB is above 1 MiB"},
        ExpectationCase{"peak_unknown", "fit", 1 << 20, finished("completed", {}), false,
                        "this kernel does not tell the peak (memory.peak needs 5.19)"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace cli
