#include "forensics/copies.h"

#include <gtest/gtest.h>

namespace forensics {
namespace {

Incident killed(std::int64_t pid, std::optional<double> stamp, std::size_t input = 0, std::uint64_t line = 1) {
  Incident incident;
  incident.time.monotonic_s = stamp;
  incident.trigger = {.comm = "app",
                      .pid = 7,
                      .cpu = {},
                      .order = 0,
                      .oom_score_adj = {},
                      .nodemask = {},
                      .gfp_mask = GfpMask{.value = 0xcc0, .text = {}, .flags = {}}};
  Victim victim;
  victim.pid = pid;
  victim.comm = "app";
  victim.total_vm_bytes = 8192;
  victim.anon_rss_bytes = 4096;
  incident.victims.push_back(victim);
  incident.log = {.input = input, .first_line = line, .last_line = line, .suppressed = 0, .unrecognized = {}};
  return incident;
}

Postmortem of(std::vector<Incident> incidents) {
  Postmortem document;
  document.incidents = std::move(incidents);
  drop_copies(document);
  return document;
}

TEST(Copies, TheSameStampInTwoLogsIsOneReport) {
  const auto document = of({killed(7, 12.5), killed(8, 14.5), killed(7, 12.5, 1, 9), killed(8, 14.5, 1, 30)});
  ASSERT_EQ(document.incidents.size(), 2U);
  ASSERT_EQ(document.warnings.size(), 1U);
  EXPECT_EQ(document.warnings[0].code, "duplicate_report");
  EXPECT_EQ(document.warnings[0].message, "2 reports stand in the logs more than once; they are counted once");
  EXPECT_EQ(document.warnings[0].input, 1U);
  EXPECT_EQ(document.warnings[0].line, 9U);
}

TEST(Copies, TheMoreCompleteOneStays) {
  auto quoted = killed(7, {});
  quoted.trigger = {};
  quoted.missing = {"trigger", "tasks"};
  const auto document = of({quoted, killed(7, 12.5, 0, 5)});
  ASSERT_EQ(document.incidents.size(), 1U);
  EXPECT_EQ(document.incidents[0].log.first_line, 5U);
}

TEST(Copies, WhatContradictsIsNoCopy) {
  auto elsewhere = killed(7, 12.5, 1);
  elsewhere.time.host = "b";
  auto here = killed(7, 12.5);
  here.time.host = "a";
  EXPECT_EQ(of({here, elsewhere}).incidents.size(), 2U);
  EXPECT_EQ(of({killed(7, 12.5), killed(7, 112.5)}).incidents.size(), 2U);  // the same pid and figures, a later time
  EXPECT_EQ(of({killed(7, 12.5), killed(8, 12.5)}).incidents.size(), 2U);
  auto other = killed(7, 12.5);
  other.trigger.pid = 9;
  EXPECT_EQ(of({killed(7, 12.5), other}).incidents.size(), 2U);
}

TEST(Copies, WithoutFiguresNothingIsKnown) {
  auto first = killed(7, {});
  first.victims[0].anon_rss_bytes.reset();
  auto second = first;
  EXPECT_EQ(of({first, second}).incidents.size(), 2U);
}

TEST(Copies, TwoStampsWithoutNamesAreTwoReports) {
  Incident unnamed;
  unnamed.time.monotonic_s = 12.5;
  EXPECT_EQ(of({unnamed, unnamed}).incidents.size(), 2U);
}

}  // namespace
}  // namespace forensics
