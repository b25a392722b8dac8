#include "cgroup/own_limit.h"

#include <gtest/gtest.h>

#include "tests/support/fake_cgroup.h"

namespace cgroup {
namespace {

using support::FakeCgroup;

TEST(LimitOf, TakesTheLowestOnTheWayUp) {
  const FakeCgroup fake{{"memory.max", "max\n"},
                        {"a/memory.max", "1000\n"},
                        {"a/memory.swap.max", "max\n"},
                        {"a/b/memory.max", "2000\n"},
                        {"a/b/memory.swap.max", "50\n"}};
  const auto limit = limit_of(fake.path() / "a/b", fake.path());
  EXPECT_EQ(limit.memory_bytes, 1000U);
  EXPECT_EQ(limit.swap_bytes, 50U);
}

TEST(LimitOf, NoneIsNothing) {
  const FakeCgroup fake{{"a/memory.max", "max\n"}, {"a/memory.swap.max", "max\n"}};
  const auto limit = limit_of(fake.path() / "a", fake.path());
  EXPECT_FALSE(limit.memory_bytes);
  EXPECT_FALSE(limit.swap_bytes);
}

TEST(LimitOf, DoesNotLookAboveTheMount) {
  const FakeCgroup fake{{"memory.max", "1\n"}, {"a/memory.max", "max\n"}};
  EXPECT_FALSE(limit_of(fake.path() / "a", fake.path() / "a").memory_bytes);
}

TEST(LimitOf, EndsWhereThereIsNothing) {
  EXPECT_FALSE(limit_of("/no/such/folder", "/elsewhere").memory_bytes);
}

}  // namespace
}  // namespace cgroup
