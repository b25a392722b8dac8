#include "cli/containers/like.h"

#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/bytes.h"
#include "base/escape.h"
#include "base/file.h"
#include "cli/containers/api.h"

namespace cli::containers {
namespace {

using Json = nlohmann::json;
using base::human_size;

// HostConfig, read by name: a member that is missing, null or of another kind is nothing.
class HostConfig {
 public:
  explicit HostConfig(const Json& json) : json_(json) {}
  [[nodiscard]] std::optional<std::int64_t> number(const char* name) const {
    const auto found = json_.find(name);
    return found != json_.end() && found->is_number_integer() ? std::optional(found->get<std::int64_t>())
                                                              : std::nullopt;
  }
  // A size that is set: 0 means "not set" everywhere in HostConfig.
  [[nodiscard]] std::optional<std::uint64_t> size(const char* name) const {
    const auto value = number(name).value_or(0);
    return value > 0 ? std::optional(static_cast<std::uint64_t>(value)) : std::nullopt;
  }
  [[nodiscard]] bool is_true(const char* name) const {
    const auto found = json_.find(name);
    return found != json_.end() && found->is_boolean() && found->get<bool>();
  }
  [[nodiscard]] std::string text(const char* name) const {
    const auto found = json_.find(name);
    return found != json_.end() && found->is_string() ? found->get<std::string>() : std::string();
  }
  [[nodiscard]] bool has_entries(const char* name) const {
    const auto found = json_.find(name);
    return found != json_.end() && (found->is_object() || found->is_array()) && !found->empty();
  }
  [[nodiscard]] const Json& member(const char* name) const { return *json_.find(name); }

 private:
  const Json& json_;
};

// Docker's MemorySwap is memory and swap together; cgroup v2 limits the swap by itself.
base::Result<> take_memory(const HostConfig& host, Like& like) {
  const auto memory = host.size("Memory");
  const auto together = host.number("MemorySwap").value_or(0);
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
  like.notes.push_back(together < 0
                           ? "memory-swap is -1: as much swap as there is"
                           : "memory-swap is not set: nothing limits the swap, as in a container of an engine that "
                             "could not limit it");
  return {};
}

void take_protection(const HostConfig& host, Like& like) {
  if (const auto reservation = host.size("MemoryReservation")) {
    like.limits.memory_low = cgroup::Limit{reservation};
    like.notes.push_back(
        fmt::format("memory-reservation {} is memory.low: it protects that much from reclaim, and "
                    "limits nothing",
                    human_size(*reservation)));
  }
}

// What cgroup v2 has not, or what is not of memory.
void note_the_rest(const HostConfig& host, Like& like) {
  auto& notes = like.notes;
  if (host.is_true("OomKillDisable")) {
    notes.emplace_back("oom-kill-disable has no counterpart on cgroup v2: the kernel kills");
  }
  if (const auto swappiness = host.number("MemorySwappiness"); swappiness && *swappiness >= 0) {
    notes.push_back(
        fmt::format("memory-swappiness {} has no counterpart on cgroup v2: vm.swappiness holds", *swappiness));
  }
  for (const auto& [member, option] :
       {std::pair{"KernelMemory", "kernel-memory"}, std::pair{"KernelMemoryTCP", "kernel-memory-tcp"}}) {
    if (const auto size = host.size(member)) {
      notes.push_back(fmt::format("{} {} has no counterpart on cgroup v2: memory.max counts kernel memory, too", option,
                                  human_size(*size)));
    }
  }
  if (const auto parent = host.text("CgroupParent"); !parent.empty()) {
    notes.push_back(
        fmt::format("the container is in {}, whose own limit this file does not state", base::to_valid_utf8(parent)));
  }
  for (const auto& [member, what] : {std::pair{"Tmpfs", "tmpfs mounts"}, std::pair{"Ulimits", "ulimits"}}) {
    if (host.has_entries(member)) {
      notes.push_back(fmt::format("{} are not made", what));
    }
  }
  const bool limits_cpu = host.size("NanoCpus") || host.size("CpuQuota") || host.size("CpuShares") ||
                          !host.text("CpusetCpus").empty() || !host.text("CpusetMems").empty();
  if (limits_cpu) {
    notes.emplace_back("limits of the CPU are not applied");
  }
}

void take_shm(const HostConfig& host, Like& like) {
  if (const auto mode = host.text("IpcMode"); mode == "host" || mode.starts_with("container:")) {
    like.notes.push_back(fmt::format("its /dev/shm is that of {}: this one's is the machine's", mode));
    return;
  }
  like.shm_bytes = host.size("ShmSize");
}

std::string name_of(const Json& container) {
  for (const auto* member : {"Name", "Id"}) {
    const auto found = container.find(member);
    if (found != container.end() && found->is_string() && !found->get<std::string>().empty()) {
      const auto name = found->get<std::string>();
      return name.starts_with('/') ? name.substr(1) : name;
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
  take_protection(config, like);
  if (const auto pids = config.size("PidsLimit")) {
    like.limits.pids_max = cgroup::Limit{pids};
  }
  if (const auto score = config.number("OomScoreAdj"); score && *score != 0 && *score >= -1000 && *score <= 1000) {
    like.oom_score_adj = static_cast<int>(*score);
  }
  take_shm(config, like);
  note_the_rest(config, like);
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
