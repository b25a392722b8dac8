#include "forensics/lines/outcome.h"

#include <algorithm>
#include <array>

#include "base/scanner.h"
#include "forensics/text.h"

namespace forensics::lines {
namespace {

// Consumes "Out of memory: " and its kin.
Domain read_domain(std::string_view& text) {
  struct Prefix {
    std::string_view text;
    Domain domain;
  };
  constexpr std::array kPrefixes = {
      Prefix{"Memory cgroup out of memory: ", Domain::memcg},
      Prefix{"Out of memory (oom_kill_allocating_task): ", Domain::allocating},
      Prefix{"Out of memory: ", Domain::global},
      Prefix{"Out of Memory: ", Domain::global},  // until 2.6.18
      Prefix{"No available memory (MPOL_BIND): ", Domain::mempolicy},
      Prefix{"No available memory in cpuset: ", Domain::cpuset},
  };
  for (const auto& prefix : kPrefixes) {
    if (begins_with(text, prefix.text)) {
      text.remove_prefix(prefix.text.size());
      return prefix.domain;
    }
  }
  constexpr std::string_view kBeancounter = "Out of memory in UB ";  // OpenVZ: a container's, 0 is the host
  if (text.starts_with(kBeancounter)) {
    base::Scanner in(text.substr(kBeancounter.size()));
    const auto id = in.number<std::uint64_t>();
    if (id && in.literal(": ")) {
      text = in.rest();
      return *id == 0 ? Domain::global : Domain::memcg;
    }
  }
  return Domain::unknown;
}

std::optional<std::string_view> between(std::string_view text, std::string_view open, std::string_view close) {
  const auto at = text.find(open);
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  const auto rest = text.substr(at + open.size());
  return rest.substr(0, std::min(rest.find(close), rest.size()));
}

// "(java) total-vm:...", "(java), UID 0, total-vm:...", ", UID 27, (mysqld) total-vm:...", "(ssh-agent)": the name is
// anchored by what follows it, searched from the right, because it may hold anything.
struct VserverTask {
  std::int64_t pid = 0;
  std::string_view comm, rest;
};

// vserver: "dd(5:#100) score ...", the context after the pid.
std::optional<VserverTask> read_vserver_task(std::string_view text) {
  for (auto open = text.find('('); open != std::string_view::npos; open = text.find('(', open + 1)) {
    base::Scanner in(text.substr(open + 1));
    const auto pid = in.number<std::int64_t>();
    if (pid && in.literal(":") && (in.literal("#"), in.number<std::uint64_t>()) && in.literal(")") &&
        in.rest().starts_with(' ')) {
      return VserverTask{.pid = *pid, .comm = text.substr(0, open), .rest = in.rest()};
    }
  }
  return std::nullopt;
}

bool read_killed_name(std::string_view rest, Kill& kill, std::string_view& figures) {
  constexpr std::string_view kUid = ", UID ";
  if (rest.starts_with(kUid)) {
    base::Scanner in(rest.substr(kUid.size()));
    kill.victim.uid = in.number<std::int64_t>();
    if (!kill.victim.uid || !in.literal(", ")) {
      return false;
    }
    rest = in.rest();
  } else if (rest.starts_with(' ')) {
    rest.remove_prefix(1);
  }
  if (!rest.starts_with('(')) {
    return false;
  }
  rest.remove_prefix(1);
  // ") in VE "100" total-vm:" is Virtuozzo 7's, ") score 0 vm:" OpenVZ's.
  for (const auto mark : {") total-vm:", ") in VE \"", ") vsz:", "), UID ", ") anon-rss:", ") score "}) {
    if (const auto at = rest.rfind(mark); at != std::string_view::npos) {
      kill.victim.comm = std::string(rest.substr(0, at));
      figures = rest.substr(at + 1);
      return true;
    }
  }
  auto whole = trim_right(rest);
  if (whole.ends_with(").")) {  // until 2.6.18
    whole.remove_suffix(1);
  }
  if (whole.ends_with(')')) {
    kill.victim.comm = std::string(whole.substr(0, whole.size() - 1));
  } else if (const auto close = whole.rfind("), "); close != std::string_view::npos) {
    kill.victim.comm = std::string(whole.substr(0, close));
  } else if (const auto blank = whole.rfind(") "); blank != std::string_view::npos) {
    kill.victim.comm = std::string(whole.substr(0, blank));  // cut within the first figure
  }
  return true;  // without ")": cut within the name, which is then not known
}

void read_figures(std::string_view figures, Victim& victim) {
  victim.total_vm_bytes = kilobytes_after(figures, "total-vm:");
  for (const auto key : {"vsz:", " vm:"}) {
    if (!victim.total_vm_bytes) {
      victim.total_vm_bytes = kilobytes_after(figures, key);
    }
  }
  victim.score = figures.starts_with(" score ") ? number_after<std::int64_t>(figures, " score ") : std::nullopt;
  victim.anon_rss_bytes = kilobytes_after(figures, "anon-rss:");
  victim.file_rss_bytes = kilobytes_after(figures, "file-rss:");
  victim.shmem_rss_bytes = kilobytes_after(figures, "shmem-rss:");
  victim.pgtables_bytes = kilobytes_after(figures, "pgtables:");
  victim.oom_score_adj = number_after<std::int64_t>(figures, "oom_score_adj:");
  if (!victim.uid) {
    victim.uid = number_after<std::int64_t>(figures, "UID:");
  }
  if (!victim.uid) {
    victim.uid = number_after<std::int64_t>(figures, ", UID ");
  }
}

}  // namespace

std::optional<Summary> parse_summary(std::string_view message) {
  constexpr std::string_view kStart = "oom-kill:constraint=";
  message = trim_left(message);
  if (!message.starts_with(kStart)) {
    return std::nullopt;
  }
  auto rest = message.substr(kStart.size());
  Summary summary;
  summary.constraint = rest.substr(0, std::min(rest.find(','), rest.size()));
  if (!summary.constraint.starts_with("CONSTRAINT_")) {
    return std::nullopt;
  }
  rest.remove_prefix(summary.constraint.size());
  // From the right: the name may hold ",pid=" itself, the paths may hold anything but the next key.
  if (const auto pid = rest.rfind(",pid="); pid != std::string_view::npos) {
    summary.pid = number_after<std::int64_t>(rest, ",pid=", pid);
    summary.uid = number_after<std::int64_t>(rest, ",uid=", pid);
    rest = rest.substr(0, pid);
    if (const auto task = rest.rfind(",task=");
        task != std::string_view::npos && task > rest.rfind(",task_memcg=") + 1) {
      summary.task = rest.substr(task + 6);
      rest = rest.substr(0, task);
    }
    if (const auto memcg = rest.rfind(",task_memcg="); memcg != std::string_view::npos) {
      summary.task_memcg = rest.substr(memcg + 12);
      rest = rest.substr(0, memcg);
    }
  } else if (const auto memcg = rest.rfind(",task_memcg="); memcg != std::string_view::npos) {
    rest = rest.substr(0, memcg);  // cut: whether the path is whole is not known
  } else if (const auto key = rest.rfind(",oom_memcg="); key != std::string_view::npos) {
    rest = rest.substr(0, key);
  }
  if (const auto memcg = rest.rfind(",oom_memcg="); memcg != std::string_view::npos) {
    summary.oom_memcg = rest.substr(memcg + 11);
    rest = rest.substr(0, memcg);
  } else if (rest.ends_with(",global_oom")) {
    summary.global_oom = true;
    rest.remove_suffix(11);
  }
  if (const auto mask = between(rest, ",nodemask=", ",cpuset="); mask && !node_list(*mask).empty()) {
    summary.nodemask = node_list(*mask);
  }
  return summary;
}

// "Kill process 40738 (mysqld) score 16 or sacrifice child", "kill process 5064 (gnome-session) score 69104 or a
// child", vendors put "with", "[State: ...]".
std::optional<Decision> parse_decision(std::string_view message) {
  auto text = trim_left(message);
  Decision decision;
  decision.domain = read_domain(text);
  base::Scanner in(text);
  if (decision.domain == Domain::unknown || !(in.literal("Kill process ") || in.literal("kill process "))) {
    return std::nullopt;
  }
  if (const auto pid = in.number<std::int64_t>()) {
    decision.pid = *pid;
  } else if (const auto task = read_vserver_task(in.rest()); task && task->rest.starts_with(" score ")) {
    decision.pid = task->pid;
    decision.comm = task->comm;
    decision.score = number_after<std::int64_t>(task->rest, " score ");
    return decision;
  } else {
    return std::nullopt;
  }
  const auto rest = in.rest();
  const auto score = rest.rfind(" score ");
  if (!rest.starts_with(" (") ||
      (score == std::string_view::npos && rest.find(") sharing same memory") != std::string_view::npos)) {
    return std::nullopt;
  }
  decision.score = score == std::string_view::npos ? std::nullopt : number_after<std::int64_t>(rest, " score ", score);
  const auto name = rest.substr(2, score == std::string_view::npos ? score : score - 2);
  if (const auto close = name.rfind(')'); close != std::string_view::npos) {
    decision.comm = name.substr(0, close);
  }
  return decision;
}

std::optional<Kill> parse_kill(std::string_view message) {
  auto text = trim_left(message);
  const auto domain = read_domain(text);
  base::Scanner in(text);
  if (!in.literal("Killed process ") && !in.literal("OOM killed process ")) {
    return std::nullopt;
  }
  Kill kill;
  kill.domain = domain;
  kill.prefixed = domain != Domain::unknown;
  const auto pid = in.number<std::int64_t>();
  if (const auto task = pid ? std::nullopt : read_vserver_task(in.rest())) {
    kill.victim.pid = task->pid;
    kill.victim.comm = std::string(task->comm);
    read_figures(task->rest, kill.victim);
    return kill;
  }
  std::string_view figures;
  if (!pid || !read_killed_name(in.rest(), kill, figures)) {
    return std::nullopt;
  }
  kill.victim.pid = *pid;
  read_figures(figures, kill.victim);
  return kill;
}

std::optional<GroupKill> parse_group_kill(std::string_view message) {
  constexpr std::string_view kStart = "Tasks in ";
  constexpr std::string_view kEnd = " are going to be killed due to memory.oom.group set";
  const auto text = trim(message);
  if (!text.starts_with(kStart) || !text.ends_with(kEnd) || text.size() < kStart.size() + kEnd.size()) {
    return std::nullopt;
  }
  return GroupKill{text.substr(kStart.size(), text.size() - kStart.size() - kEnd.size())};
}

std::optional<AlreadyExiting> parse_already_exiting(std::string_view message) {
  auto text = trim_left(message);
  (void)read_domain(text);
  base::Scanner in(text);
  if (!in.literal("OOM victim ")) {
    return std::nullopt;
  }
  const auto pid = in.number<std::int64_t>();
  return pid && in.rest().find(") is already exiting. Skip killing the task") != std::string_view::npos
             ? std::optional(AlreadyExiting{*pid})
             : std::nullopt;
}

std::optional<SharedMemory> parse_shared_memory(std::string_view message) {
  const auto text = trim(message);
  const bool sharing = text.starts_with("Kill process ") && text.ends_with(") sharing same memory");
  const bool pinned = text.starts_with("oom killer ") && text.find(") has mm pinned by ") != std::string_view::npos;
  return sharing || pinned ? std::optional(SharedMemory{}) : std::nullopt;
}

std::optional<Reaped> parse_reaped(std::string_view message) {
  base::Scanner in(trim_left(message));
  if (!in.literal("oom_reaper: ")) {
    return std::nullopt;
  }
  const bool reaped = in.literal("reaped process ");
  if (!reaped && !in.literal("unable to reap pid:")) {
    return std::nullopt;
  }
  const auto pid = in.number<std::int64_t>();
  return pid && in.literal(" (") ? std::optional(Reaped{.pid = *pid, .reaped = reaped}) : std::nullopt;
}

std::optional<NoKillable> parse_no_killable(std::string_view message) {
  const auto text = trim(message);
  return text.starts_with("Out of memory and no killable processes") ? std::optional(NoKillable{}) : std::nullopt;
}

std::optional<OomPanic> parse_oom_panic(std::string_view message) {
  constexpr std::string_view kPanic = "Kernel panic - not syncing: ";
  const auto text = trim(message);
  const auto at = text.find(kPanic);
  const bool trailer = text.starts_with("---[ end Kernel panic");
  if (at == std::string_view::npos || (at != 0 && !trailer)) {
    return std::nullopt;
  }
  const auto reason = text.substr(at + kPanic.size());
  const bool oom = reason.starts_with("Out of memory") || reason.starts_with("out of memory") ||
                   reason.starts_with("System is deadlocked on memory");
  return oom ? std::optional(OomPanic{.memcg = reason.find("memcg") != std::string_view::npos, .trailer = trailer})
             : std::nullopt;
}

}  // namespace forensics::lines
