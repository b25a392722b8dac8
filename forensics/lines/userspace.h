#pragma once

#include <optional>
#include <string_view>

#include "forensics/document.h"

// Killers that are not the kernel. They leave no kernel report; an incident of kind userspace_kill holds what they say.
namespace forensics::lines {

struct UserspaceKill {
  std::string_view killer;  // systemd-oomd, earlyoom, nohang, oomd, lmkd
  std::optional<std::string_view> memcg;
  std::optional<Victim> victim;
};

// tag is the program's name when the carrier states it; else the message may begin with "earlyoom[454]: ".
std::optional<UserspaceKill> parse_userspace_kill(std::string_view tag, std::string_view message);

}  // namespace forensics::lines
