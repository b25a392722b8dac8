#include <sys/mman.h>
#include <zlib.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include <gtest/gtest.h>

#include "stress/anonymous.h"
#include "stress/content.h"
#include "stress/populate.h"
#include "stress/random.h"

namespace stress {
namespace {

std::vector<std::byte> filled(const Content& content, std::size_t size, std::uint64_t place) {
  std::vector<std::byte> bytes(size, std::byte{0xaa});
  content.fill(bytes, place, Content::Target::used);
  return bytes;
}

class Compressibility : public testing::TestWithParam<unsigned> {};

TEST_P(Compressibility, IsWhatWasAskedFor) {
  const std::size_t size = std::size_t{1} << 20;
  const auto bytes = filled(Content(GetParam(), 1), size, 0);
  uLongf packed = compressBound(size);
  std::vector<Bytef> out(packed);
  ASSERT_EQ(compress2(out.data(), &packed, reinterpret_cast<const Bytef*>(bytes.data()), size, 1), Z_OK);
  const double kept = 100.0 * static_cast<double>(packed) / static_cast<double>(size);
  EXPECT_NEAR(kept, 100 - GetParam(), 2);
}

INSTANTIATE_TEST_SUITE_P(Percent, Compressibility, testing::Values(0, 25, 50, 90, 100));

TEST(Content, FollowsFromSeedAndPlace) {
  const Content content(30, 5);
  EXPECT_EQ(filled(content, 8192, 4096), filled(Content(30, 5), 8192, 4096));
  EXPECT_NE(filled(content, 8192, 4096), filled(Content(30, 6), 8192, 4096));
  const auto whole = filled(content, 16384, 0);
  const auto part = filled(content, 4096, 8192);
  EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + 8192)) << "however it is cut up";
}

TEST(Random, IsTheSameForTheSameSeed) {
  Random one(7), same(7), other(8), elsewhere(7, 1);
  const auto first = one.next();
  EXPECT_EQ(first, same.next());
  EXPECT_NE(first, other.next());
  EXPECT_NE(first, elsewhere.next());
  for (int i = 0; i < 1000; ++i) {
    const double fraction = one.fraction();
    ASSERT_GE(fraction, 0);
    ASSERT_LT(fraction, 1);
    ASSERT_LT(one.below(10), 10U);
  }
}

std::size_t resident_pages(void* begin, std::size_t length) {
  std::vector<unsigned char> resident(length / page_size());
  EXPECT_EQ(::mincore(begin, length, resident.data()), 0);
  return static_cast<std::size_t>(std::ranges::count_if(resident, [](auto page) { return (page & 1) != 0; }));
}

TEST(Populate, MakesEveryPageResident) {
  constexpr std::size_t kLength = 1 << 20;
  void* mapped = ::mmap(nullptr, kLength, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(mapped, MAP_FAILED);
  ASSERT_TRUE(populate(mapped, kLength));
  EXPECT_EQ(resident_pages(mapped, kLength), kLength / page_size());
  (void)::munmap(mapped, kLength);
}

class Crews : public testing::TestWithParam<std::uint64_t> {};

TEST_P(Crews, DoEveryChunkOnce) {
  Crew crew(GetParam());
  for (const std::uint64_t length : {1U, 10U, 95U, 1000U}) {
    std::vector<std::atomic<int>> seen(length);
    ASSERT_TRUE(crew.work(length, 10, [&](std::uint64_t offset, std::uint64_t part) {
      for (auto i = offset; i < offset + part; ++i) {
        ++seen[i];
      }
      return base::Result<>{};
    }));
    EXPECT_TRUE(std::ranges::all_of(seen, [](const auto& count) { return count == 1; })) << length;
  }
}

TEST_P(Crews, ReportTheFirstError) {
  Crew crew(GetParam());
  const auto worked = crew.work(1000, 10, [](std::uint64_t offset, std::uint64_t) {
    return offset == 500 ? base::Result<>(base::fail(base::ErrorKind::syscall, "no")) : base::Result<>{};
  });
  ASSERT_FALSE(worked);
  EXPECT_EQ(worked.error().message, "no");
}

INSTANTIATE_TEST_SUITE_P(Threads, Crews, testing::Values(1, 2, 5));

TEST(AnonymousPool, GrowsAndShrinksAcrossExtents) {
  const auto parameters = Parameters::check(kAnonymousGrowth, {{"chunk", "64K"}, {"compressible", "50"}});
  ASSERT_TRUE(parameters);
  const auto pool = AnonymousPool::create(*parameters);
  ASSERT_TRUE(pool);
  ASSERT_TRUE((*pool)->grow(1 << 20));
  const auto range = (*pool)->at(0, 1 << 20);
  ASSERT_EQ(range.size(), 1U << 20);
  EXPECT_EQ(resident_pages(range.data(), range.size()), range.size() / page_size());
  EXPECT_NE(range[4096], std::byte{0}) << "noise at the begin of each page";
  EXPECT_EQ(range[8191], std::byte{0}) << "zeros at its end";
  ASSERT_TRUE((*pool)->shrink(3 << 18));
  EXPECT_EQ(resident_pages(range.data(), range.size()), (1U << 18) / page_size());
  EXPECT_EQ((*pool)->held(), 1U << 18);
}

TEST(AnonymousPool, RefusesOddNumbersOfThreads) {
  for (const char* threads : {"0", "257"}) {
    const auto parameters = Parameters::check(kAnonymousGrowth, {{"threads", threads}});
    ASSERT_TRUE(parameters);
    const auto pool = AnonymousPool::create(*parameters);
    ASSERT_FALSE(pool);
    EXPECT_EQ(pool.error().kind, base::ErrorKind::usage);
  }
}

}  // namespace
}  // namespace stress
