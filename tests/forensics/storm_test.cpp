#include "forensics/storm.h"

#include <gtest/gtest.h>

#include "tests/forensics/parse_text.h"

namespace forensics {
namespace {

using testing::joined;
using testing::memcg_report;
using testing::parse_text;

TEST(Storm, ThousandsOfKillsOfOneSortAreCounted) {
  std::string log;
  for (int i = 0; i < 1000; ++i) {
    log += joined(memcg_report("java", 1000 + i, "/x"), "[" + std::to_string(100 + i) + ".000001] ");
  }
  const auto document = parse_text(log);
  ASSERT_EQ(document.incidents.size(), 100U);
  EXPECT_EQ(document.incidents[98].repeats, 1U);
  EXPECT_EQ(document.incidents[99].repeats, 901U);
  EXPECT_EQ(document.incidents[99].victims[0].pid, 1099);
  EXPECT_EQ(document.incidents[99].log.last_line, 17000U);
  ASSERT_EQ(document.warnings.size(), 1U);
  EXPECT_EQ(document.warnings[0].code, "storm");
  EXPECT_EQ(document.warnings[0].line, 1701U);
}

TEST(Storm, AnotherSortIsShownInBetween) {
  std::string log;
  for (int i = 0; i < 200; ++i) {
    log += joined(memcg_report("java", 1000 + i, "/x"), "[" + std::to_string(100 + i) + ".000001] ");
    log += i == 150 ? joined(memcg_report("nginx", 7, "/x"), "[" + std::to_string(100 + i) + ".500001] ") : "";
  }
  const auto document = parse_text(log);
  ASSERT_EQ(document.incidents.size(), 101U);
  EXPECT_EQ(document.incidents[99].repeats, 101U);
  EXPECT_EQ(document.incidents[100].victims[0].comm, "nginx");
}

TEST(Storm, LongTablesAreKeptLessOften) {
  Storm storm;
  std::vector<Incident> kept;
  Incident incident;
  incident.victims.emplace_back();
  incident.tasks.resize(5000);
  for (int i = 0; i < 50; ++i) {
    if (!storm.fold(incident, kept)) {
      kept.push_back(incident);
    }
  }
  EXPECT_EQ(kept.size(), 10U);
  EXPECT_EQ(kept.back().repeats, 41U);
}

// Each of another name, as a script that forks may have them.
TEST(Storm, MemoryIsBoundedWhateverTheNames) {
  Storm storm;
  std::vector<Incident> kept;
  Incident incident;
  incident.victims.emplace_back();
  for (int i = 0; i < 10000; ++i) {
    incident.victims[0].comm = "p" + std::to_string(i);
    if (!storm.fold(incident, kept)) {
      kept.push_back(incident);
    }
  }
  EXPECT_EQ(kept.size(), 3100U);
  EXPECT_EQ(kept.back().repeats, 6901U);
}

TEST(Storm, NothingIsCountedInWhatWentElsewhere) {
  Storm storm;
  std::vector<Incident> kept;
  Incident incident;
  incident.victims.emplace_back();
  for (int i = 0; i < 150; ++i) {
    if (!storm.fold(incident, kept)) {
      kept.push_back(incident);
    }
  }
  storm.forget();
  kept.clear();
  EXPECT_FALSE(storm.fold(incident, kept));
}

}  // namespace
}  // namespace forensics
