#pragma once

#include <array>

namespace stress {

// One figure on its way from the experiment to who started it: through a pipe, in one write(2).
struct HeapRecord {
  std::array<char, 40> step{};
  std::array<char, 40> name{};
  std::array<char, 16> unit{};
  double value = 0;
};

}  // namespace stress
