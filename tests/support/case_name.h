#pragma once

#include <string>

#include <gtest/gtest.h>

namespace tests {

// Names a row of a parametrised test by its member `name` (letters, digits and underscores).
inline constexpr auto kCaseName = [](const auto& row) { return std::string(row.param.name); };

}  // namespace tests
