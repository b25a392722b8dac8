// The request decoded, the zones measured against it, and why the kernel had to act.
#include <gtest/gtest.h>

#include "forensics/analysis.h"
#include "forensics/evidence.h"
#include "forensics/gfp.h"
#include "forensics/request.h"
#include "forensics/zones.h"

namespace forensics {
namespace {

constexpr std::uint64_t kKib = 1024, kMib = kKib * 1024, kPage = 4096;

struct RequestCase {
  const char* name;
  std::uint64_t mask;
  const char* names;  // as printed; "" for a kernel that prints none
  std::int64_t order;
  const char* zone;
  const char* words;
};

class DecodeRequest : public testing::TestWithParam<RequestCase> {};

TEST_P(DecodeRequest, SaysWhatItMayDo) {
  Incident incident;
  incident.trigger.order = GetParam().order;
  incident.trigger.gfp_mask = read_gfp_mask(GetParam().mask, GetParam().names, *GetParam().names != '\0');
  const auto request = decode_request(incident, kPage);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->zone, GetParam().zone);
  EXPECT_EQ(request->words, GetParam().words);
}

INSTANTIATE_TEST_SUITE_P(
    Table, DecodeRequest,
    testing::Values(
        RequestCase{"anon_fault_named", 0x140dca, "GFP_HIGHUSER_MOVABLE|__GFP_ZERO|__GFP_COMP", 0, "Movable",
                    "one page of 4 KiB"},
        RequestCase{"anon_fault_3_10", 0x280da, "", 0, "Movable", "one page of 4 KiB"},
        RequestCase{"page_cache_el7", 0x201da, "", 0, "Movable", "one page of 4 KiB"},
        RequestCase{"kernel_4_4", 0x24000c0, "", 2, "Normal",
                    "16 KiB in one piece (order 2), that cannot be moved later"},
        RequestCase{"nofs", 0xc40, "GFP_NOFS", 0, "Normal",
                    "one page of 4 KiB, without entering a file system to make room, that cannot be moved later"},
        RequestCase{"noio", 0xc00, "GFP_NOIO", 0, "Normal",
                    "one page of 4 KiB, without any I/O to make room, that cannot be moved later"},
        RequestCase{"atomic", 0x820, "GFP_ATOMIC", 3, "Normal",
                    "32 KiB in one piece (order 3), that could not wait, that cannot be moved later"},
        RequestCase{
            "nofail", 0x8c40, "GFP_NOFS|__GFP_NOFAIL", 0, "Normal",
            "one page of 4 KiB, without entering a file system to make room, that must not fail, that cannot be "
            "moved later"},
        RequestCase{"dma32", 0xcc4, "GFP_KERNEL|GFP_DMA32", 0, "DMA32", "one page of 4 KiB, from zone DMA32 only"},
        RequestCase{"pipe", 0x500cc2, "GFP_HIGHUSER|__GFP_ACCOUNT", 0, "HighMem",
                    "one page of 4 KiB, that cannot be moved later"}),
    [](const auto& row) { return row.param.name; });

TEST(DecodeRequest, KnowsNothingOfAMaskOfZero) {
  Incident incident;
  incident.trigger.order = 0;
  incident.trigger.gfp_mask = read_gfp_mask(0, "", true);
  const auto request = decode_request(incident, kPage);
  ASSERT_TRUE(request);
  EXPECT_FALSE(request->atomic);
  EXPECT_FALSE(request->zone);
  EXPECT_EQ(request->words, "one page of 4 KiB");
  EXPECT_FALSE(decode_request(Incident{}, kPage));
}

TEST(DecodeRequest, SurvivesAnAbsurdOrder) {
  Incident incident;
  for (const std::int64_t order : {std::int64_t{-1}, std::int64_t{64}, INT64_MAX, INT64_MIN}) {
    incident.trigger.order = order;
    const auto request = decode_request(incident, kPage);
    EXPECT_TRUE(!request || !request->bytes);
  }
}

GfpMask kernel_mask() {
  return read_gfp_mask(0xcc0, "GFP_KERNEL", true);
}
GfpMask user_mask() {
  return read_gfp_mask(0x100cca, "GFP_HIGHUSER_MOVABLE", true);
}

MemoryZone zone(const char* name, std::uint64_t free, std::uint64_t min, cgroup::Counters more = {},
                std::vector<std::uint64_t> reserve = {}) {
  cgroup::Counters counters = {{"free", free}, {"min", min}};
  counters.insert(counters.end(), more.begin(), more.end());
  return {.node = 0, .name = name, .counters = std::move(counters), .lowmem_reserve_pages = std::move(reserve)};
}

struct ZoneCase {
  const char* name;
  GfpMask mask;
  std::int64_t order;
  std::vector<MemoryZone> zones;
  std::uint64_t free_pages;  // of the machine
  const char* code;
  std::vector<Count> short_bytes;  // by zone
};

class WhyNow : public testing::TestWithParam<ZoneCase> {};

TEST_P(WhyNow, FollowsTheWatermarkCheck) {
  auto incident = machine_example({{"active_anon", 100000}, {"free", GetParam().free_pages}});
  incident.trigger.order = GetParam().order;
  incident.trigger.gfp_mask = GetParam().mask;
  incident.memory_info->zones = GetParam().zones;
  explain(incident);
  ASSERT_TRUE(incident.analysis.why_now);
  EXPECT_EQ(incident.analysis.why_now->code, GetParam().code) << incident.analysis.why_now->words;
  std::vector<Count> missed;
  for (const auto& state : incident.analysis.zones) {
    missed.push_back(state.short_bytes);
  }
  EXPECT_EQ(missed, GetParam().short_bytes);
}

std::vector<BuddyCount> pieces(std::uint64_t small, std::uint64_t large) {
  return {{.size_bytes = 4 * kKib, .free = small, .types = "UME"},
          {.size_bytes = 8 * kKib, .free = 0},
          {.size_bytes = 16 * kKib, .free = 0},
          {.size_bytes = 32 * kKib, .free = large, .types = "M"}};
}

MemoryZone with_buddy(MemoryZone made, std::vector<BuddyCount> buddy) {
  made.buddy = std::move(buddy);
  return made;
}

INSTANTIATE_TEST_SUITE_P(
    Table, WhyNow,
    testing::Values(
        ZoneCase{"below_min",
                 user_mask(),
                 0,
                 {zone("Normal", 40 * kMib, 44 * kMib)},
                 10240,
                 "zone_below_min",
                 {4 * kMib + kPage}},
        ZoneCase{"at_min", user_mask(), 0, {zone("Normal", 44 * kMib, 44 * kMib)}, 11264, "zone_below_min", {kPage}},
        ZoneCase{"above_min", user_mask(), 0, {zone("Normal", 45 * kMib, 44 * kMib)}, 11520, "zone_above_min", {0}},
        // Entry 3 of five is Movable's; 11000 pages.
        ZoneCase{"reserve_of_a_low_zone",
                 user_mask(),
                 0,
                 {zone("DMA32", 43 * kMib, 1 * kMib, {}, {0, 0, 10000, 11000, 11000}), zone("Normal", kMib, 20 * kMib)},
                 11264,
                 "zone_below_min",
                 {11000 * kPage + 1 * kMib - 43 * kMib + kPage, 19 * kMib + kPage}},
        ZoneCase{"cma_not_for_the_kernel",
                 kernel_mask(),
                 0,
                 {zone("Normal", 519 * kMib, 16 * kMib, {{"free_cma", 514 * kMib}})},
                 132864,
                 "cma_only",
                 {11 * kMib + kPage}},
        ZoneCase{"cma_for_movable",
                 user_mask(),
                 0,
                 {zone("Normal", 519 * kMib, 16 * kMib, {{"free_cma", 514 * kMib}})},
                 132864,
                 "zone_above_min",
                 {0}},
        ZoneCase{"highatomic",
                 kernel_mask(),
                 0,
                 {zone("Normal", 20 * kMib, 16 * kMib, {{"reserved_highatomic", 8 * kMib}})},
                 5120,
                 "highatomic_reserved",
                 {4 * kMib + kPage}},
        ZoneCase{"high_zone_not_for_the_kernel",
                 kernel_mask(),
                 0,
                 {zone("Normal", 3 * kMib, 4 * kMib), zone("HighMem", 110 * kMib, kMib)},
                 28928,
                 "lowmem_zone",
                 {1 * kMib + kPage, std::nullopt}},
        ZoneCase{"zones_above_are_left_out",
                 kernel_mask(),
                 0,
                 {zone("DMA32", 3 * kMib, 4 * kMib)},
                 65536,
                 "lowmem_zone",
                 {1 * kMib + kPage}},
        ZoneCase{"fragmented",
                 kernel_mask(),
                 3,
                 {with_buddy(zone("Normal", 140 * kMib, 4 * kMib), pieces(35840, 0))},
                 35840,
                 "fragmented",
                 {0}},
        ZoneCase{"not_fragmented",
                 kernel_mask(),
                 3,
                 {with_buddy(zone("Normal", 140 * kMib, 4 * kMib), pieces(35832, 1))},
                 35840,
                 "zone_above_min",
                 {0}},
        // Seven of the eight pages count as taken.
        ZoneCase{"a_large_request_needs_more",
                 kernel_mask(),
                 3,
                 {with_buddy(zone("Normal", 4 * kMib + 4 * kPage, 4 * kMib), pieces(0, 132))},
                 1028,
                 "zone_below_min",
                 {4 * kPage}}),
    [](const auto& row) { return row.param.name; });

TEST(WhyNow, OfAGroupSaysWhatWasLeftToReclaim) {
  auto incident = memcg_example({{"anon", 60 * kMib}, {"file", 1 * kMib}});
  explain(incident);
  EXPECT_EQ(incident.analysis.why_now->code, "limit");
  EXPECT_EQ(
      incident.analysis.why_now->words,
      "the group's usage stood at its limit and reclaim could not bring it down: 1 MiB of clean page cache was left, "
      "and it may not swap");
}

TEST(WhyNow, OfBoundNodesNamesThem) {
  auto incident = machine_example({{"active_anon", 100000}, {"free", 100000}});
  incident.scope = "mempolicy";
  incident.trigger.nodemask = "1";
  incident.trigger.order = 0;
  incident.trigger.gfp_mask = user_mask();
  incident.memory_info->zones = {zone("Normal", 3 * kMib, 4 * kMib)};
  incident.memory_info->zones[0].node = 1;
  explain(incident);
  EXPECT_EQ(incident.analysis.why_now->code, "numa_bound");
  EXPECT_EQ(incident.analysis.why_now->words,
            "the request was bound to memory node 1 by a NUMA policy; zone Normal of node 1 was 1 MiB below its min "
            "watermark, and there is no swap");
}

TEST(WhyNow, OfANodeWithoutAZoneForTheRequest) {
  auto incident = machine_example({{"active_anon", 100000}, {"free", 100000}});
  incident.scope = "cpuset";
  incident.trigger.order = 0;
  incident.trigger.gfp_mask = read_gfp_mask(0x500cc2, "GFP_HIGHUSER|__GFP_ACCOUNT", true);
  incident.memory_info->zones = {zone("Movable", 100 * kMib, 4 * kMib)};
  incident.memory_info->zones[0].node = 4;
  explain(incident);
  EXPECT_EQ(
      incident.analysis.why_now->words,
      "the request was bound to memory node 4 by a cpuset; they have only zone Movable of node 4, from which such a "
      "request may take nothing, and there is no swap");
}

TEST(MeasureZones, FragmentationIsTheShareInSmallerPieces) {
  MemoryInfo info;
  info.zones = {with_buddy(zone("Normal", 64 * kKib, kKib), pieces(8, 1))};
  const auto zones = measure_zones(info, std::nullopt, kPage);
  ASSERT_EQ(zones.size(), 1U);
  EXPECT_EQ(zones[0].fragmentation, (std::vector<double>{0, 0.5, 0.5, 0.5}));
  EXPECT_EQ(zones[0].largest_free_bytes, 32 * kKib);
  EXPECT_FALSE(zones[0].short_bytes);
}

}  // namespace
}  // namespace forensics
