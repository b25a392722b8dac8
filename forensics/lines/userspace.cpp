#include "forensics/lines/userspace.h"

#include <algorithm>

#include "base/scanner.h"
#include "forensics/text.h"

namespace forensics::lines {
namespace {

using Kind = UserspaceLine::Kind;

UserspaceLine killed(std::string_view killer, Victim victim) {
  UserspaceLine line{
      .kind = Kind::kill, .killer = killer, .memcg = {}, .victims = {}, .allocating = {}, .allocating_pid = {}};
  line.victims.push_back(std::move(victim));
  return line;
}

UserspaceLine without_victim(Kind kind, std::string_view killer, std::optional<std::string_view> memcg = {}) {
  return {.kind = kind, .killer = killer, .memcg = memcg, .victims = {}, .allocating = {}, .allocating_pid = {}};
}

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

// "sending SIGTERM to process 9994 uid 1000 "termshark": badness 1181, VmRSS 4568 MiB"; 1.3 has no uid, 1.8 says
// oom_score, 1.9 oom_score_adj too.
std::optional<UserspaceLine> read_earlyoom(std::string_view text) {
  base::Scanner in(text);
  if (in.literal("dryrun, not actually sending") ||
      (in.literal("kill failed: ") && !in.rest().starts_with("Timer expired"))) {
    return without_victim(Kind::withdrawn, "earlyoom");
  }
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
  return killed("earlyoom", std::move(victim));
}

// "Killed /system.slice/x.service due to memory pressure for ...", newer "Marked ... for killing due to ..."; before it
// "oomd attempting to kill 407 with KILL" for every process.
std::optional<UserspaceLine> read_systemd_oomd(std::string_view text) {
  base::Scanner in(text);
  if (in.literal("oomd attempting to kill ")) {
    const auto pid = in.number<std::int64_t>();
    if (!pid) {
      return std::nullopt;
    }
    Victim victim;
    victim.pid = *pid;
    auto clue = killed("systemd-oomd", std::move(victim));
    clue.kind = Kind::clue;
    return clue;
  }
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
  return without_victim(Kind::kill, "systemd-oomd", text.substr(7, at - 7));
}

// lmkd: "Kill 'com.x' (17933), uid 10446, oom_score_adj 0 to free 140528kB rss, 37404kB swap; reason: ...". The
// kernel's: "Killing 'com.x' (123) (tgid 123), adj 906," and three lines more, older "send sigkill to 123 (com.x), adj
// 7, size 3456".
std::optional<UserspaceLine> read_lmkd(std::string_view text) {
  base::Scanner in(text);
  Victim victim;
  if (in.literal("send sigkill to ")) {
    const auto pid = in.number<std::int64_t>();
    const auto rest = in.rest();
    const auto close = rest.rfind("), adj ");
    if (!pid || !rest.starts_with(" (") || close == std::string_view::npos) {
      return std::nullopt;
    }
    victim.pid = *pid;
    victim.comm = std::string(rest.substr(2, close - 2));
    return killed("lmkd", std::move(victim));  // adj is oom_adj's scale here
  }
  const bool kernel = in.literal("Killing '");
  if (!kernel && !in.literal("Kill '")) {
    return std::nullopt;
  }
  const auto rest = in.rest();
  const auto close = rest.rfind("' (");
  const auto pid = close == std::string_view::npos ? std::nullopt : number_after<std::int64_t>(rest, "' (", close);
  if (!pid) {
    return std::nullopt;
  }
  victim.comm = std::string(rest.substr(0, close));
  victim.pid = *pid;
  victim.uid = number_after<std::int64_t>(rest, ", uid ", close);
  victim.oom_score_adj = number_after<std::int64_t>(rest, kernel ? "adj " : "oom_score_adj ", close);
  return killed("lmkd", std::move(victim));
}

// "   to free 12345kB on behalf of 'kswapd0' (56) because" and the other lines of the kernel's low memory killer.
std::optional<UserspaceLine> read_lmk_detail(std::string_view text) {
  constexpr std::string_view kBehalf = " on behalf of '";
  auto line = without_victim(Kind::detail, "lmkd");
  if (text.starts_with("to free ")) {
    const auto at = text.find(kBehalf);
    const auto close = text.rfind("' (");
    if (at == std::string_view::npos || close == std::string_view::npos || close < at + kBehalf.size()) {
      return std::nullopt;
    }
    line.allocating = text.substr(at + kBehalf.size(), close - at - kBehalf.size());
    line.allocating_pid = number_after<std::int64_t>(text, "' (", close);
    return line;
  }
  const bool limit = text.starts_with("cache ") && text.find("kB is below limit ") != std::string_view::npos;
  const bool reserve = text.starts_with("Free memory is ") && text.find("kB above reserved") != std::string_view::npos;
  const bool vendor = text.starts_with("Free CMA is ") || text.starts_with("Total reserve is ") ||
                      text.starts_with("Total free pages is ") || text.starts_with("Total file cache is ") ||
                      text.starts_with("GFP mask is 0x") || text.starts_with("queue len is ");
  return limit || reserve || vendor ? std::optional(std::move(line)) : std::nullopt;
}

// "oomd kill: <p10> <p60> <p300> <cgroup> <bytes> ruleset:[..] ..." in the kernel log; a dry run kills nothing.
std::optional<UserspaceLine> read_oomd_of_kernel(std::string_view text) {
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
  return memcg ? std::optional(without_victim(Kind::kill, "oomd", memcg)) : std::nullopt;
}

// "Trying to kill /a/b", then "Killed 2: 12(x) 13(y)"; a source position may stand in front:
// "[BaseKillPlugin.cpp:99] ".
std::optional<UserspaceLine> read_oomd(std::string_view text) {
  if (text.starts_with('[')) {
    const auto close = text.find("] ");
    text.remove_prefix(close == std::string_view::npos ? 0 : close + 2);
  }
  base::Scanner in(text);
  if (in.literal("Trying to kill ")) {
    return without_victim(Kind::clue, "oomd", trim(in.rest()));
  }
  if (!in.literal("Killed ") || !in.number<unsigned>() || !in.literal(":")) {
    return std::nullopt;
  }
  auto line = without_victim(Kind::kill, "oomd");
  in.skip_blanks();
  while (const auto pid = in.number<std::int64_t>()) {
    const auto rest = in.rest();
    auto close = rest.find(") ");
    close = close == std::string_view::npos ? trim_right(rest).size() - 1 : close;
    if (!rest.starts_with('(') || close == 0 || close >= rest.size() || rest[close] != ')') {
      break;
    }
    line.victims.emplace_back();
    line.victims.back().pid = *pid;
    line.victims.back().comm = std::string(rest.substr(1, close - 1));
    in = base::Scanner(rest.substr(close + 1));
    in.skip_blanks();
  }
  return line.victims.empty() ? std::nullopt : std::optional(std::move(line));
}

// "key: value" up to `end`, or the end of the line.
std::optional<std::string_view> value_of(std::string_view text, std::string_view key, std::string_view end) {
  const auto at = text.find(key);
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  const auto rest = trim_left(text.substr(at + key.size()));
  return trim_right(rest.substr(0, std::min(rest.rfind(end), rest.size())));
}

// The block that describes the victim: "  PID:       12, name: x, state: R, EUID: 1000, SID: ...", "  badness:   900,
// oom_score:  900, oom_score_adj:  0", "  cgroup_v2: /a"; then "  Sending SIGTERM to the victim".
std::optional<UserspaceLine> read_nohang(std::string_view text) {
  if (text.starts_with("Sending SIG") && text.find(" to the victim") != std::string_view::npos) {
    return without_victim(Kind::kill, "nohang");
  }
  auto clue = without_victim(Kind::clue, "nohang");
  Victim victim;
  base::Scanner in(text);
  if (in.literal("PID:")) {
    in.skip_blanks();
    const auto pid = in.number<std::int64_t>();
    if (!pid) {
      return std::nullopt;
    }
    victim.pid = *pid;
    const auto short_name = value_of(text, "Name: ", ", badness: ");
    if (const auto name = short_name ? short_name : value_of(text, "name: ", ", state: ")) {
      victim.comm = std::string(*name);
    }
    victim.uid = number_after<std::int64_t>(text, ", EUID: ", std::min(text.rfind(", EUID: "), text.size()));
    clue.victims.push_back(std::move(victim));
    return clue;
  }
  if (in.literal("cgroup_v2:")) {
    in.skip_blanks();
    clue.memcg = trim_right(in.rest());
    return clue;
  }
  if (in.literal("badness:")) {
    const auto adj = value_of(text, "oom_score_adj:", "\n");
    in.skip_blanks();
    victim.score = in.number<std::int64_t>();
    victim.oom_score_adj = adj ? whole_number<std::int64_t>(*adj) : std::nullopt;
    clue.victims.push_back(std::move(victim));  // pid 0: of the one before
    return clue;
  }
  return std::nullopt;
}

}  // namespace

std::optional<UserspaceLine> parse_userspace(std::string_view tag, std::string_view message) {
  auto text = trim_left(message);
  if (auto kill = read_oomd_of_kernel(text)) {
    return kill;
  }
  if (tag.empty()) {
    tag = read_tag(text);
    text = trim_left(text);
  }
  if (tag == "earlyoom") {
    return read_earlyoom(text);
  }
  if (tag == "systemd-oomd") {
    return read_systemd_oomd(text);
  }
  if (tag == "oomd") {
    return read_oomd(text);
  }
  if (tag == "lowmemorykiller" || tag == "lmkd") {
    auto kill = read_lmkd(text);
    return kill ? kill : read_lmk_detail(text);
  }
  if (tag.starts_with("nohang")) {
    return read_nohang(text);
  }
  return std::nullopt;
}

std::optional<UserspaceLine> parse_userspace_of_kernel(std::string_view message) {
  auto text = trim_left(message);
  constexpr std::string_view kModule = "lowmemorykiller: ";
  if (text.starts_with(kModule)) {
    text = trim_left(text.substr(kModule.size()));
  }
  if (text.empty() || std::string_view("oKstcFTGq").find(text[0]) == std::string_view::npos) {
    return std::nullopt;
  }
  if (text.starts_with("Killing '") || text.starts_with("send sigkill to ")) {
    return read_lmkd(text);
  }
  auto detail = read_lmk_detail(text);
  return detail ? detail : read_oomd_of_kernel(text);
}

}  // namespace forensics::lines
