#pragma once

#include <string_view>

#include "forensics/html/page.h"

namespace forensics::html {

// docs/reading-an-oom-report.md as it was when this was built.
std::string_view guide_text();

// The guide for learners, in the page itself, as a file that was mailed around has nothing beside it: the Markdown of
// our own pages (headings, paragraphs, lists, tables, fenced blocks; code, strong and emphasized words) as HTML.
void write_guide(Page& page, std::string_view markdown);

}  // namespace forensics::html
