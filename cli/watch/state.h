#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/watch/ledger.h"

namespace cli::watch {

// What a watch leaves for the next one, so that nothing is lost and nothing is told twice: valid as long as the kernel
// is the same boot. Kept as JSON in the folder of the post-mortems. Pure.
struct State {
  std::string boot_id;
  std::optional<std::uint64_t> next_sequence;  // of /dev/kmsg: from here on it was not read, or a report was open
  std::vector<std::uint64_t> told_sequences;   // kills at or behind next_sequence that were told: their first records
  std::vector<Ledger::Told> groups;
  bool operator==(const State&) const = default;

  // Of a group: how many of its kills were told; nothing when it is not the group that was seen.
  [[nodiscard]] std::optional<std::uint64_t> told(std::string_view cgroup, std::uint64_t id) const;
};

std::string to_text(const State& state);
// An error names what is wrong; the file is damaged, or of something else.
base::Result<State> parse_state(std::string_view text);

}  // namespace cli::watch
