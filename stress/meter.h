#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

namespace stress {

// What the kernel counts of the memory around a workload, told by who started it: a workload does not know where such
// numbers come from. A part that is empty, or that answers nothing, is one that nobody tells: then a workload goes by
// what it counts itself.
struct Meter {
  // The level in bytes of one counter of memory.stat by its name there, exact at this moment; "swap" is the swap used.
  std::function<std::optional<std::uint64_t>(std::string_view counter)> counter;
  // All memory in use, of every kind.
  std::function<std::optional<std::uint64_t>()> level;
  // Seconds in which at least one task was stalled for memory, since ever (PSI "some").
  std::function<std::optional<double>()> stalled_s;
  // The lowest hard limit that holds here.
  std::optional<std::uint64_t> limit_bytes;

  [[nodiscard]] std::optional<std::uint64_t> read(std::string_view name) const {
    return counter ? counter(name) : std::nullopt;
  }
  [[nodiscard]] std::optional<std::uint64_t> read_level() const { return level ? level() : std::nullopt; }
  [[nodiscard]] std::optional<double> read_stalled() const { return stalled_s ? stalled_s() : std::nullopt; }
};

}  // namespace stress
