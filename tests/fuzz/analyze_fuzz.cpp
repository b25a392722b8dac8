// Any bytes as a log, a whole report or none: read, explained, written and read back. Nothing may crash, hang, throw,
// make a document that cannot be read or that says what cannot be; and however it is read, the document is the same.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "forensics/analyze.h"
#include "forensics/json.h"
#include "forensics/renderer.h"
#include "tests/fuzz/check.h"

namespace {

using fuzz::check;

forensics::Source in_memory(std::string_view log) {
  return {.name = "fuzz", .fd = {}, .bytes = std::string(log), .carrier = {}};
}

forensics::Source in_file(std::string_view log) {
  base::Fd fd(::memfd_create("fuzz", MFD_CLOEXEC));
  check(fd && ::write(fd.get(), log.data(), log.size()) == static_cast<ssize_t>(log.size()) &&
            ::lseek(fd.get(), 0, SEEK_SET) == 0,
        "a file in memory can be made");
  return {.name = "fuzz", .fd = std::move(fd), .bytes = {}, .carrier = {}};
}

bool is_share(double value) {
  return std::isfinite(value) && value >= 0 && value <= 1;
}

void check_incident(const forensics::Incident& incident, const forensics::Input& input) {
  const auto& log = incident.log;
  check(log.input == 0 && log.first_line >= 1 && log.first_line <= log.last_line && log.last_line <= input.lines,
        "an incident's lines are of the input");
  constexpr std::size_t kMostUnrecognized = 20;
  check(log.unrecognized.size() <= kMostUnrecognized, "lines that were not understood are few");
  check(std::ranges::all_of(log.unrecognized,
                            [&](const auto& line) { return line.line >= 1 && line.line <= input.lines; }),
        "lines that were not understood are of the input");
  check(incident.repeats >= 1, "an incident happened");
  check(!incident.time.monotonic_s || std::isfinite(*incident.time.monotonic_s), "a stamp is a number");
  const auto& analysis = incident.analysis;
  check(std::ranges::all_of(analysis.breakdown,
                            [](const auto& part) { return std::isfinite(part.share) && part.share >= 0; }),
        "a part of the memory is a part");
  check(std::ranges::all_of(analysis.ranking, [](const auto& ranked) { return is_share(ranked.share); }),
        "a share of the points is a share");
  check(std::ranges::all_of(incident.diagnosis, [](const auto& diagnosis) { return is_share(diagnosis.confidence); }),
        "confidence is a share");
  check(!incident.verdict.empty(), "an incident has a verdict");
}

// What a terminal would act on: C0 but newlines, DEL, and C1 as UTF-8.
bool is_harmless(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0U;
    if ((byte < 0x20 && byte != '\n') || byte == 0x7f || (byte == 0xc2 && next >= 0x80 && next < 0xa0)) {
      return false;
    }
  }
  return true;
}

std::string json_of(forensics::Source source, unsigned jobs) {
  std::vector<forensics::Source> sources;
  sources.push_back(std::move(source));
  const auto document = forensics::analyze(sources, {.jobs = jobs});
  return document ? forensics::to_json(*document) : document.error().message;
}

void check_renderers(std::string_view log, const forensics::Postmortem& document) {
  constexpr forensics::RenderOptions kOptions[] = {
      {.colour = false, .width = 80}, {.colour = false, .width = 20}, {.colour = true, .width = 132}};
  const auto renderers = forensics::all_renderers();
  const auto turns = renderers.size() * std::size(kOptions);
  for (std::size_t turn = 0; turn < turns; ++turn) {
    if (fuzz::is_turn(log, turn, turns)) {
      const auto& options = kOptions[turn % std::size(kOptions)];
      const auto text = renderers[turn / std::size(kOptions)].value->render(document, options);
      check(options.colour || is_harmless(text), "no control characters are shown");
    }
  }
}

void check_handing_over(std::string_view log, const forensics::Postmortem& document) {
  std::size_t handed_over = 0;
  std::vector<forensics::Source> sources;
  sources.push_back(in_memory(log));
  const auto rest = forensics::analyze(sources, {.jobs = 1, .on_incident = [&](forensics::Incident& incident) {
                                                   check_incident(incident, {.lines = ~std::uint64_t{0}});
                                                   ++handed_over;
                                                   return true;
                                                 }});
  check(rest && rest->incidents.empty() && handed_over >= document.incidents.size(),
        "incidents are handed over or collected");  // copies and storms are told from what is collected
}

void check_ways_of_reading(std::string_view log, const forensics::Postmortem& document, const std::string& json) {
  if (fuzz::is_turn(log, 0, 3)) {
    check(json_of(in_file(log), 1) == json, "a file is read as memory is");
  }
  if (fuzz::is_turn(log, 1, 3)) {
    check(json_of(in_file(log), 3) == json, "threads change nothing");
  }
  if (fuzz::is_turn(log, 2, 3)) {
    check_handing_over(log, document);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto log = fuzz::text_of(data, size);
  std::vector<forensics::Source> sources;
  sources.push_back(in_memory(log));
  const auto document = forensics::analyze(sources);
  check(document.has_value(), "bytes in memory can be read");
  check(document->inputs.size() == 1, "an input is told of");
  for (const auto& incident : document->incidents) {
    check_incident(incident, document->inputs[0]);
  }
  check(std::ranges::all_of(document->warnings,
                            [&](const auto& warning) { return warning.line.value_or(0) <= document->inputs[0].lines; }),
        "a warning's line is of the input");
  const auto json = forensics::to_json(*document);
  const auto back = forensics::from_json(json);
  check(back && forensics::to_json(*back) == json, "what is written is what is read");
  check_renderers(log, *document);
  check_ways_of_reading(log, *document, json);
  return 0;
}
