#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "forensics/lines/userspace.h"
#include "forensics/record.h"

namespace forensics {

// Puts together what the killers outside the kernel's OOM killer say over several lines: who is killed stands before
// the kill (nohang's block, systemd-oomd's "attempting"), or some of it after.
class UserspaceKills {
 public:
  explicit UserspaceKills(std::size_t input) : input_(input) {}

  // The incident that the line makes, if it says that somebody was killed.
  std::optional<Incident> add(const lines::UserspaceLine& line, const Record& record, std::uint64_t number);

  // Whether the line speaks of a kill that is an incident already: then that has the line's facts.
  static bool adds_to(Incident& last, const lines::UserspaceLine& line, const Record& record, std::uint64_t number);

 private:
  struct Clues {
    std::optional<std::string> memcg;
    std::vector<Victim> victims;
    LogSpan log;  // the lines so far
  };
  static void remember(Clues& clues, const lines::UserspaceLine& line, std::string_view text, std::uint64_t number);

  std::size_t input_;
  std::map<std::string, Clues> clues_;  // by killer and host
};

}  // namespace forensics
