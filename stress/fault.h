#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "stress/intercept.h"

namespace stress {

// One kind of failure that is wanted: "mmap:ENOMEM:after=100".
struct Fault {
  std::string call;                    // "mmap"
  int error = 0;                       // ENOMEM
  std::uint64_t after = 0;             // that many calls succeed first
  std::optional<std::uint64_t> times;  // then so many fail; nothing: all
  std::uint64_t at_least_bytes = 0;    // only calls for at least that much count: of mmap, brk, mremap
  bool operator==(const Fault&) const = default;
};

// "CALL:ERROR[:after=N][:times=N][:size=SIZE]", several separated by commas. The errors name what is accepted.
base::Result<std::vector<Fault>> parse_faults(std::string_view text);

// Counts calls and fails those that the faults say; the same calls in the same order fail alike.
class FaultPlan {
 public:
  explicit FaultPlan(std::vector<Fault> faults) : faults_(std::move(faults)), seen_(faults_.size()) {}

  Answer decide(const Call& call);
  [[nodiscard]] std::vector<std::string> calls() const;
  [[nodiscard]] std::uint64_t failed() const { return failed_; }
  [[nodiscard]] std::uint64_t counted() const { return counted_; }

 private:
  std::vector<Fault> faults_;
  std::vector<std::uint64_t> seen_;
  std::uint64_t failed_ = 0, counted_ = 0;
};

}  // namespace stress
