#pragma once

#include <optional>
#include <string_view>

#include "forensics/record.h"

// Readers of time stamps that several carriers share. Each consumes its shape from the front of the text, or nothing.
namespace forensics {

// "[12345.678901] ", "[    0.123456]", "[12345.678901,0] " (Android), "[12345.678901 <    0.000004>] ": a real stamp
// has a point and three to nine digits, which tells it from a row of the task table. The one blank that follows belongs
// to it.
std::optional<double> read_kernel_stamp(std::string_view& text);
// "[ T3997] ", "[    C0] ", "[T12] ": the printk caller.
std::string_view read_caller(std::string_view& text);
// "<4>", "<30>": the priority.
std::optional<int> read_priority(std::string_view& text);
// "Oct 12 19:00:20", with the month in any language, optionally ".123456"; also with a year ("Oct 12 2015 19:00:20"),
// in another order ("12 Oct 2015"), or as date(1) writes it ("Mon Oct 12 19:00:20 UTC 2015").
std::optional<WallTime> read_syslog_time(std::string_view& text);
// "2024-05-01T12:34:56.789012+02:00", "2024-05-01 12:34:56,123456", with or without zone.
std::optional<WallTime> read_iso_time(std::string_view& text);
// "Fri Nov 21 14:22:56 2025" between brackets, weekday and month in any language.
std::optional<WallTime> read_ctime(std::string_view text);
// "19:00:20".
bool read_clock(std::string_view& text, WallTime& into);
// The month's number for its (abbreviated) name in many languages, 0 when it is not known.
int month_number(std::string_view word);
// "1700000000123456" microseconds since the epoch as UTC.
WallTime from_epoch_microseconds(std::uint64_t microseconds, std::string& scratch);

}  // namespace forensics
