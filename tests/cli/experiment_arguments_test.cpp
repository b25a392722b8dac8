#include "cli/experiment_arguments.h"

#include <gtest/gtest.h>

#include "cli/command.h"

namespace cli {
namespace {

// What the guest's `experiment` command understands of what the host wrote.
Experiment round_trip(const Experiment& experiment) {
  Experiment back;
  Options options;
  bind_experiment(options, back);
  const Command command{};
  const auto parsed = options.parse("experiment", command, to_arguments(experiment));
  EXPECT_TRUE(parsed) << (parsed ? "" : parsed.error().message);
  back.command = parsed->after_dashes;
  return back;
}

TEST(ExperimentArguments, SurviveTheRoundTrip) {
  Experiment experiment;
  experiment.command = {"sh", "-c", "printf '\xff\n' \"$@\"", "--", "", "--limit=memory.max=1"};
  experiment.limits.memory_max = cgroup::Limit{64 << 20};
  experiment.limits.memory_high = cgroup::Limit{};
  experiment.limits.swap_max = cgroup::Limit{0};
  experiment.limits.pids_max = cgroup::Limit{17};
  experiment.limits.oom_group = true;
  experiment.oom_score_adj = -500;
  experiment.shm_bytes = 12345;
  experiment.timeout = std::chrono::milliseconds(1500);
  experiment.thrash_timeout = std::chrono::seconds(60);
  experiment.sample_period = std::chrono::milliseconds(1);
  experiment.faults = "mmap:ENOMEM:after=100,brk:ENOMEM";
  experiment.workload = forensics::Workload{.name = "anon", .parameters = {{"rate", "64M/s"}, {"hold", "1s"}}};
  experiment.root = "/host";
  experiment.working_folder = "/home/a folder\nwith=everything";
  experiment.uid = 1000;
  experiment.gid = 100;
  experiment.in_guest = true;

  const auto back = round_trip(experiment);
  EXPECT_EQ(back.command, experiment.command);
  EXPECT_EQ(back.limits.memory_max, experiment.limits.memory_max);
  EXPECT_EQ(back.limits.memory_high, experiment.limits.memory_high);
  EXPECT_EQ(back.limits.memory_min, std::nullopt);
  EXPECT_EQ(back.limits.swap_max, experiment.limits.swap_max);
  EXPECT_EQ(back.limits.pids_max, experiment.limits.pids_max);
  EXPECT_EQ(back.limits.oom_group, true);
  EXPECT_EQ(back.oom_score_adj, -500);
  EXPECT_EQ(back.shm_bytes, 12345U);
  EXPECT_EQ(back.timeout, experiment.timeout);
  EXPECT_EQ(back.thrash_timeout, experiment.thrash_timeout);
  EXPECT_EQ(back.sample_period, experiment.sample_period);
  EXPECT_EQ(back.faults, experiment.faults);
  ASSERT_TRUE(back.workload);
  EXPECT_EQ(back.workload->name, "anon");
  EXPECT_EQ(back.workload->parameters, experiment.workload->parameters);
  EXPECT_EQ(back.root, experiment.root);
  EXPECT_EQ(back.working_folder, experiment.working_folder);
  EXPECT_EQ(back.uid, 1000U);
  EXPECT_EQ(back.gid, 100U);
  EXPECT_TRUE(back.in_guest);
}

TEST(ExperimentArguments, NothingStaysNothing) {
  const auto back = round_trip({.command = {"true"}});
  EXPECT_EQ(back.limits.memory_max, std::nullopt);
  EXPECT_EQ(back.oom_score_adj, std::nullopt);
  EXPECT_EQ(back.timeout, std::nullopt);
  EXPECT_FALSE(back.workload);
  EXPECT_FALSE(back.in_guest);
}

}  // namespace
}  // namespace cli
