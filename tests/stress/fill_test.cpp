#include "stress/fill.h"

#include <sys/mman.h>

#include <chrono>
#include <vector>

#include <gtest/gtest.h>

#include "stress/workload.h"

namespace stress {
namespace {

Context context(const std::map<std::string, std::string>& given, std::uint64_t cap = 0) {
  auto parameters = Parameters::check(fill_parameters(), given);
  EXPECT_TRUE(parameters);
  return {.parameters = std::move(*parameters), .cap_bytes = cap};
}

TEST(Fill, AddsChunksUpToTheSizeTheLastOneShort) {
  std::vector<std::pair<std::uint64_t, std::uint64_t>> chunks;
  const auto filled =
      fill(context({{"size", "5000K"}, {"chunk", "2M"}}), [&](std::uint64_t offset, std::uint64_t length) {
        chunks.emplace_back(offset, length);
        return base::Result<>{};
      });
  ASSERT_TRUE(filled);
  const std::uint64_t chunk = 2U << 20;
  const std::vector<std::pair<std::uint64_t, std::uint64_t>> wanted = {
      {0, chunk}, {chunk, chunk}, {2 * chunk, 5000 * 1024 - 2 * chunk}};
  EXPECT_EQ(chunks, wanted);
}

TEST(Fill, StopsAtTheCapWhenNothingElseDoes) {
  std::uint64_t added = 0;
  const auto filled = fill(context({{"chunk", "1M"}}, 3 << 20), [&](std::uint64_t, std::uint64_t length) {
    added += length;
    return base::Result<>{};
  });
  ASSERT_FALSE(filled);
  EXPECT_EQ(filled.error().message, "filled 3 MiB and was not stopped: the limit does not hold");
  EXPECT_EQ(added, 3U << 20);
}

TEST(Fill, AnErrorOfTheWorkloadEndsIt) {
  int calls = 0;
  const auto filled = fill(context({}), [&](std::uint64_t, std::uint64_t) -> base::Result<> {
    return ++calls == 3 ? base::Result<>(base::fail(base::ErrorKind::syscall, "full")) : base::Result<>{};
  });
  ASSERT_FALSE(filled);
  EXPECT_EQ(calls, 3);
}

TEST(Fill, KeepsTheRate) {
  const auto start = std::chrono::steady_clock::now();
  const auto filled = fill(context({{"size", "8M"}, {"chunk", "1M"}, {"rate", "80M/s"}}),
                           [](std::uint64_t, std::uint64_t) { return base::Result<>{}; });
  ASSERT_TRUE(filled);
  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(100))
      << "8 MiB at 80 MiB/s cannot be quicker";
}

TEST(Populate, MakesEveryPageResident) {
  constexpr std::size_t kLength = 1 << 20;
  void* mapped = ::mmap(nullptr, kLength, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(mapped, MAP_FAILED);
  ASSERT_TRUE(populate(mapped, kLength));
  std::vector<unsigned char> resident(kLength / 4096);
  ASSERT_EQ(::mincore(mapped, kLength, resident.data()), 0);
  for (const auto page : resident) {
    ASSERT_EQ(page & 1, 1);
  }
  (void)::munmap(mapped, kLength);
}

class EveryWorkload : public testing::TestWithParam<base::Descriptor<Workload>> {};

TEST_P(EveryWorkload, IsDescribedAndTakesItsOwnDefaults) {
  const auto& workload = *GetParam().value;
  EXPECT_FALSE(workload.summary.empty());
  EXPECT_FALSE(workload.counter.empty());
  EXPECT_FALSE(workload.source.empty());
  EXPECT_NE(workload.run, nullptr);
  EXPECT_TRUE(Parameters::check(workload.parameters, {}));
  for (const auto& parameter : workload.parameters) {
    EXPECT_FALSE(parameter.help.empty()) << parameter.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Catalogue, EveryWorkload, testing::ValuesIn(all_workloads().begin(), all_workloads().end()),
                         [](const auto& row) {
                           std::string name(row.param.name);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace stress
