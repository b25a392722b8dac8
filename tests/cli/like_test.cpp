#include "cli/containers/like.h"

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "base/file.h"
#include "tests/support/fake_cgroup.h"

namespace cli::containers {
namespace {

using support::must;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::uint64_t kMib = 1 << 20;

// What Docker Engine 26.1 prints of the service `leak`, shortened to what is read.
std::string inspect(const std::string& host_config) {
  return fmt::format(R"([{{"Id": "ad6c46b55052", "Name": "/web-1", "HostConfig": {{{}}}}}])", host_config);
}

TEST(ParseInspect, TakesTheLimitsAsRuncDoes) {
  const auto like = must(parse_inspect(inspect(
      R"("Memory": 268435456, "MemorySwap": 402653184, "MemoryReservation": 134217728, "PidsLimit": 200,
         "OomScoreAdj": 500, "ShmSize": 67108864, "OomKillDisable": false, "MemorySwappiness": null, "KernelMemory": 0,
         "CgroupParent": "", "Ulimits": [], "IpcMode": "private")")));
  EXPECT_EQ(like.name, "web-1");
  EXPECT_EQ(like.limits.memory_max->bytes, 256 * kMib);
  EXPECT_EQ(like.limits.swap_max->bytes, 128 * kMib) << "memory-swap is both together";
  EXPECT_EQ(like.limits.memory_low->bytes, 128 * kMib);
  EXPECT_EQ(like.limits.pids_max->bytes, 200U);
  EXPECT_EQ(like.oom_score_adj, 500);
  EXPECT_EQ(like.shm_bytes, 64 * kMib);
  EXPECT_THAT(like.notes, ElementsAre(HasSubstr("memory-reservation 128 MiB is memory.low")));
}

// In full, as Docker Engine 26.1 prints the service swap-allowed of compose.yaml.
TEST(ParseInspect, ReadsWhatDockerPrints) {
  const auto like = must(find_like(OOMLAB_SOURCE_DIR "/tests/fixtures/docker/inspect-26.1.json"));
  EXPECT_EQ(like.name, "oomlab-swap-allowed-1");
  EXPECT_EQ(like.limits.memory_max->bytes, 24 * kMib);
  EXPECT_EQ(like.limits.swap_max->bytes, 16 * kMib);
  EXPECT_EQ(like.limits.pids_max->bytes, 200U);
  EXPECT_EQ(like.shm_bytes, 64 * kMib);
  EXPECT_FALSE(like.oom_score_adj);
  EXPECT_THAT(like.notes, IsEmpty());
}

// In full, as Docker Engine 20.10 (Debian 12) prints it on a host with cgroup v1 (Linux 6.1); made with --memory 24m
// --memory-swap 40m --memory-reservation 16m --memory-swappiness 10 --kernel-memory 20m --oom-kill-disable --pids-limit
// 200 --shm-size 32m --oom-score-adj 300 --cpuset-cpus 0 --cpuset-mems 0 --cpu-shares 512 --ulimit nofile=1024:2048
// --ulimit memlock=-1 --tmpfs /scratch:size=4m --cgroup-parent batch.
TEST(ParseInspect, ReadsWhatDockerPrintsOnCgroupV1) {
  const auto like = must(find_like(OOMLAB_SOURCE_DIR "/tests/fixtures/docker/inspect-20.10-cgroup-v1.json"));
  EXPECT_EQ(like.name, "web");
  EXPECT_EQ(like.limits.memory_max->bytes, 24 * kMib);
  EXPECT_EQ(like.limits.swap_max->bytes, 16 * kMib) << "memsw there, swap alone here";
  EXPECT_EQ(like.limits.memory_low->bytes, 16 * kMib);
  EXPECT_EQ(like.limits.pids_max->bytes, 200U);
  EXPECT_EQ(like.shm_bytes, 32 * kMib);
  EXPECT_EQ(like.oom_score_adj, 300);
  EXPECT_THAT(like.notes,
              ElementsAre(HasSubstr("memory-reservation 16 MiB"), HasSubstr("oom-kill-disable has no counterpart"),
                          HasSubstr("memory-swappiness 10 has no counterpart"),
                          HasSubstr("kernel-memory 20 MiB has no counterpart"), HasSubstr("the container is in batch,"),
                          "tmpfs mounts are not made: /scratch (size=4m)",
                          HasSubstr("ulimits are not applied: memlock unlimited, nofile 1024:2048 ("),
                          HasSubstr("cpuset-mems 0 is not applied"), "limits of the CPU are not applied"));
}

// Of the same host, made with --memory 24m --memory-swap -1.
TEST(ParseInspect, EndlessSwapOnCgroupV1) {
  const auto like = must(find_like(OOMLAB_SOURCE_DIR "/tests/fixtures/docker/inspect-20.10-endless-swap.json"));
  EXPECT_EQ(like.limits.memory_max->bytes, 24 * kMib);
  EXPECT_EQ(like.limits.swap_max, cgroup::Limit{});
  EXPECT_FALSE(like.limits.pids_max);
  EXPECT_THAT(like.notes, ElementsAre("memory-swap is -1: as much swap as there is"));
}

// In full, as Podman 4.3 (Debian 12) prints it; made with --memory 24m --memory-swap 40m --memory-reservation 16m
// --memory-swappiness 10 --pids-limit 200 --shm-size 32m --oom-score-adj 300 --cpuset-cpus 0 --cpuset-mems 0
// --ulimit nofile=1024:2048 --ulimit memlock=-1 --tmpfs /scratch:size=4m --cgroup-parent /batch, and three
// --cgroup-conf.
TEST(ParseInspect, ReadsWhatPodmanPrints) {
  const auto like = must(find_like(OOMLAB_SOURCE_DIR "/tests/fixtures/docker/podman-4.3.json"));
  EXPECT_EQ(like.name, "web");
  EXPECT_EQ(like.limits.memory_max->bytes, 24 * kMib);
  EXPECT_EQ(like.limits.swap_max->bytes, 16 * kMib);
  EXPECT_EQ(like.limits.memory_low->bytes, 16 * kMib);
  EXPECT_EQ(like.limits.memory_high->bytes, 20 * kMib) << "of --cgroup-conf";
  EXPECT_EQ(like.limits.oom_group, true);
  EXPECT_EQ(like.limits.pids_max->bytes, 200U);
  EXPECT_EQ(like.shm_bytes, 32 * kMib);
  EXPECT_EQ(like.oom_score_adj, 300);
  EXPECT_THAT(
      like.notes,
      ElementsAre(HasSubstr("memory-reservation 16 MiB"), "cgroup-conf io.max 1 is not applied",
                  HasSubstr("memory-swappiness 10 has no counterpart"), HasSubstr("the container is in /batch"),
                  "tmpfs mounts are not made: /scratch (size=4m,rw,rprivate,nosuid,nodev,tmpcopyup)",
                  HasSubstr("ulimits are not applied: nofile 1024:2048, memlock unlimited, nproc 1048576 ("),
                  "cpuset-mems 0 is not applied: memory of all nodes is used", "limits of the CPU are not applied"));
}

// Without any limit Podman says a swappiness of 0, and the ulimits that it gives every container.
TEST(ParseInspect, APodmanContainerWithoutLimits) {
  const auto like = must(find_like(OOMLAB_SOURCE_DIR "/tests/fixtures/docker/podman-4.3-plain.json"));
  EXPECT_FALSE(like.limits.memory_max);
  EXPECT_FALSE(like.limits.swap_max);
  EXPECT_EQ(like.limits.pids_max->bytes, 2048U);
  EXPECT_EQ(like.shm_bytes, 65536000U);
  EXPECT_THAT(like.notes, ElementsAre(HasSubstr("ulimits are not applied: nofile 1048576, nproc 32768")));
}

struct SwapCase {
  const char* name;
  const char* members;
  std::optional<cgroup::Limit> memory, swap;
  const char* note;  // "" for none
};
class MemorySwap : public testing::TestWithParam<SwapCase> {};
TEST_P(MemorySwap, IsTakenApart) {
  const auto like = must(parse_inspect(inspect(GetParam().members)));
  EXPECT_EQ(like.limits.memory_max, GetParam().memory);
  EXPECT_EQ(like.limits.swap_max, GetParam().swap);
  if (*GetParam().note == '\0') {
    EXPECT_THAT(like.notes, IsEmpty());
  } else {
    EXPECT_THAT(like.notes, ElementsAre(HasSubstr(GetParam().note)));
  }
}
INSTANTIATE_TEST_SUITE_P(Table, MemorySwap,
                         testing::Values(SwapCase{"no_limits", "", std::nullopt, std::nullopt, ""},
                                         SwapCase{"zero_is_not_set", R"("Memory": 0, "MemorySwap": 0)", std::nullopt,
                                                  std::nullopt, ""},
                                         SwapCase{"no_swap", R"("Memory": 1048576, "MemorySwap": 1048576)",
                                                  cgroup::Limit{kMib}, cgroup::Limit{0}, ""},
                                         SwapCase{"endless_swap", R"("Memory": 1048576, "MemorySwap": -1)",
                                                  cgroup::Limit{kMib}, cgroup::Limit{}, "as much swap as there is"},
                                         SwapCase{"not_set", R"("Memory": 1048576, "MemorySwap": 0)",
                                                  cgroup::Limit{kMib}, cgroup::Limit{}, "memory-swap is not set"},
                                         SwapCase{"swap_alone", R"("Memory": 0, "MemorySwap": 1048576)", std::nullopt,
                                                  std::nullopt, "memory-swap is left out"}),
                         [](const auto& row) { return row.param.name; });

TEST(ParseInspect, SaysWhatHasNoCounterpart) {
  const auto like = must(parse_inspect(inspect(
      R"("OomKillDisable": true, "MemorySwappiness": 10, "KernelMemory": 1048576, "KernelMemoryTCP": 2097152,
         "CgroupParent": "batch.slice", "Tmpfs": {"/scratch": "size=1m", "/b": ""},
         "Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}, {"Name": "core", "Soft": 0, "Hard": 0}, 7],
         "NanoCpus": 500000000, "CpusetMems": "0-1", "IpcMode": "host", "ShmSize": 67108864)")));
  EXPECT_THAT(like.notes,
              ElementsAre(HasSubstr("/dev/shm is that of host"), HasSubstr("oom-kill-disable has no counterpart"),
                          HasSubstr("memory-swappiness 10 has no counterpart"),
                          HasSubstr("kernel-memory 1 MiB has no counterpart"),
                          HasSubstr("kernel-memory-tcp 2 MiB has no counterpart"),
                          HasSubstr("the container is in batch.slice, whose own limit this file does not state"),
                          "tmpfs mounts are not made: /b, /scratch (size=1m)",
                          HasSubstr("ulimits are not applied: nofile 1:2, core 0, ? (a shell's ulimit"),
                          HasSubstr("cpuset-mems 0-1 is not applied"), HasSubstr("limits of the CPU")));
  EXPECT_FALSE(like.shm_bytes);
}

TEST(ParseInspect, OneObjectWillDoAsTheApiAndPodmanPrintIt) {
  const auto like = must(parse_inspect(R"({"Id": "aa", "HostConfig": {"Memory": 4096, "MemorySwap": 4096}})"));
  EXPECT_EQ(like.name, "aa");
  EXPECT_EQ(like.limits.memory_max->bytes, 4096U);
}

TEST(ParseInspect, WhatEnginesWriteForNotSet) {
  const auto like = must(parse_inspect(
      inspect(R"("Memory": null, "MemorySwap": -1, "PidsLimit": -1, "OomScoreAdj": null, "ShmSize": 0, "Tmpfs": null,
                 "MemorySwappiness": -1, "Ulimits": null, "CgroupConf": null)")));
  EXPECT_FALSE(like.limits.memory_max);
  EXPECT_FALSE(like.limits.swap_max);
  EXPECT_FALSE(like.limits.pids_max);
  EXPECT_FALSE(like.oom_score_adj);
  EXPECT_FALSE(like.shm_bytes);
  EXPECT_THAT(like.notes, IsEmpty());
}

TEST(ParseInspect, AFractionThatIsWholeIsANumber) {
  const auto like = must(parse_inspect(inspect(R"("Memory": 2.68435456e+08, "MemorySwap": 268435456.0)")));
  EXPECT_EQ(like.limits.memory_max->bytes, 256 * kMib);
  EXPECT_EQ(like.limits.swap_max->bytes, 0U);
}

TEST(ParseInspect, WordsOfTheFileCannotWriteToTheTerminal) {
  const auto like = must(parse_inspect(
      R"({"Name": "/a\u001b[2J\nb", "HostConfig": {"CgroupParent": "\u001b]0;x\u0007\ny", "IpcMode": "container:\n\u009b",
          "CpusetMems": "\r0", "Tmpfs": {"/\n": "\t\u0000"}, "Ulimits": [{"Name": "RLIMIT_\u001b", "Soft": "1"}],
          "CgroupConf": {"io.\u001b": ["\n"]}}})"));
  std::string all = like.name;
  for (const auto& note : like.notes) {
    all += note;
  }
  EXPECT_EQ(like.notes.size(), 6U);
  EXPECT_EQ(std::ranges::count_if(all, [](unsigned char c) { return c < 0x20 || c == 0x7f; }), 0) << all;
}

struct BadInspect {
  const char* name;
  const char* text;
  const char* message;
};
class NotInspect : public testing::TestWithParam<BadInspect> {};
TEST_P(NotInspect, IsRefused) {
  const auto like = parse_inspect(GetParam().text);
  ASSERT_FALSE(like);
  EXPECT_THAT(like.error().message, HasSubstr(GetParam().message));
}
INSTANTIATE_TEST_SUITE_P(
    Table, NotInspect,
    testing::Values(BadInspect{"empty", "", "not what docker inspect prints"},
                    BadInspect{"none", "[]", "0 containers, one is wanted"},
                    BadInspect{"two", "[{}, {}]", "2 containers, one is wanted"},
                    BadInspect{"image", R"([{"Id": "sha256:1", "Config": {}}])", "no HostConfig"},
                    BadInspect{"number", "7", "not what docker inspect prints"},
                    BadInspect{"word_for_a_limit", R"({"HostConfig": {"Memory": "64m"}})",
                               "HostConfig.Memory is \"64m\", a whole number was expected"},
                    BadInspect{"object_for_swap", R"({"HostConfig": {"MemorySwap": {}}})",
                               "HostConfig.MemorySwap is {}, a whole number"},
                    BadInspect{"beyond_64_bits", R"({"HostConfig": {"Memory": 1e30}})", "HostConfig.Memory is 1e+30"},
                    BadInspect{"beyond_63_bits", R"({"HostConfig": {"Memory": 18446744073709551615}})",
                               "HostConfig.Memory is 18446744073709551615"},
                    BadInspect{"half_a_byte", R"({"HostConfig": {"PidsLimit": 1.5}})", "HostConfig.PidsLimit is 1.5"},
                    BadInspect{"score", R"({"HostConfig": {"OomScoreAdj": 5000}})",
                               "OomScoreAdj is 5000, the kernel takes -1000 to 1000"},
                    BadInspect{"file_of_the_cgroup", R"({"HostConfig": {"CgroupConf": {"memory.high": "lots\u001b"}}})",
                               "HostConfig.CgroupConf: memory.high lots\\x1b: "},
                    BadInspect{"too_little_swap", R"({"HostConfig": {"Memory": 4096, "MemorySwap": 1}})",
                               "MemorySwap 1 is less than Memory 4096"}),
    [](const auto& row) { return row.param.name; });

TEST(FindLike, NamesTheFile) {
  const support::FakeCgroup scratch{};
  const auto file = scratch.path() / "inspect.json";
  scratch.write("inspect.json", inspect(R"("Memory": 4096)"));
  EXPECT_EQ(must(find_like(file)).limits.memory_max->bytes, 4096U);
  scratch.write("inspect.json", "{}");
  EXPECT_THAT(find_like(file).error().message, HasSubstr("inspect.json: not what docker inspect prints"));
  EXPECT_EQ(find_like("/no/such.json").error().message, "/no/such.json: No such file or directory");
  EXPECT_EQ(find_like("/no/such.json").error().kind, base::ErrorKind::usage);
}

}  // namespace
}  // namespace cli::containers
