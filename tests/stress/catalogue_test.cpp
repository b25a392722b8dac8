#include <algorithm>
#include <set>

#include <gtest/gtest.h>

#include "stress/workload.h"

namespace stress {
namespace {

class EveryWorkload : public testing::TestWithParam<base::Descriptor<Workload>> {};

TEST_P(EveryWorkload, IsDescribedAndTakesItsOwnDefaults) {
  const auto& workload = *GetParam().value;
  EXPECT_FALSE(workload.summary.empty());
  EXPECT_FALSE(workload.seen.empty());
  EXPECT_FALSE(workload.source.empty());
  EXPECT_TRUE(workload.example.starts_with("oomlab ")) << workload.example;
  EXPECT_NE(workload.example.find(GetParam().name), std::string_view::npos) << workload.example;
  EXPECT_NE(workload.run, nullptr);
  EXPECT_EQ(workload.needs.empty() && !workload.needed.empty(), false) << "needs without words";
  const auto parameters = Parameters::check(workload.parameters, {});
  EXPECT_TRUE(parameters);
  std::set<std::string_view> names;
  for (const auto& parameter : workload.parameters) {
    EXPECT_FALSE(parameter.help.empty()) << parameter.name;
    EXPECT_TRUE(names.insert(parameter.name).second) << parameter.name << " twice";
    EXPECT_EQ(parameter.kind == ParameterKind::choice, !parameter.words.empty()) << parameter.name;
    if (!parameter.default_value.empty()) {
      const auto given =
          Parameters::check(workload.parameters, {{std::string(parameter.name), std::string(parameter.default_value)}});
      EXPECT_TRUE(given) << parameter.name << ": its default is not one of its values";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Catalogue, EveryWorkload, testing::ValuesIn(all_workloads().begin(), all_workloads().end()),
                         [](const auto& row) {
                           std::string name(row.param.name);
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(Catalogue, EachKindIsOfOneWorkload) {
  std::set<std::string_view> kinds;
  for (const auto& workload : all_workloads()) {
    if (!workload->kind.empty()) {
      EXPECT_TRUE(kinds.insert(workload->kind).second) << workload->kind;
      EXPECT_FALSE(workload->counter.empty()) << workload.name;
    }
  }
}

}  // namespace
}  // namespace stress
