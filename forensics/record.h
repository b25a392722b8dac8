#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace forensics {

// A time of day as a carrier writes it. What it does not state is 0 or empty.
struct WallTime {
  int year = 0, month = 0, day = 0;  // month 1 to 12
  int hour = 0, minute = 0, second = 0;
  std::string_view fraction;  // digits after the point
  std::string_view zone;      // "Z", "+02:00", "+0200", "CET"
};

// RFC 3339 as far as the carrier states it: a missing year is "--10-12T19:00:20", a missing zone is left out (a zone's
// name is too).
std::string to_text(const WallTime& time);
// Seconds since the start of the year (or of the epoch when the year is known), to compare times of one carrier.
std::int64_t to_seconds(const WallTime& time);
// Seconds from one time, as to_seconds() made it, to another of the same carrier: where no year (or no date) is stated
// the shorter way round, so that a year's end is no step back.
std::int64_t passed_seconds(std::int64_t from, const WallTime& to);

// What a carrier makes of one line. Views borrow from the line or from the decoder's scratch space, until the next
// line.
struct Record {
  std::string_view message;
  std::optional<double> monotonic_s;
  std::optional<WallTime> wall;
  std::string_view host;
  std::string_view caller;                // "T12", "C3": PRINTK_CALLER
  std::string_view boot;                  // journald's boot id
  std::string_view tag;                   // the program, when it is not the kernel
  bool kernel = true;                     // the kernel's words
  bool bare = false;                      // a line without any prefix: may continue the record before it
  char piece = 0;                         // /dev/kmsg: 'c' or '+' for a piece of a line that pr_cont() built
  std::optional<std::uint64_t> sequence;  // /dev/kmsg
};

}  // namespace forensics
