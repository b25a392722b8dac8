#include "cgroup/tree_watch.h"

#include <vector>

#include <gmock/gmock.h>

#include "tests/support/fake_cgroup.h"

namespace cgroup {
namespace {

namespace fs = std::filesystem;
using support::FakeCgroup;
using support::must;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

// An ordinary folder behaves as the cgroup file system does, as far as inotify goes.
struct Seen {
  std::vector<std::string> appeared, vanished, events;
  TreeWatch::Listener listener() {
    return {.appeared = [this](const std::string& path) { appeared.push_back(path); },
            .vanished = [this](const std::string& path) { vanished.push_back(path); },
            .events = [this](const std::string& path) { events.push_back(path); }};
  }
  void forget() {
    appeared.clear();
    vanished.clear();
    events.clear();
  }
};

TEST(TreeWatch, FindsTheWholeTreeAtOnce) {
  const FakeCgroup fake{{"a/memory.events", ""}, {"a/b/memory.events", ""}, {"c/cgroup.procs", ""}};
  Seen seen;
  const auto watch = must(TreeWatch::start(fake.path(), seen.listener()));
  EXPECT_THAT(seen.appeared, UnorderedElementsAre("/", "/a", "/a/b", "/c"));
  EXPECT_EQ(watch.groups(), 4U);
  EXPECT_EQ(watch.unwatched(), 0U);
}

TEST(TreeWatch, TellsOfKillsAndOfGroupsThatComeAndGo) {
  const FakeCgroup fake{{"a/memory.events", "oom_kill 0\n"}};
  Seen seen;
  auto watch = must(TreeWatch::start(fake.path(), seen.listener()));
  seen.forget();
  fake.write("a/memory.events", "oom_kill 1\n");
  watch.read();
  EXPECT_THAT(seen.events, testing::Contains("/a"));
  seen.forget();

  fs::create_directories(fake.path() / "a/new/deep");
  watch.read();
  EXPECT_THAT(seen.appeared, ElementsAre("/a/new", "/a/new/deep")) << "what was made inside before we looked, too";
  seen.forget();

  fake.remove("a");
  watch.read();
  EXPECT_THAT(seen.vanished, UnorderedElementsAre("/a/new/deep", "/a/new", "/a"));
  EXPECT_EQ(watch.groups(), 1U);
}

TEST(TreeWatch, ANameThatBeginsLikeAnotherIsNotBelowIt) {
  const FakeCgroup fake{{"a/memory.events", ""}, {"a-b/memory.events", ""}, {"ab/memory.events", ""}};
  Seen seen;
  auto watch = must(TreeWatch::start(fake.path(), seen.listener()));
  fake.remove("a");
  watch.read();
  EXPECT_THAT(seen.vanished, ElementsAre("/a"));
}

TEST(TreeWatch, RescanFindsWhatWasNotTold) {
  const FakeCgroup fake{{"a/cgroup.procs", ""}};
  Seen seen;
  auto watch = must(TreeWatch::start(fake.path(), seen.listener()));
  seen.forget();
  fake.write("a/memory.events", "oom_kill 0\n");  // as a controller that is enabled later does
  watch.rescan();
  EXPECT_THAT(seen.events, testing::Contains("/a")) << "its counts may have changed unseen";
  seen.forget();
  fake.write("a/memory.events", "oom_kill 1\n");
  watch.read();
  EXPECT_THAT(seen.events, testing::Contains("/a"));
}

TEST(TreeWatch, DoesNotFollowLinks) {
  const FakeCgroup fake{{"a/memory.events", ""}};
  fs::create_directory_symlink(fake.path(), fake.path() / "a/loop");
  Seen seen;
  const auto watch = must(TreeWatch::start(fake.path(), seen.listener()));
  EXPECT_EQ(watch.groups(), 2U);
}

TEST(TreeWatch, NamesTheRootThatIsNotThere) {
  Seen seen;
  const auto watch = TreeWatch::start("/no/such/cgroup", seen.listener());
  ASSERT_FALSE(watch);
  EXPECT_EQ(watch.error().message, "/no/such/cgroup: No such file or directory");
  EXPECT_THAT(seen.appeared, IsEmpty());
}

}  // namespace
}  // namespace cgroup
