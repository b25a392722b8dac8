#pragma once

#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "forensics/document.h"
#include "forensics/html/page.h"

namespace forensics::html {

// Leads from what a page says of an incident to the lines of the kernel's report that say it. Indices are those of
// LogSpan::lines.
class Proof {
 public:
  using Lines = std::vector<std::size_t>;

  // number: of the incident in the page, from 1.
  Proof(const Incident& incident, std::size_t number);

  // Lines of these kinds; with `words`, those that hold them.
  [[nodiscard]] Lines of(std::initializer_list<std::string_view> kinds, std::string_view words = {}) const;
  // The lines that show who was chosen and killed.
  [[nodiscard]] Lines kill(std::int64_t pid) const;
  // The row of the task table.
  [[nodiscard]] Lines row(std::int64_t pid) const;
  // The zone's lines.
  [[nodiscard]] Lines zone(std::optional<std::int64_t> node, std::string_view name) const;
  // The lines with these numbers.
  [[nodiscard]] Lines numbered(std::span<const QuotedLine> lines) const;

  // Links to at most that many of them; lines that follow each other are one.
  void cite(Page& page, const Lines& lines, std::size_t most = 3);

  // The lines themselves, with what was not understood among them.
  void write(Page& page, const Postmortem& document) const;

 private:
  struct Shown {
    std::uint64_t line;
    std::string_view kind, text;
    std::size_t index;  // kNone for what was not understood
  };
  [[nodiscard]] std::string id(std::size_t index) const;
  [[nodiscard]] std::vector<Shown> shown() const;

  const Incident& incident_;
  std::size_t number_;
  std::vector<bool> cited_;
};

}  // namespace forensics::html
