#include "cli/containers/like.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/escape.h"
#include "base/file.h"
#include "cgroup/parse.h"
#include "cli/containers/api.h"

namespace cli::containers {
namespace {

using Json = nlohmann::json;
using base::human_size;

// HostConfig, read by name: a member that is missing or null is nothing. Of another kind it is nothing as well, but for
// numbers: a limit that cannot be read must not become a run without it.
class HostConfig {
 public:
  explicit HostConfig(const Json& json) : json_(json) {}
  // An integer; tools that print every number as a fraction (2.68435456e+08) are understood.
  [[nodiscard]] base::Result<std::optional<std::int64_t>> number(const char* name) const {
    const auto found = json_.find(name);
    if (found == json_.end() || found->is_null()) {
      return std::nullopt;
    }
    constexpr double kExact = 9007199254740992.0;  // 2^53: beyond it a double has no ones
    if (found->is_number_float()) {
      const auto value = found->get<double>();
      if (std::trunc(value) == value && std::abs(value) <= kExact) {
        return static_cast<std::int64_t>(value);
      }
    } else if (found->is_number_unsigned() ? found->get<std::uint64_t>() <= INT64_MAX : found->is_number_integer()) {
      return found->get<std::int64_t>();
    }
    constexpr std::size_t kShown = 40;
    return base::fail(base::ErrorKind::parse,
                      fmt::format("HostConfig.{} is {}, a whole number was expected", name,
                                  found->dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, kShown)));
  }
  // A size that is set: 0 and less mean "not set" everywhere in HostConfig.
  [[nodiscard]] base::Result<std::optional<std::uint64_t>> size(const char* name) const {
    TRY_ASSIGN(const auto value, number(name));
    return value.value_or(0) > 0 ? std::optional(static_cast<std::uint64_t>(*value)) : std::nullopt;
  }
  [[nodiscard]] bool is_true(const char* name) const {
    const auto found = json_.find(name);
    return found != json_.end() && found->is_boolean() && found->get<bool>();
  }
  [[nodiscard]] std::string text(const char* name) const { return text_of(json_, name); }
  // The entries of a list or of an object.
  [[nodiscard]] std::vector<std::pair<std::string, Json>> entries(const char* name) const {
    std::vector<std::pair<std::string, Json>> out;
    const auto found = json_.find(name);
    if (found != json_.end() && found->is_structured()) {
      for (const auto& [key, value] : found->items()) {
        out.emplace_back(key, value);
      }
    }
    return out;
  }
  static std::string text_of(const Json& object, const char* name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
  }

 private:
  const Json& json_;
};

// Docker's MemorySwap is memory and swap together; cgroup v2 limits the swap by itself.
base::Result<> take_memory(const HostConfig& host, Like& like) {
  TRY_ASSIGN(const auto memory, host.size("Memory"));
  TRY_ASSIGN(const auto swap_number, host.number("MemorySwap"));
  const auto together = swap_number.value_or(0);
  if (!memory) {
    if (together > 0) {
      like.notes.emplace_back("memory-swap is left out: without a memory limit there is nothing to take it from");
    }
    return {};
  }
  like.limits.memory_max = cgroup::Limit{memory};
  if (together > 0) {
    const auto swap = static_cast<std::uint64_t>(together);
    if (swap < *memory) {
      return base::fail(base::ErrorKind::parse,
                        fmt::format("MemorySwap {} is less than Memory {}: no engine starts that", swap, *memory));
    }
    like.limits.swap_max = cgroup::Limit{swap - *memory};
    return {};
  }
  like.limits.swap_max = cgroup::Limit{};
  like.notes.emplace_back(together < 0
                              ? "memory-swap is -1: as much swap as there is"
                              : "memory-swap is not set: nothing limits the swap, as in a container of an engine that "
                                "could not limit it");
  return {};
}

base::Result<> take_the_other_limits(const HostConfig& host, Like& like) {
  TRY_ASSIGN(const auto reservation, host.size("MemoryReservation"));
  if (reservation) {
    like.limits.memory_low = cgroup::Limit{reservation};
    like.notes.push_back(
        fmt::format("memory-reservation {} is memory.low: it protects that much from reclaim, and "
                    "limits nothing",
                    human_size(*reservation)));
  }
  TRY_ASSIGN(const auto pids, host.size("PidsLimit"));
  if (pids) {
    like.limits.pids_max = cgroup::Limit{pids};
  }
  TRY_ASSIGN(const auto score, host.number("OomScoreAdj"));
  constexpr std::int64_t kMost = 1000;
  if (score && (*score < -kMost || *score > kMost)) {
    return base::fail(base::ErrorKind::parse,
                      fmt::format("HostConfig.OomScoreAdj is {}, the kernel takes -1000 to 1000", *score));
  }
  if (score && *score != 0) {
    like.oom_score_adj = static_cast<int>(*score);
  }
  return {};
}

// Podman's --cgroup-conf: files of the container's cgroup by their names, which go before the options.
base::Result<> take_files(const HostConfig& host, Like& like) {
  auto& limits = like.limits;
  const std::pair<std::string_view, std::optional<cgroup::Limit>*> known[] = {
      {"memory.max", &limits.memory_max},    {"memory.high", &limits.memory_high},
      {"memory.min", &limits.memory_min},    {"memory.low", &limits.memory_low},
      {"memory.swap.max", &limits.swap_max}, {"memory.zswap.max", &limits.zswap_max},
      {"pids.max", &limits.pids_max}};
  for (const auto& [file, value] : host.entries("CgroupConf")) {
    const auto text =
        value.is_string() ? value.get<std::string>() : value.dump(-1, ' ', false, Json::error_handler_t::replace);
    const auto shown = base::escape_terminal(fmt::format("{} {}", file, text));
    const auto* found = std::ranges::find(known, file, [](const auto& entry) { return entry.first; });
    if (found != std::end(known)) {
      auto limit = cgroup::parse_limit(text);
      if (!limit) {
        return std::unexpected(std::move(limit).error().context("HostConfig.CgroupConf: " + shown));
      }
      *found->second = *limit;
    } else if (file == "memory.oom.group") {
      limits.oom_group = text == "1";
    } else {
      like.notes.push_back(fmt::format("cgroup-conf {} is not applied", shown));
    }
  }
  return {};
}

// "nofile 1024:2048", "memlock unlimited": Docker's {"Name": "nofile", "Soft", "Hard"}, Podman's RLIMIT_NOFILE.
std::string ulimit_words(const Json& entry) {
  if (!entry.is_object()) {
    return "?";
  }
  auto name = HostConfig::text_of(entry, "Name");
  if (constexpr std::string_view kPrefix = "RLIMIT_"; name.starts_with(kPrefix)) {
    name.erase(0, kPrefix.size());
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  }
  const HostConfig members(entry);
  const auto words = [&members](const char* which) -> std::string {
    const auto value = members.number(which);
    return !value || !*value ? "?" : **value < 0 ? "unlimited" : std::to_string(**value);
  };
  const auto soft = words("Soft");
  const auto hard = words("Hard");
  return base::escape_terminal(soft == hard ? fmt::format("{} {}", name, soft)
                                            : fmt::format("{} {}:{}", name, soft, hard));
}

// What cgroup v1 had and v2 has not.
base::Result<> note_v1(const HostConfig& host, Like& like) {
  auto& notes = like.notes;
  if (host.is_true("OomKillDisable")) {
    notes.emplace_back("oom-kill-disable has no counterpart on cgroup v2: the kernel kills");
  }
  TRY_ASSIGN(const auto swappiness, host.number("MemorySwappiness"));
  // Podman says 0 of a container without any limit of memory: not set.
  if (swappiness && *swappiness >= 0 && (*swappiness > 0 || like.limits.memory_max)) {
    notes.push_back(
        fmt::format("memory-swappiness {} has no counterpart on cgroup v2: vm.swappiness holds", *swappiness));
  }
  for (const auto& [member, option] :
       {std::pair{"KernelMemory", "kernel-memory"}, std::pair{"KernelMemoryTCP", "kernel-memory-tcp"}}) {
    TRY_ASSIGN(const auto size, host.size(member));
    if (size) {
      notes.push_back(fmt::format("{} {} has no counterpart on cgroup v2: memory.max counts kernel memory, too", option,
                                  human_size(*size)));
    }
  }
  return {};
}

// What is around the container, or not of memory.
base::Result<> note_the_rest(const HostConfig& host, Like& like) {
  auto& notes = like.notes;
  if (const auto parent = host.text("CgroupParent"); !parent.empty()) {
    notes.push_back(
        fmt::format("the container is in {}, whose own limit this file does not state", base::escape_terminal(parent)));
  }
  std::vector<std::string> mounts, ulimits;
  for (const auto& [where, how] : host.entries("Tmpfs")) {
    mounts.push_back(base::escape_terminal(how.is_string() && !how.get<std::string>().empty()
                                               ? fmt::format("{} ({})", where, how.get<std::string>())
                                               : where));
  }
  for (const auto& [index, entry] : host.entries("Ulimits")) {
    ulimits.push_back(ulimit_words(entry));
  }
  if (!mounts.empty()) {
    notes.push_back(fmt::format("tmpfs mounts are not made: {}", fmt::join(mounts, ", ")));
  }
  if (!ulimits.empty()) {
    notes.push_back(fmt::format("ulimits are not applied: {} (a shell's ulimit before the command does that)",
                                fmt::join(ulimits, ", ")));
  }
  if (const auto nodes = host.text("CpusetMems"); !nodes.empty()) {
    notes.push_back(
        fmt::format("cpuset-mems {} is not applied: memory of all nodes is used", base::escape_terminal(nodes)));
  }
  bool limits_cpu = !host.text("CpusetCpus").empty();
  for (const auto* member : {"NanoCpus", "CpuQuota", "CpuShares"}) {
    TRY_ASSIGN(const auto set, host.size(member));
    limits_cpu = limits_cpu || set;
  }
  if (limits_cpu) {
    notes.emplace_back("limits of the CPU are not applied");
  }
  return {};
}

base::Result<> take_shm(const HostConfig& host, Like& like) {
  if (const auto mode = host.text("IpcMode"); mode == "host" || mode.starts_with("container:")) {
    like.notes.push_back(
        fmt::format("its /dev/shm is that of {}: this one's is the machine's", base::escape_terminal(mode)));
    return {};
  }
  TRY_ASSIGN(like.shm_bytes, host.size("ShmSize"));
  return {};
}

std::string name_of(const Json& container) {
  for (const auto* member : {"Name", "Id"}) {
    const auto found = container.find(member);
    if (found != container.end() && found->is_string() && !found->get<std::string>().empty()) {
      const auto name = found->get<std::string>();
      return base::escape_terminal(name.starts_with('/') ? name.substr(1) : name);
    }
  }
  return "the container";
}

}  // namespace

base::Result<Like> parse_inspect(std::string_view json) {
  auto parsed = Json::parse(json, nullptr, false);
  if (parsed.is_array()) {
    if (parsed.size() != 1) {
      return base::fail(base::ErrorKind::parse,
                        fmt::format("{} containers, one is wanted: docker inspect NAME > inspect.json", parsed.size()));
    }
    parsed = Json(parsed.at(0));
  }
  const auto host = parsed.is_object() ? parsed.find("HostConfig") : parsed.end();
  if (!parsed.is_object() || host == parsed.end() || !host->is_object()) {
    return base::fail(base::ErrorKind::parse, "not what docker inspect prints of a container: no HostConfig",
                      "docker inspect NAME > inspect.json");
  }
  Like like{.name = name_of(parsed)};
  const HostConfig config(*host);
  TRY(take_memory(config, like));
  TRY(take_the_other_limits(config, like));
  TRY(take_files(config, like));
  TRY(take_shm(config, like));
  TRY(note_v1(config, like));
  TRY(note_the_rest(config, like));
  return like;
}

base::Result<Like> find_like(const std::string& name_or_file) {
  const bool is_file = name_or_file.find('/') != std::string::npos || name_or_file.ends_with(".json") ||
                       ::access(name_or_file.c_str(), F_OK) == 0;
  const auto shown = base::escape_terminal(name_or_file);
  constexpr std::size_t kLargest = std::size_t{64} << 20;
  auto text = is_file ? base::read_all(name_or_file, kLargest)
                      : Api(Api::default_socket()).get("/containers/" + percent_encoded(name_or_file) + "/json");
  if (!text) {
    auto error = std::move(text).error();
    if (is_file || error.kind == base::ErrorKind::usage) {
      error.kind = base::ErrorKind::usage;
    } else {
      error.remedy = "docker inspect NAME > inspect.json where the container is, and --like inspect.json here";
    }
    return std::unexpected(is_file ? std::move(error) : std::move(error).context(shown));
  }
  auto like = parse_inspect(*text);
  return like ? std::move(like) : std::unexpected(std::move(like).error().context(shown));
}

}  // namespace cli::containers
