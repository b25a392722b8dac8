#include "forensics/html/proof.h"

#include <algorithm>
#include <iterator>
#include <ranges>

#include <fmt/format.h>

#include "forensics/text.h"
#include "forensics/words.h"

namespace forensics::html {
namespace {

constexpr std::size_t kNone = SIZE_MAX;

// Whether the number stands in the text, with no digit beside it.
bool holds_number(std::string_view text, std::int64_t number) {
  const auto digits = std::to_string(number);
  for (auto at = text.find(digits); at != std::string_view::npos; at = text.find(digits, at + 1)) {
    const auto end = at + digits.size();
    if ((at == 0 || !is_digit(text[at - 1])) && (end == text.size() || !is_digit(text[end]))) {
      return true;
    }
  }
  return false;
}

}  // namespace

Proof::Proof(const Incident& incident, std::size_t number)
    : incident_(incident), number_(number), cited_(incident.log.lines.size()) {}

std::string Proof::id(std::size_t index) const {
  const auto& lines = incident_.log.lines;
  std::size_t same = 0;  // lines of one record have one number
  while (same < index && lines[index - same - 1].line == lines[index].line) {
    ++same;
  }
  const auto id = fmt::format("i{}-line{}", number_, lines[index].line);
  return same == 0 ? id : fmt::format("{}-{}", id, same);
}

Proof::Lines Proof::of(std::initializer_list<std::string_view> kinds, std::string_view words) const {
  Lines found;
  for (std::size_t i = 0; i < incident_.log.lines.size(); ++i) {
    const auto& line = incident_.log.lines[i];
    if (std::ranges::find(kinds, line.kind) != kinds.end() && line.text.contains(words)) {
      found.push_back(i);
    }
  }
  return found;
}

Proof::Lines Proof::kill(std::int64_t pid) const {
  const auto naming = [&](const Lines& lines) {
    Lines found;
    std::ranges::copy_if(lines, std::back_inserter(found),
                         [&](std::size_t index) { return holds_number(incident_.log.lines[index].text, pid); });
    return found;
  };
  auto found = naming(of({"kill", "kill_from_user_space"}));
  if (found.empty()) {
    found = naming(of({"decision"}));
  }
  return found.empty() ? of({"kill_from_user_space"}) : found;
}

// "[  128]     0   128 ...", "[ T12 ] [128] ...".
Proof::Lines Proof::row(std::int64_t pid) const {
  for (const auto index : of({"task_row"})) {
    const std::string_view text = incident_.log.lines[index].text;
    if (holds_number(text.substr(0, text.find(']')), pid)) {
      return {index};
    }
  }
  return {};
}

Proof::Lines Proof::zone(std::optional<std::int64_t> node, std::string_view name) const {
  const auto start = node ? fmt::format("Node {} {}", *node, name) : std::string(name);
  Lines found;
  for (const auto index : of({"zone"}, start)) {
    const auto text = trim_left(incident_.log.lines[index].text);
    const auto rest = text.substr(std::min(start.size(), text.size()));
    if (text.starts_with(start) && (rest.starts_with(' ') || rest.starts_with(':'))) {
      found.push_back(index);
    }
  }
  return found;
}

Proof::Lines Proof::numbered(std::span<const QuotedLine> lines) const {
  Lines found;
  for (std::size_t i = 0; i < incident_.log.lines.size(); ++i) {
    if (std::ranges::find(lines, incident_.log.lines[i].line, &QuotedLine::line) != lines.end()) {
      found.push_back(i);
    }
  }
  return found;
}

void Proof::cite(Page& page, const Lines& lines, std::size_t most) {
  const auto& all = incident_.log.lines;
  std::size_t written = 0;
  for (std::size_t i = 0; i < lines.size() && written < most; ++written) {
    auto last = i;
    while (last + 1 < lines.size() && lines[last + 1] == lines[last] + 1) {
      ++last;
    }
    const auto from = all[lines[i]].line, to = all[lines[last]].line;
    page.put(R"( <a class="cite" href="#{}">{}</a>)", id(lines[i]),
             from == to ? fmt::format("line {}", from) : fmt::format("lines {}–{}", from, to));
    cited_[lines[i]] = true;
    i = last + 1;
  }
}

std::vector<Proof::Shown> Proof::shown() const {
  std::vector<Shown> all;
  for (std::size_t i = 0; i < incident_.log.lines.size(); ++i) {
    const auto& line = incident_.log.lines[i];
    all.push_back({.line = line.line, .kind = line.kind, .text = line.text, .index = i});
  }
  for (const auto& line : incident_.log.unrecognized) {
    all.push_back({.line = line.line, .kind = "not understood", .text = line.text, .index = kNone});
  }
  std::ranges::stable_sort(all, {}, &Shown::line);
  return all;
}

void Proof::write(Page& page, const Postmortem& document) const {
  const auto& log = incident_.log;
  const auto name = log.input < document.inputs.size() ? document.inputs[log.input].name : std::string();
  const auto where = fmt::format("lines {} to {}{}", log.first_line, log.last_line, name.empty() ? "" : " of " + name);
  const auto all = shown();
  if (all.empty()) {
    page.put("<p class=\"note\">The report stands in {}; this post-mortem does not hold the lines themselves.</p>\n",
             where);
    return;
  }
  page.put("<p class=\"note\">From {}, without what the log puts before each line.{}</p>\n", where,
           log.lines_left_out > 0
               ? fmt::format(" Left out: {} of long tables and traces.", counted(log.lines_left_out, "more line"))
               : "");
  page.put(R"(<div class="lines" role="region" aria-label="Lines of the kernel log, incident {}" tabindex="0"><pre>)",
           number_);
  for (const auto& line : all) {
    const auto number = fmt::format("{:>6}", line.line);
    if (line.index != kNone && cited_[line.index]) {
      page.put("<span class=\"cited\" id=\"{}\"><b>{}</b>  {}</span>\n", id(line.index), number, line.text);
    } else if (line.index == kNone) {
      page.put("<i>{}  {}  (not understood)</i>\n", number, line.text);
    } else {
      page.put("{}  {}\n", number, line.text);
    }
  }
  page.put("</pre></div>\n");
}

}  // namespace forensics::html
