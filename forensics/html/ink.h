#pragma once

#include <string_view>
#include <vector>

#include "forensics/html/page.h"

// What parts of memory look like in charts: a colour that all eyes can tell from the others (M. Okabe, K. Ito: Color
// Universal Design) and a texture, so that neither carries the meaning alone.
namespace forensics::html {

// The id of the pattern of a part; parts that are not known share one.
std::string_view ink_of(std::string_view part);

// Definitions of the patterns, once in a page and before they are used.
void write_inks(Page& page);

// A small square of that ink for a legend.
void write_swatch(Page& page, std::string_view part);

}  // namespace forensics::html
