#include "forensics/lines/memcg.h"

#include <algorithm>
#include <array>

#include "base/scanner.h"
#include "forensics/text.h"

namespace forensics::lines {

bool is_no_limit(std::uint64_t kilobytes) {
  constexpr std::uint64_t kOn32Bit = 8589934588;
  return kilobytes >= (std::uint64_t{1} << 52) || kilobytes == kOn32Bit;
}

std::optional<MemcgLimit> parse_memcg_limit(std::string_view message) {
  constexpr std::string_view kTask = "Task in ";
  constexpr std::string_view kResult = " killed as a result of limit of ";
  constexpr std::string_view kKilled = " killed";
  constexpr std::string_view kReached = "Memory limit reached of cgroup ";
  message = trim_left(message);
  if (message.starts_with(kReached)) {
    return MemcgLimit{.task_memcg = {}, .oom_memcg = trim_right(message.substr(kReached.size()))};
  }
  if (!message.starts_with(kTask)) {
    return std::nullopt;
  }
  const auto at = message.find(kResult);
  // Two calls of printk() until 3.8: the rest may be a record of its own.
  if (const auto text = trim_right(message);
      at == std::string_view::npos && text.ends_with(kKilled) && text.size() > kTask.size() + kKilled.size()) {
    return MemcgLimit{.task_memcg = text.substr(kTask.size(), text.size() - kTask.size() - kKilled.size()),
                      .oom_memcg = {}};
  }
  if (at == std::string_view::npos) {
    return std::nullopt;
  }
  return MemcgLimit{.task_memcg = message.substr(kTask.size(), at - kTask.size()),
                    .oom_memcg = trim_right(message.substr(at + kResult.size()))};
}

std::optional<UsageLine> parse_usage(std::string_view message) {
  struct Name {
    std::string_view text;
    UsageLine::Kind kind;
  };
  constexpr std::array kNames = {
      Name{"memory: usage ", UsageLine::Kind::memory}, Name{"swap: usage ", UsageLine::Kind::swap},
      Name{"memory+swap: usage ", UsageLine::Kind::memsw}, Name{"kmem: usage ", UsageLine::Kind::kmem}};
  base::Scanner in(trim_left(message));
  const auto name = std::ranges::find_if(kNames, [&](const Name& candidate) { return in.literal(candidate.text); });
  if (name == kNames.end()) {
    return std::nullopt;
  }
  const auto usage = in.number<std::uint64_t>();
  if (!usage || !in.literal("kB")) {
    return std::nullopt;
  }
  UsageLine line{.kind = name->kind,
                 .usage = {.usage_bytes = saturated(*usage, 1024), .limit_bytes = {}, .failcnt = {}}};
  if (!in.literal(", limit ")) {
    return line;
  }
  const auto limit = in.number<std::uint64_t>();
  if (!limit || !in.literal("kB")) {
    return line;
  }
  if (is_no_limit(*limit)) {
    line.usage.unlimited = true;
  } else {
    line.usage.limit_bytes = saturated(*limit, 1024);
  }
  if (in.literal(", failcnt ")) {
    line.usage.failcnt = in.number<std::uint64_t>();
  }
  return line;
}

std::optional<StatsHeader> parse_stats_header(std::string_view message) {
  constexpr std::string_view kStart = "Memory cgroup stats";
  message = trim_left(message);
  if (!message.starts_with(kStart)) {
    return std::nullopt;
  }
  auto rest = message.substr(kStart.size());
  StatsHeader header;
  if (rest.starts_with(" for ")) {
    rest.remove_prefix(5);
    // The path may hold ": " itself; the counters that end the line never do. All of them start with "cache:".
    auto colon = rest.rfind(": cache:");
    if (colon == std::string_view::npos) {
      const auto trimmed = trim_right(rest);
      if (trimmed.empty()) {
        header.cut = true;
        return header;
      }
      if (!trimmed.ends_with(':')) {
        return std::nullopt;
      }
      colon = trimmed.size() - 1;
    }
    header.path = rest.substr(0, colon);
    rest.remove_prefix(colon);
  }
  if (!rest.starts_with(':')) {
    return std::nullopt;
  }
  auto pairs = read_pairs(rest.substr(1));
  header.inline_counters = !pairs.counters.empty();
  header.counters = std::move(pairs.counters);
  return header;
}

std::optional<StatCounter> parse_stat_counter(std::string_view message) {
  message = trim(message);
  const auto blank = message.find(' ');
  if (blank == std::string_view::npos || blank == 0) {
    return std::nullopt;
  }
  const auto name = message.substr(0, blank);
  const bool plain =
      std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_'; });
  const auto value = whole_number<std::uint64_t>(message.substr(blank + 1));
  if (!plain || is_digit(name[0]) || !value) {
    return std::nullopt;
  }
  return StatCounter{.name = name, .value = *value};
}

}  // namespace forensics::lines
