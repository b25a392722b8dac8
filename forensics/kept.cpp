#include "forensics/kept.h"

#include <algorithm>
#include <iterator>

#include <fmt/format.h>

#include "forensics/json.h"
#include "forensics/text.h"

namespace forensics {
namespace {

bool same(const Input& a, const Input& b) {
  return a.name == b.name && a.carrier == b.carrier && a.compression == b.compression && a.bytes == b.bytes &&
         a.lines == b.lines;
}

// The index in the whole of each input of a part. The lines of an NDJSON file all name the same inputs.
std::vector<std::size_t> add_inputs(Postmortem& whole, std::vector<Input> inputs) {
  std::vector<std::size_t> places;
  for (auto& input : inputs) {
    const auto there = std::ranges::find_if(whole.inputs, [&](const Input& other) { return same(other, input); }) -
                       whole.inputs.begin();
    places.push_back(static_cast<std::size_t>(there));
    if (places.back() == whole.inputs.size()) {
      whole.inputs.push_back(std::move(input));
    }
  }
  return places;
}

void append(Postmortem& whole, Postmortem part) {
  const auto places = add_inputs(whole, std::move(part.inputs));
  const auto place = [&](std::size_t input) { return input < places.size() ? places[input] : input; };
  const auto incidents_before = whole.incidents.size();
  for (auto& incident : part.incidents) {
    incident.log.input = place(incident.log.input);
    whole.incidents.push_back(std::move(incident));
  }
  for (auto& episode : part.episodes) {
    for (auto& index : episode.incidents) {
      index += incidents_before;
    }
    whole.episodes.push_back(std::move(episode));
  }
  std::ranges::move(part.reconciliation, std::back_inserter(whole.reconciliation));
  for (auto& warning : part.warnings) {
    if (warning.input) {
      warning.input = place(*warning.input);
    }
    whole.warnings.push_back(std::move(warning));
  }
}

}  // namespace

base::Result<std::vector<Postmortem>> read_kept(std::string_view text) {
  std::vector<Postmortem> documents;
  auto whole = from_json(text);
  const auto first_line = text.substr(0, text.find('\n'));
  const bool one_a_line = !whole && first_line.size() < trim_right(text).size() && from_json(first_line);
  if (!one_a_line) {
    if (!whole) {
      return std::unexpected(std::move(whole).error());
    }
    documents.push_back(*std::move(whole));
    return documents;
  }
  for (std::size_t number = 1; !text.empty(); ++number) {
    const auto line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (trim(line).empty()) {
      continue;
    }
    auto document = from_json(line);
    if (!document) {
      return std::unexpected(std::move(document).error().context(fmt::format("line {}", number)));
    }
    documents.push_back(*std::move(document));
  }
  return documents;
}

base::Result<Postmortem> merge(std::vector<Postmortem> documents) {
  if (documents.size() == 1) {
    return std::move(documents.front());
  }
  Postmortem whole;
  for (auto& document : documents) {
    if (document.run) {
      return base::fail(base::ErrorKind::usage, "the post-mortem of a run stands alone; only those of logs can be one",
                        "oomlab report FILE.json, for each");
    }
    append(whole, std::move(document));
  }
  return whole;
}

}  // namespace forensics
