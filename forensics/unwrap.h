#pragma once

#include <string>
#include <string_view>

namespace forensics {

// Takes off what was wrapped around a line after it left its carrier: quoted-printable, HTML's entities, terminal
// colours, mail quotes ("> "), docker's and CRI's container log lines, the "#012" of rsyslog and the "\x0a" of raw
// kernel records for a newline. Returns the line itself when there is nothing to take off; else a view of scratch.
std::string_view unwrap(std::string_view line, std::string& scratch);

// Whether a line is of a mail in quoted-printable, for sure; and whether such a line goes on in the next.
bool has_quoted_printable(std::string_view line);
bool ends_softly(std::string_view line);

}  // namespace forensics
