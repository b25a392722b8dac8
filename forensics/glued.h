#pragma once

#include <optional>
#include <string_view>

#include "forensics/record.h"

namespace forensics {

// A message that goes on with another line: a console lost the newline, a page all its line breaks.
struct Glued {
  std::string_view first;             // without what carried the next line
  std::string_view rest;              // the next line's words, and what follows
  std::optional<double> monotonic_s;  // its stamp, where it has one
};
// Where the message holds the start of another line: a kernel's stamp not long after its own, or a time of day and
// "kernel: ". Nothing in a message that is one line.
std::optional<Glued> split_glued(std::string_view message, std::optional<double> monotonic_s);

}  // namespace forensics
