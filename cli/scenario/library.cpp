#include "cli/scenario/library.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/file.h"
#include "cli/nearest.h"

namespace cli::scenario {

const LibraryFile* find_in_library(std::string_view name) {
  const auto files = library();
  const auto found = std::ranges::find(files, name, &LibraryFile::name);
  return found == files.end() ? nullptr : &*found;
}

std::vector<std::string> library_names() {
  std::vector<std::string> names;
  for (const auto& file : library()) {
    names.emplace_back(file.name);
  }
  return names;
}

base::Result<Place> find_place(const std::string& word) {
  if (const auto* file = find_in_library(word)) {
    return Place{.shown = fmt::format("{}.json", file->name), .text = std::string(file->text)};
  }
  if (word.find('/') == std::string::npos && !word.ends_with(".json")) {
    const auto near = nearest(word, library_names());
    return base::fail(
        base::ErrorKind::usage,
        fmt::format("'{}' is neither a scenario of the library nor a file (.json)", base::escape_terminal(word)),
        near.empty() ? "oomlab scenario list" : fmt::format("did you mean {}?", near));
  }
  auto text = base::read_all(word, std::size_t{2} << 20);
  if (!text) {
    auto error = std::move(text).error();
    error.kind = base::ErrorKind::usage;  // an input that cannot be read: exit 2
    return std::unexpected(std::move(error));
  }
  return Place{.shown = word, .text = *std::move(text)};
}

}  // namespace cli::scenario
