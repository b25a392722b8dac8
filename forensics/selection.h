#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "forensics/document.h"

// Which incidents of a document are kept: by their time of day and by their host.
namespace forensics {

// A time of day as it was written. What a clock shows is counted in seconds as if it were UTC; how far that clock is
// ahead of UTC is nothing where nobody says the zone.
struct Moment {
  std::int64_t clock_s = 0;
  std::optional<std::int64_t> ahead_s;
  bool operator==(const Moment&) const = default;
};

// A time as a user gives it: "2025-11-21", "2025-11-21 14:22:56", RFC 3339, "14:22" (of today), "2h" (ago),
// "yesterday". A date alone is its first second. `now` is what the user's clock shows. The error says what is accepted.
base::Result<Moment> parse_moment(std::string_view text, const Moment& now);

// Time::realtime as a moment. Nothing when it has no date. A missing year is the latest in which the time is not in the
// future, of which a day's difference between clocks is forgiven.
struct LoggedMoment {
  Moment moment;
  bool year_assumed = false;
};
std::optional<LoggedMoment> read_realtime(std::string_view realtime, const Moment& now);

// As instants when both zones are known, else as the clocks show: a log without zone is taken to be in the other's.
bool is_before(const Moment& a, const Moment& b);

struct Selection {
  std::optional<Moment> since, until;  // both inclusive, to the second
  std::vector<std::string> hosts;      // any of them, case-insensitive; "web1" is "web1.example.org", too. Empty: all

  [[nodiscard]] bool selects() const { return since || until || !hosts.empty(); }
};

// Removes what is not selected. What cannot be compared, because the log does not state its time or its host, is kept.
// Warnings say how many these are (time_unknown, host_unknown), what was assumed (year_assumed) and how many were left
// out (not_selected).
void select(Postmortem& document, const Selection& selection, const Moment& now);

}  // namespace forensics
