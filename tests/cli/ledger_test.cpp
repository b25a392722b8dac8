#include "cli/watch/ledger.h"

#include <gmock/gmock.h>

namespace cli::watch {
namespace {

using namespace std::chrono_literals;
using By = Settlement::By;
using testing::ElementsAre;
using testing::IsEmpty;

const Ledger::Time kStart{};

KillCount own(std::uint64_t kills, std::uint64_t groups = 0) {
  return {.own = kills, .all = kills, .own_group_kills = groups};
}
KillCount above(std::uint64_t all, std::uint64_t own = 0) {
  return {.own = own, .all = all, .own_group_kills = 0};
}

// What a settlement says, in short.
std::string words(const Settlement& settled) {
  static constexpr const char* kBy[] = {"log", "counters", "ancestor", "nobody"};
  return (settled.incident ? "#" + std::to_string(*settled.incident) : std::string("-")) + " " +
         settled.cgroup.value_or("?") + " " + kBy[static_cast<int>(settled.by)] + " " +
         std::to_string(settled.processes);
}
std::vector<std::string> words(const std::vector<Settlement>& settled) {
  std::vector<std::string> all;
  for (const auto& each : settled) {
    all.push_back(words(each));
  }
  return all;
}

TEST(Ledger, AKillThatTheLogTellsInFullIsToldAtOnceAndOnce) {
  Ledger ledger(true);
  ledger.appeared("/docker/a", 7, own(0), std::nullopt, kStart);
  ledger.counted("/docker/a", 7, own(1), kStart);
  ledger.logged({.incident = 0, .cgroups = {"/docker/a"}, .processes = 1}, kStart + 10ms);
  EXPECT_THAT(words(ledger.settle(kStart + 10ms)), ElementsAre("#0 /docker/a log 1"));
  EXPECT_THAT(ledger.settle(kStart + 1h), IsEmpty()) << "the count is the same kill";
  EXPECT_FALSE(ledger.is_waiting());
}

TEST(Ledger, TheCountMayComeAfterTheLog) {
  Ledger ledger(true);
  ledger.appeared("/docker/a", 7, own(0), std::nullopt, kStart);
  ledger.logged({.incident = 0, .cgroups = {"/docker/a"}, .processes = 1}, kStart);
  EXPECT_EQ(ledger.settle(kStart).size(), 1U);
  ledger.counted("/docker/a", 7, own(1), kStart + 1s);
  EXPECT_THAT(ledger.settle_all(), IsEmpty());
}

TEST(Ledger, AKillInAGroupThatNobodySawIsToldByTheLog) {
  Ledger ledger(true);
  ledger.logged({.incident = 3, .cgroups = {"/docker/gone"}, .processes = 1}, kStart);
  EXPECT_THAT(words(ledger.settle(kStart)), ElementsAre("#3 /docker/gone log 1"));
  EXPECT_THAT(ledger.settle_all(), IsEmpty());
}

TEST(Ledger, ALineWithoutACgroupIsOfTheOneThatCountsAKill) {
  Ledger ledger(true);
  ledger.appeared("/docker/a", 7, own(0), std::nullopt, kStart);
  ledger.appeared("/docker/b", 8, own(0), std::nullopt, kStart);
  ledger.logged({.incident = 0, .cgroups = {}, .processes = 1}, kStart);
  ledger.counted("/docker/b", 8, own(1), kStart + 5ms);
  EXPECT_THAT(ledger.settle(kStart + 10ms), IsEmpty()) << "the line that says it may be on its way";
  EXPECT_THAT(words(ledger.settle(kStart + Ledger::kBrief)), ElementsAre("#0 /docker/b counters 1"));
  EXPECT_THAT(ledger.settle_all(), IsEmpty());
}

TEST(Ledger, SeveralSuchLinesGoToTheOldestCountsInTurn) {
  Ledger ledger(true);
  for (const auto* path : {"/a", "/b", "/c"}) {
    ledger.appeared(path, 1, own(0), std::nullopt, kStart);
  }
  ledger.counted("/c", 1, own(1), kStart + 1ms);
  ledger.counted("/a", 1, own(1), kStart + 2ms);
  ledger.logged({.incident = 0, .processes = 1}, kStart + 3ms);
  ledger.logged({.incident = 1, .processes = 1}, kStart + 4ms);
  EXPECT_THAT(words(ledger.settle(kStart + 1s)), ElementsAre("#0 /c counters 1", "#1 /a counters 1"));
}

TEST(Ledger, ALineWithoutACgroupThatNoneCountsIsToldAfterTheGrace) {
  Ledger ledger(true);
  ledger.logged({.incident = 0, .processes = 1}, kStart);
  EXPECT_THAT(ledger.settle(kStart + 1s), IsEmpty());
  EXPECT_TRUE(ledger.is_waiting());
  EXPECT_THAT(words(ledger.settle(kStart + Ledger::kGrace)), ElementsAre("#0 ? nobody 1"));
}

TEST(Ledger, ACountThatTheLogDoesNotTellIsToldAfterTheGrace) {
  Ledger ledger(true);
  ledger.appeared("/a", 7, own(0), std::nullopt, kStart);
  ledger.counted("/a", 7, own(2), kStart);
  ledger.vanished("/a", 7);
  EXPECT_THAT(ledger.settle(kStart + 1s), IsEmpty());
  EXPECT_THAT(words(ledger.settle(kStart + Ledger::kGrace)), ElementsAre("- /a counters 2"));
  EXPECT_THAT(ledger.settle_all(), IsEmpty());
  EXPECT_THAT(ledger.told(), IsEmpty()) << "it is gone";
}

TEST(Ledger, MoreKillsDoNotPutOffTheFirst) {
  Ledger ledger(true);
  ledger.appeared("/a", 7, own(0), std::nullopt, kStart);
  for (unsigned i = 1; i <= 30; ++i) {
    ledger.counted("/a", 7, own(i), kStart + i * 100ms);
  }
  EXPECT_FALSE(ledger.settle(kStart + 3s).empty());
}

// The count of the second kill is seen before its report is: it must not be taken for that of the first.
TEST(Ledger, NothingIsMatchedWhileReportsAreOnTheirWay) {
  Ledger ledger(true);
  ledger.appeared("/b", 8, own(0), std::nullopt, kStart);
  ledger.logged({.incident = 0, .processes = 1}, kStart);  // of /a, which was gone before it could be seen
  ledger.counted("/b", 8, own(1), kStart + 1ms);
  EXPECT_THAT(ledger.settle(kStart + 5s, false), IsEmpty());
  ledger.logged({.incident = 1, .cgroups = {"/b"}, .processes = 1}, kStart + 6s);
  EXPECT_THAT(words(ledger.settle(kStart + 6s, true)), ElementsAre("#1 /b log 1", "#0 ? nobody 1"));
  EXPECT_THAT(ledger.settle_all(), IsEmpty());

  ledger.counted("/b", 8, own(2), kStart + 7s);
  EXPECT_THAT(words(ledger.settle(kStart + 7s + Ledger::kLongest, false)), ElementsAre("- /b counters 1"))
      << "a log that never ends is not waited for";
}

// On a busy machine a line may be read seconds after its kill was counted.
TEST(Ledger, ACountIsNotToldWhileALineWaitsForOne) {
  Ledger ledger(true);
  ledger.appeared("/a", 7, own(0), std::nullopt, kStart);
  ledger.counted("/a", 7, own(1), kStart);
  ledger.logged({.incident = 0, .processes = 1}, kStart + 3s);
  EXPECT_THAT(ledger.settle(kStart + 3s), IsEmpty());
  EXPECT_THAT(words(ledger.settle(kStart + 3s + Ledger::kBrief)), ElementsAre("#0 /a counters 1"));
  EXPECT_THAT(ledger.settle_all(), IsEmpty());
}

TEST(Ledger, WithoutALogTheCountersAreBelievedSoon) {
  Ledger ledger(false);
  ledger.appeared("/a", 7, own(0), std::nullopt, kStart);
  ledger.counted("/a", 7, own(1), kStart);
  EXPECT_THAT(words(ledger.settle(kStart + Ledger::kBrief)), ElementsAre("- /a counters 1"));
}

TEST(Ledger, WhatWasCountedBeforeTheFirstStartIsNotTold) {
  Ledger ledger(false);
  ledger.appeared("/a", 7, own(5), 5, kStart);
  EXPECT_THAT(ledger.settle_all(), IsEmpty());
  ledger.counted("/a", 7, own(6), kStart);
  EXPECT_THAT(words(ledger.settle_all()), ElementsAre("- /a counters 1"));
}

TEST(Ledger, WhatHappenedWhileNobodyWatchedIsTold) {
  Ledger ledger(false);
  ledger.appeared("/a", 7, own(5), 3, kStart);
  ledger.appeared("/new", 9, own(1), std::nullopt, kStart);
  EXPECT_THAT(words(ledger.settle_all()), ElementsAre("- /a counters 2", "- /new counters 1"));
}

TEST(Ledger, TheNextStartKnowsWhatWasTold) {
  Ledger ledger(true);
  ledger.appeared("/a", 7, own(0), std::nullopt, kStart);
  ledger.appeared("/b", 8, own(0), std::nullopt, kStart);
  ledger.counted("/a", 7, own(1), kStart);
  ledger.logged({.incident = 0, .cgroups = {"/a"}, .processes = 1}, kStart);
  EXPECT_THAT(ledger.told(), ElementsAre(Ledger::Told{"/a", 7, 1}));
}

// mm/oom_kill.c: the first victim of a group kill is counted as a victim and as a member.
TEST(Ledger, AGroupKillCountsItsFirstVictimTwice) {
  Ledger ledger(true);
  ledger.appeared("/a", 7, own(0), std::nullopt, kStart);
  ledger.counted("/a", 7, own(4, 1), kStart);
  ledger.logged({.incident = 0, .cgroups = {"/a", "/a", "/a"}, .processes = 3, .group_kill = true}, kStart);
  EXPECT_THAT(words(ledger.settle(kStart)), ElementsAre("#0 /a log 3"));
  EXPECT_THAT(ledger.settle_all(), IsEmpty());
}

TEST(Ledger, AGroupKillByTheLimitOfAnAncestor) {
  Ledger ledger(true);
  ledger.appeared("/pod", 1, above(0), std::nullopt, kStart);
  ledger.appeared("/pod/a", 2, own(0), std::nullopt, kStart);
  ledger.counted("/pod/a", 2, own(3), kStart);
  ledger.counted("/pod", 1, {.own = 0, .all = 3, .own_group_kills = 1}, kStart);
  ledger.logged({.incident = 0, .cgroups = {"/pod/a", "/pod/a"}, .processes = 2, .group_kill = true}, kStart);
  EXPECT_EQ(ledger.settle(kStart).size(), 1U);
  EXPECT_THAT(ledger.settle_all(), IsEmpty());
}

TEST(Ledger, AGroupKillOnAKernelThatDoesNotCountThem) {
  Ledger ledger(true);
  ledger.appeared("/a", 7, {.own = 0, .all = 0, .own_group_kills = std::nullopt}, std::nullopt, kStart);
  ledger.counted("/a", 7, {.own = 3, .all = 3, .own_group_kills = std::nullopt}, kStart);
  ledger.logged({.incident = 0, .cgroups = {"/a", "/a"}, .processes = 2, .group_kill = true}, kStart);
  EXPECT_EQ(ledger.settle(kStart).size(), 1U);
  EXPECT_THAT(ledger.settle_all(), IsEmpty());
}

TEST(Ledger, AGroupKillWithoutALog) {
  Ledger ledger(false);
  ledger.appeared("/a", 7, own(0), std::nullopt, kStart);
  ledger.counted("/a", 7, own(2, 1), kStart);
  EXPECT_THAT(words(ledger.settle_all()), ElementsAre("- /a counters 1"));
}

// The group is gone before anybody reads it; the one above has counted the kill.
TEST(Ledger, WithoutALogTheGroupAboveTellsOfOneThatWasGone) {
  Ledger ledger(false);
  ledger.appeared("/docker", 1, above(4), 0, kStart);
  ledger.appeared("/docker/a", 2, own(0), std::nullopt, kStart);
  ledger.vanished("/docker/a", 2);
  ledger.counted("/docker", 1, above(5), kStart);
  EXPECT_THAT(ledger.settle(kStart + 1ms), IsEmpty());
  EXPECT_THAT(words(ledger.settle(kStart + Ledger::kBrief)), ElementsAre("- /docker ancestor 1"));
  EXPECT_THAT(ledger.settle_all(), IsEmpty());
}

TEST(Ledger, TheGroupAboveDoesNotRepeatWhatOneBelowHasTold) {
  Ledger ledger(false);
  ledger.appeared("/docker", 1, above(0), std::nullopt, kStart);
  ledger.appeared("/docker/a", 2, own(0), std::nullopt, kStart);
  ledger.counted("/docker/a", 2, own(1), kStart);
  ledger.counted("/docker", 1, above(1), kStart);
  EXPECT_THAT(words(ledger.settle(kStart + 1s)), ElementsAre("- /docker/a counters 1"));
  ledger.vanished("/docker/a", 2);
  EXPECT_THAT(ledger.settle_all(), IsEmpty());
}

TEST(Ledger, APathThatIsUsedAgainIsAnotherGroup) {
  Ledger ledger(true);
  ledger.appeared("/docker/a", 7, own(0), std::nullopt, kStart);
  ledger.counted("/docker/a", 7, own(1), kStart);
  ledger.vanished("/docker/a", 7);
  ledger.appeared("/docker/a", 9, own(0), std::nullopt, kStart + 1ms);
  ledger.logged({.incident = 0, .cgroups = {"/docker/a"}, .processes = 1}, kStart + 2ms);
  EXPECT_EQ(ledger.settle(kStart + 2ms).size(), 1U);
  ledger.counted("/docker/a", 9, own(1), kStart + 3ms);
  ledger.logged({.incident = 1, .cgroups = {"/docker/a"}, .processes = 1}, kStart + 4ms);
  EXPECT_EQ(ledger.settle(kStart + 4ms).size(), 1U);
  EXPECT_THAT(ledger.settle_all(), IsEmpty());
}

TEST(Ledger, HoldsNothingOfGroupsThatAreGone) {
  Ledger ledger(true);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const auto path = "/docker/" + std::to_string(i);
    ledger.appeared(path, i, own(0), std::nullopt, kStart);
    ledger.counted(path, i, own(1), kStart);
    ledger.logged({.incident = i, .cgroups = {path}, .processes = 1}, kStart);
    EXPECT_EQ(ledger.settle(kStart).size(), 1U);
    ledger.vanished(path, i);
  }
  EXPECT_THAT(ledger.told(), IsEmpty());
  EXPECT_FALSE(ledger.is_waiting());
}

}  // namespace
}  // namespace cli::watch
