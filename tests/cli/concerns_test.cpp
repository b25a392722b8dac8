#include "cli/concerns.h"

#include <gtest/gtest.h>

namespace cli {
namespace {

constexpr const char* kGroup = "/user.slice/scope/oomlab-run.a1b2";

forensics::Incident incident(const char* scope, std::optional<std::string> oom_memcg,
                             std::optional<std::string> task_memcg, std::vector<std::int64_t> pids = {}) {
  forensics::Incident made{.scope = scope};
  made.cgroup.emplace();
  made.cgroup->oom_memcg = std::move(oom_memcg);
  made.cgroup->task_memcg = task_memcg;
  for (const auto pid : pids) {
    made.victims.push_back({.pid = pid, .task_memcg = task_memcg});
  }
  return made;
}

TEST(WithinGroup, KnowsTheGroupByItsLastComponent) {
  EXPECT_TRUE(within_group("/user.slice/scope/oomlab-run.a1b2", kGroup));
  EXPECT_TRUE(within_group("/host/prefix/user.slice/scope/oomlab-run.a1b2/child", kGroup))
      << "seen from outside a cgroup namespace";
  EXPECT_FALSE(within_group("/user.slice/scope/oomlab-run.a1b22", kGroup));
  EXPECT_FALSE(within_group("/user.slice/scope", kGroup));
}

TEST(Concerns, KeepsOursAndWhatIsAboveAndGlobal) {
  EXPECT_TRUE(concerns(incident("memcg", kGroup, kGroup), kGroup, 7));
  EXPECT_TRUE(concerns(incident("memcg", "/user.slice", "/user.slice/other"), kGroup, 7))
      << "an ancestor's limit, a sibling's victim";
  EXPECT_TRUE(concerns(incident("global", std::nullopt, "/elsewhere"), kGroup, 7));
  EXPECT_FALSE(concerns(incident("memcg", "/docker/abc", "/docker/abc"), kGroup, 7)) << "somebody else's";
  EXPECT_FALSE(concerns(incident("memcg", "/user.slice/sco", "/user.slice/sco"), kGroup, 7))
      << "a prefix that is no ancestor";
}

TEST(CountKills, CountsEachProcessOfTheGroupOnce) {
  const std::vector<forensics::Incident> incidents = {
      incident("memcg", kGroup, kGroup, {10, 11, 10}),
      incident("memcg", kGroup, kGroup, {11}),
      incident("memcg", "/user.slice", "/user.slice/other", {12}),
      incident("global", std::nullopt, std::nullopt, {7}),
  };
  EXPECT_EQ(count_kills(incidents, kGroup, 7), 3U) << "10 and 11 of the group, 7 by its pid; 12 is a sibling's";
}

}  // namespace
}  // namespace cli
