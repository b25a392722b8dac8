// Counters, ranges and conditions of scenarios: pure, with rows of examples.
#include <gmock/gmock.h>

#include "cli/scenario/condition.h"
#include "cli/scenario/counter.h"
#include "cli/scenario/kernel_complaints.h"
#include "cli/scenario/range.h"
#include "tests/support/case_name.h"

namespace cli::scenario {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

// --- counters

struct CounterCase {
  const char* name;
  const char* text;
  std::size_t terms;
  Unit unit;
};
class ParseCounter : public testing::TestWithParam<CounterCase> {};

TEST_P(ParseCounter, ReadsAndWritesTheSame) {
  const auto counter = parse_counter(GetParam().text);
  ASSERT_TRUE(counter) << counter.error().message;
  EXPECT_EQ(counter->terms.size(), GetParam().terms);
  EXPECT_EQ(counter->unit, GetParam().unit);
  EXPECT_EQ(counter->name(), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ParseCounter,
    testing::Values(CounterCase{"one_number", "memory.current", 1, Unit::bytes},
                    CounterCase{"keyed", "memory.stat:anon", 1, Unit::bytes},
                    CounterCase{"events_of_stat", "memory.stat:workingset_refault_file", 1, Unit::count},
                    CounterCase{"page_events", "memory.stat:pgmajfault", 1, Unit::count},
                    CounterCase{"page_tables_are_bytes", "memory.stat:pagetables", 1, Unit::bytes},
                    CounterCase{"events", "memory.events.local:oom_kill", 1, Unit::count},
                    CounterCase{"pressure", "memory.pressure:full.total", 1, Unit::time},
                    CounterCase{"pids", "pids.current", 1, Unit::count},
                    CounterCase{"sum", "memory.current+memory.swap.current", 2, Unit::bytes},
                    CounterCase{"sum_of_keys", "memory.stat:anon+memory.stat:file+memory.stat:sock", 3, Unit::bytes}),
    tests::kCaseName);

struct MistakeCase {
  const char* name;
  const char* text;
  const char* message;
};
class CounterMistake : public testing::TestWithParam<MistakeCase> {};

TEST_P(CounterMistake, IsNamed) {
  const auto counter = parse_counter(GetParam().text);
  ASSERT_FALSE(counter);
  EXPECT_EQ(counter.error().message, GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Table, CounterMistake,
    testing::Values(
        MistakeCase{"no_such_file", "memory.curent", "'memory.curent' is not a file of a cgroup with counters"},
        MistakeCase{"empty", "", "'' is not a file of a cgroup with counters"},
        MistakeCase{"key_missing", "memory.stat", "memory.stat has several counters: name one, memory.stat:KEY"},
        MistakeCase{"key_too_many", "memory.current:anon", "memory.current is one number: it takes no ':anon'"},
        MistakeCase{"hostile_key", "memory.stat:an\x1bon",
                    "memory.stat has several counters: name one, memory.stat:KEY"},
        MistakeCase{"average", "memory.pressure:some.avg10",
                    "memory.pressure has memory.pressure:some.total and memory.pressure:full.total"},
        MistakeCase{"units", "memory.current+pids.current",
                    "'memory.current+pids.current' adds up what has not one unit"},
        MistakeCase{"open_sum", "memory.current+", "'' is not a file of a cgroup with counters"}),
    tests::kCaseName);

TEST(NumbersIn, ReadsEachForm) {
  EXPECT_THAT(numbers_in("memory.current", "4096\n"), ElementsAre(Pair("memory.current", 4096U)));
  EXPECT_THAT(
      numbers_in("memory.events", "low 0\nmax 7\noom_kill 1"),
      ElementsAre(Pair("memory.events:low", 0U), Pair("memory.events:max", 7U), Pair("memory.events:oom_kill", 1U)));
  EXPECT_THAT(numbers_in("memory.pressure",
                         "some avg10=0.00 avg60=1.25 avg300=0.00 total=123\n"
                         "full avg10=0.00 avg60=0.00 avg300=0.00 total=99\n"),
              ElementsAre(Pair("memory.pressure:some.total", 123U), Pair("memory.pressure:full.total", 99U)));
}

TEST(NumbersIn, LeavesOutWhatIsNone) {
  EXPECT_THAT(numbers_in("memory.current", "max\n"), IsEmpty());
  EXPECT_THAT(numbers_in("memory.current", ""), IsEmpty());
  EXPECT_THAT(numbers_in("memory.events", "low -1\nhigh 99999999999999999999\nmax x\n\noom 3 4\n"), IsEmpty());
  EXPECT_THAT(numbers_in("memory.pressure", "some avg10=0.00\n"), IsEmpty());
  EXPECT_THAT(numbers_in("no.such.file", "1\n"), IsEmpty());
}

TEST(ValueOf, AddsUpAndNeedsAll) {
  const cgroup::Counters values{{"memory.stat:anon", 10}, {"memory.stat:file", 5}};
  EXPECT_EQ(value_of(*parse_counter("memory.stat:anon+memory.stat:file"), values), 15.0);
  EXPECT_EQ(value_of(*parse_counter("memory.stat:anon+memory.stat:sock"), values), std::nullopt);
}

TEST(Show, IsForPeople) {
  EXPECT_EQ(show(17, Unit::count), "17");
  EXPECT_EQ(show(67108864, Unit::bytes), "67108864 (64 MiB)");
  EXPECT_EQ(show(4096, Unit::bytes), "4096");
  EXPECT_EQ(show(250'000, Unit::time), "250 ms");
  EXPECT_EQ(show(0.125, Unit::bytes), "0.125");
  EXPECT_EQ(show(1e300, Unit::count), "1e+300");
}

// --- ranges

Quantity value(double number) {
  return {.value = number, .counter = {}};
}

struct RangeCase {
  const char* name;
  Range range;
  double seen;
  bool inside;
  const char* words;
};
class RangeTable : public testing::TestWithParam<RangeCase> {};

TEST_P(RangeTable, ContainsAndSays) {
  const auto& row = GetParam();
  EXPECT_EQ(row.range.contains(row.seen), row.inside);
  EXPECT_EQ(row.range.words(), row.words);
}

INSTANTIATE_TEST_SUITE_P(
    Table, RangeTable,
    testing::Values(
        RangeCase{"equal", {.equals = value(3)}, 3, true, "3"},
        RangeCase{"unequal", {.equals = value(3)}, 4, false, "3"},
        RangeCase{"lowest", {.at_least = value(3)}, 3, true, "at least 3"},
        RangeCase{"below", {.at_least = value(3)}, 2, false, "at least 3"},
        RangeCase{"highest", {.at_most = value(3)}, 3, true, "at most 3"},
        RangeCase{"above", {.at_most = value(3)}, 4, false, "at most 3"},
        RangeCase{"between", {.at_least = value(1), .at_most = value(3)}, 2, true, "at least 1, at most 3"},
        RangeCase{"near", {.about = value(100), .within = 5}, 105, true, "100 within 5"},
        RangeCase{"not_near", {.about = value(100), .within = 5}, 106, false, "100 within 5"},
        RangeCase{"share", {.about = value(200), .within = 0.03, .within_is_share = true}, 206, true, "200 within 3 %"},
        RangeCase{"beyond_share",
                  {.about = value(200), .within = 0.03, .within_is_share = true},
                  193,
                  false,
                  "200 within 3 %"},
        RangeCase{
            "bytes", {.at_least = value(1 << 20), .unit = Unit::bytes}, 1 << 20, true, "at least 1048576 (1 MiB)"}),
    tests::kCaseName);

TEST(Range, ComparesWithAnotherCounter) {
  Range range{.about = Quantity{}, .within = 0.1, .within_is_share = true, .unit = Unit::bytes};
  range.about->counter = *parse_counter("memory.stat:anon");
  EXPECT_EQ(range.words(), "memory.stat:anon within 10 %");
  EXPECT_EQ(range.contains(105, [](const Counter&) { return std::optional(100.0); }), true);
  EXPECT_EQ(range.contains(120, [](const Counter&) { return std::optional(100.0); }), false);
  EXPECT_EQ(range.contains(105, [](const Counter&) { return std::optional<double>(); }), std::nullopt);
  EXPECT_EQ(range.contains(105), std::nullopt);
}

// --- conditions

Situation at(std::chrono::nanoseconds time) {
  Situation now;
  now.elapsed = time;
  return now;
}

Condition level(std::uint64_t bytes) {
  Condition condition{.kind = Condition::Kind::level, .group = "box"};
  condition.counter = *parse_counter("memory.current");
  condition.range = {.at_least = value(static_cast<double>(bytes)), .unit = Unit::bytes};
  return condition;
}

Situation at_level(std::chrono::nanoseconds time, double bytes) {
  auto now = at(time);
  now.read = [bytes](const std::string&, const Counter&) { return std::optional(bytes); };
  return now;
}

TEST(Trigger, OfTime) {
  const Condition condition{.kind = Condition::Kind::after, .delay = 2s};
  Trigger trigger(condition);
  EXPECT_FALSE(trigger.holds(at(1s)));
  EXPECT_TRUE(trigger.holds(at(2s)));
}

TEST(Trigger, NeverAndAtOnce) {
  const Condition never{.kind = Condition::Kind::never};
  EXPECT_FALSE(Trigger(never).holds(at(1h)));
  EXPECT_TRUE(Trigger(Condition{}).holds(at(0s)));
}

TEST(Trigger, OfTasks) {
  const Condition started{.kind = Condition::Kind::started, .task = "a"};
  const Condition exited{.kind = Condition::Kind::exited, .task = "a"};
  const Condition noted{.kind = Condition::Kind::noted, .task = "a", .step = "filled"};
  const Condition unknown{.kind = Condition::Kind::exited, .task = "z"};
  auto now = at(0s);
  now.tasks["a"] = {.total = 2, .started = 1, .exited = 0, .notes = {}};
  EXPECT_FALSE(Trigger(started).holds(now));
  now.tasks["a"] = {.total = 2, .started = 2, .exited = 1, .notes = {"filled"}};
  EXPECT_TRUE(Trigger(started).holds(now));
  EXPECT_TRUE(Trigger(noted).holds(now));
  EXPECT_FALSE(Trigger(exited).holds(now));
  EXPECT_FALSE(Trigger(Condition{.kind = Condition::Kind::all_exited}).holds(now));
  now.tasks["a"].exited = 2;
  EXPECT_TRUE(Trigger(exited).holds(now));
  EXPECT_TRUE(Trigger(Condition{.kind = Condition::Kind::all_exited}).holds(now));
  EXPECT_FALSE(Trigger(unknown).holds(now));
}

TEST(Trigger, OfEvents) {
  const Condition killed{.kind = Condition::Kind::first_kill};
  const Condition done{.kind = Condition::Kind::done, .task = "squeeze"};
  auto now = at(0s);
  EXPECT_FALSE(Trigger(killed).holds(now));
  EXPECT_FALSE(Trigger(done).holds(now));
  now.killed = true;
  now.done.insert("squeeze");
  EXPECT_TRUE(Trigger(killed).holds(now));
  EXPECT_TRUE(Trigger(done).holds(now));
}

TEST(Trigger, StaysTrue) {
  const auto condition = level(100);
  Trigger trigger(condition);
  EXPECT_FALSE(trigger.holds(at_level(1s, 99)));
  EXPECT_TRUE(trigger.holds(at_level(2s, 100)));
  EXPECT_TRUE(trigger.holds(at_level(3s, 5)));
}

TEST(Trigger, DelayCountsFromWhenItCameTrue) {
  auto condition = level(100);
  condition.delay = 1s;
  Trigger trigger(condition);
  EXPECT_FALSE(trigger.holds(at_level(5s, 100)));
  EXPECT_FALSE(trigger.holds(at_level(5900ms, 0)));
  EXPECT_TRUE(trigger.holds(at_level(6s, 0)));
}

TEST(Trigger, ACounterThatIsNotThereIsNoLevel) {
  const auto condition = level(0);
  auto now = at(0s);
  EXPECT_FALSE(Trigger(condition).holds(now));
  now.read = [](const std::string&, const Counter&) { return std::optional<double>(); };
  EXPECT_FALSE(Trigger(condition).holds(now));
}

TEST(Trigger, AllNeedsEachOnceAnyNeedsOne) {
  Condition all{.kind = Condition::Kind::all};
  all.parts = {level(100), Condition{.kind = Condition::Kind::after, .delay = 10s}};
  Condition any = all;
  any.kind = Condition::Kind::any;
  Trigger both(all);
  Trigger either(any);
  EXPECT_FALSE(both.holds(at_level(1s, 50)));
  EXPECT_FALSE(either.holds(at_level(1s, 50)));
  EXPECT_FALSE(both.holds(at_level(2s, 100)));  // seen once, and kept
  EXPECT_TRUE(either.holds(at_level(2s, 100)));
  EXPECT_TRUE(both.holds(at_level(10s, 0)));
}

TEST(Condition, HasWords) {
  auto condition = level(1 << 20);
  EXPECT_EQ(condition.words(), "memory.current of box is at least 1048576 (1 MiB)");
  Condition any{.kind = Condition::Kind::any};
  any.parts = {Condition{.kind = Condition::Kind::exited, .task = "a"}, Condition{.kind = Condition::Kind::first_kill}};
  any.delay = 1s;
  EXPECT_EQ(any.words(), "1 s after (a has exited or the first kill)");
}

// --- the kernel's faults

TEST(KernelComplaints, AreFoundInRecords) {
  EXPECT_THAT(complaints_in("6,1,2,-;oomlab-anon invoked oom-killer: gfp_mask=0xcc0\n"
                            "4,2,3,-;WARNING: CPU: 0 PID: 1 at mm/page_alloc.c:4\n SUBSYSTEM=x\n"
                            "6,3,4,-;a process named BUG: is none\n"
                            "1,4,5,-;BUG: kernel NULL pointer dereference\n"
                            "0,5,6,-;watchdog: BUG: soft lockup - CPU#0 stuck for 22s!\n"
                            "0,6,7,-;Oops: 0000 [#1] \\x1b\n"),
              ElementsAre("WARNING: CPU: 0 PID: 1 at mm/page_alloc.c:4", "BUG: kernel NULL pointer dereference",
                          "Oops: 0000 [#1] \x1b"));
  EXPECT_THAT(complaints_in(""), IsEmpty());
  EXPECT_THAT(complaints_in("no newline"), IsEmpty());
}

TEST(KernelComplaints, AreBounded) {
  std::string log;
  for (int i = 0; i < 1000; ++i) {
    log += "4,2,3,-;WARNING: again\n";
  }
  EXPECT_EQ(complaints_in(log).size(), 20U);
}

}  // namespace
}  // namespace cli::scenario
