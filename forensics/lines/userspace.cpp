#include "forensics/lines/userspace.h"

#include <algorithm>

#include "base/scanner.h"
#include "forensics/text.h"

namespace forensics::lines {
namespace {

// "earlyoom[454]: text" -> "earlyoom" and "text".
std::string_view read_tag(std::string_view& message) {
  const auto colon = message.find(": ");
  if (colon == std::string_view::npos) {
    return {};
  }
  auto tag = message.substr(0, colon);
  if (tag.find(' ') != std::string_view::npos) {
    return {};
  }
  tag = tag.substr(0, std::min(tag.find('['), tag.size()));
  message.remove_prefix(colon + 2);
  return tag;
}

// "sending SIGTERM to process 9994 uid 1000 "termshark": badness 1181, VmRSS 4568 MiB"; 1.3 has no uid.
std::optional<UserspaceKill> read_earlyoom(std::string_view text) {
  base::Scanner in(text);
  if (!in.literal("sending SIGTERM to process ") && !in.literal("sending SIGKILL to process ")) {
    return std::nullopt;
  }
  Victim victim;
  const auto pid = in.number<std::int64_t>();
  if (!pid) {
    return std::nullopt;
  }
  victim.pid = *pid;
  if (in.literal(" uid ")) {
    victim.uid = in.number<std::int64_t>();
  }
  const auto rest = in.rest();
  auto close = std::string_view::npos;
  for (const auto mark : {"\": badness ", "\": oom_score "}) {
    if (const auto at = rest.find(mark); at != std::string_view::npos) {
      close = at;
      victim.score = number_after<std::int64_t>(rest, mark);
    }
  }
  if (!rest.starts_with(" \"") || close == std::string_view::npos) {
    return std::nullopt;
  }
  victim.comm = std::string(rest.substr(2, close - 2));
  victim.oom_score_adj = number_after<std::int64_t>(rest, "oom_score_adj ", close);
  return UserspaceKill{.killer = "earlyoom", .memcg = {}, .victim = std::move(victim)};
}

// "Killed /system.slice/x.service due to memory pressure for ...", newer "Marked ... for killing due to ...".
std::optional<UserspaceKill> read_systemd_oomd(std::string_view text) {
  std::string_view end = " due to memory ";
  if (text.starts_with("Marked ")) {
    end = " for killing due to memory ";
  } else if (!text.starts_with("Killed ")) {
    return std::nullopt;
  }
  const auto at = text.find(end);
  if (at == std::string_view::npos || at < 7) {
    return std::nullopt;
  }
  return UserspaceKill{.killer = "systemd-oomd", .memcg = text.substr(7, at - 7), .victim = {}};
}

// "Kill 'com.x' (17933), uid 10446, oom_score_adj 0 to free 140528kB rss, 37404kB swap; reason: ...".
std::optional<UserspaceKill> read_lmkd(std::string_view text) {
  base::Scanner in(text);
  if (!in.literal("Kill '") && !in.literal("Killing '")) {
    return std::nullopt;
  }
  const auto rest = in.rest();
  const auto close = rest.find("' (");
  if (close == std::string_view::npos) {
    return std::nullopt;
  }
  Victim victim;
  victim.comm = std::string(rest.substr(0, close));
  const auto pid = number_after<std::int64_t>(rest, "' (");
  if (!pid) {
    return std::nullopt;
  }
  victim.pid = *pid;
  victim.uid = number_after<std::int64_t>(rest, ", uid ", close);
  victim.oom_score_adj = number_after<std::int64_t>(rest, "oom_score_adj ", close);
  return UserspaceKill{.killer = "lmkd", .memcg = {}, .victim = std::move(victim)};
}

// "oomd kill: <p10> <p60> <p300> <cgroup> <bytes> ruleset:[..] ..." in the kernel log; a dry run kills nothing.
std::optional<UserspaceKill> read_oomd(std::string_view text) {
  base::Scanner in(text);
  if (!in.literal("oomd kill: ") || text.find("(dry)") != std::string_view::npos) {
    return std::nullopt;
  }
  for (int i = 0; i < 3; ++i) {
    if (!in.word()) {
      return std::nullopt;
    }
    in.skip_blanks();
  }
  const auto memcg = in.word();
  return memcg ? std::optional(UserspaceKill{.killer = "oomd", .memcg = memcg, .victim = {}}) : std::nullopt;
}

// "Sending SIGTERM to the victim" after a block that describes it.
std::optional<UserspaceKill> read_nohang(std::string_view text) {
  return trim(text).starts_with("Sending SIG") && text.find(" to the victim") != std::string_view::npos
             ? std::optional(UserspaceKill{.killer = "nohang", .memcg = {}, .victim = {}})
             : std::nullopt;
}

}  // namespace

std::optional<UserspaceKill> parse_userspace_kill(std::string_view tag, std::string_view message) {
  auto text = trim_left(message);
  if (auto kill = read_oomd(text)) {
    return kill;
  }
  if (tag.empty()) {
    tag = read_tag(text);
  }
  if (tag == "earlyoom") {
    return read_earlyoom(text);
  }
  if (tag == "systemd-oomd") {
    return read_systemd_oomd(text);
  }
  if (tag == "lowmemorykiller" || tag == "lmkd") {
    return read_lmkd(text);
  }
  if (tag.starts_with("nohang")) {
    return read_nohang(text);
  }
  return std::nullopt;
}

}  // namespace forensics::lines
