#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "forensics/document.h"

// Killers that are not the kernel's OOM killer: daemons, and Android's low memory killer inside the kernel. They leave
// no kernel report; an incident of kind userspace_kill holds what they say.
namespace forensics::lines {

struct UserspaceLine {
  enum class Kind {
    clue,       // about the kill that comes
    kill,       // somebody dies
    detail,     // about the kill before
    withdrawn,  // the kill before did not happen: it failed or was a dry run
  };
  Kind kind = Kind::kill;
  std::string_view killer;  // systemd-oomd, earlyoom, nohang, oomd, lmkd
  std::optional<std::string_view> memcg;
  std::vector<Victim> victims;
  std::optional<std::string_view> allocating;  // on whose behalf the kernel's low memory killer freed memory
  std::optional<std::int64_t> allocating_pid;
};

// tag is the program's name when the carrier states it; else the message may begin with "earlyoom[454]: ".
std::optional<UserspaceLine> parse_userspace(std::string_view tag, std::string_view message);

// The same for what stands in the kernel's log: "oomd kill: ...", "lowmemorykiller: Killing 'x' (1), adj 906,".
std::optional<UserspaceLine> parse_userspace_of_kernel(std::string_view message);

}  // namespace forensics::lines
