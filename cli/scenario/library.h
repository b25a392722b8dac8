#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/scenario/scenario.h"

namespace cli::scenario {

// A file of the folder scenarios/, as it was when this was built; its name without ".json".
struct LibraryFile {
  std::string_view name, text;
};

// The library, by name.
std::span<const LibraryFile> library();
const LibraryFile* find_in_library(std::string_view name);
std::vector<std::string> library_names();

// Where a word of the command line leads: a name of the library, or the path of a file.
struct Place {
  std::string shown;  // for messages
  std::string text;
};
// A word with a slash or with ".json" at its end is a path. The error names the nearest name.
base::Result<Place> find_place(const std::string& word);

// docs/schema/scenario-1.json, as it was when this was built.
std::string_view scenario_schema();

}  // namespace cli::scenario
