#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "forensics/document.h"
#include "forensics/renderer.h"

namespace cli::watch {

// The kills that a watch told of, as a table. Keeps the last 1000; the others are counted. Pure.
class Summary {
 public:
  static constexpr std::size_t kMost = 1000;
  void add(const forensics::Postmortem& document, const std::string& file);
  // That file's kill has another one now.
  void rename(const std::string& file, const std::string& now);
  // Kills of which a file was there already, written by an earlier watch.
  void add_known() { ++known_; }
  // vmstat: kills that the kernel counts for the whole machine since the start, if that is of interest.
  [[nodiscard]] std::string text(std::optional<std::uint64_t> vmstat, const forensics::RenderOptions& options) const;
  [[nodiscard]] std::uint64_t incidents() const { return incidents_; }

 private:
  struct Row {
    std::string when, whose, victim, limit, filled, file;
  };
  std::deque<Row> rows_;
  std::uint64_t incidents_ = 0, processes_ = 0, known_ = 0;
};

// One line: who was killed, where, by which limit.
std::string sentence(const forensics::Incident& incident);
// The compose service, else the container's name, else what the cgroup is called: "web", "service nginx.service".
std::string whose(const forensics::Incident& incident);
// The same for a file's name: the cgroup's own name in place of what it is called.
std::string short_name(const forensics::Incident& incident);

}  // namespace cli::watch
