#include "forensics/owner.h"

#include <algorithm>
#include <ranges>

#include <fmt/format.h>

#include "base/escape.h"
#include "forensics/owner_level.h"

namespace forensics {
namespace {

constexpr std::size_t kShortId = 12, kLongestName = 64;

// At most that long, cut in the middle and never within a character; the tail says more than the head.
std::string ellipsized(std::string_view raw) {
  auto text = base::to_valid_utf8(raw);
  if (text.size() <= kLongestName) {
    return text;
  }
  constexpr std::size_t kHead = kLongestName / 3, kTail = kLongestName - kHead - 1;
  const auto is_inside = [&](std::size_t at) { return (static_cast<unsigned char>(text[at]) & 0xc0U) == 0x80U; };
  auto head = kHead, tail = text.size() - kTail;
  while (head > 0 && is_inside(head)) {
    --head;
  }
  while (tail < text.size() && is_inside(tail)) {
    ++tail;
  }
  return text.substr(0, head) + "…" + text.substr(tail);
}

std::string short_id(std::string_view id) {
  return is_container_id(id) ? std::string(id.substr(0, kShortId)) : ellipsized(id);
}

std::string container_words(const OwnerLayer& layer) {
  const auto& owner = layer.owner;
  const auto runtime = owner.runtime.value_or("");
  auto words = fmt::format("{}{} {}", runtime == "container" ? "" : runtime + " ",
                           layer.kind == "machine" ? "virtual machine" : "container", short_id(layer.id));
  return owner.pod_uid ? words + fmt::format(" of pod {}", ellipsized(*owner.pod_uid)) : words;
}

std::string pod_words(const OwnerLayer& layer) {
  const auto& owner = layer.owner;
  return owner.qos ? fmt::format("pod {} ({})", ellipsized(layer.id), *owner.qos)
                   : fmt::format("{} pod {}", owner.runtime.value_or(""), short_id(layer.id));
}

// Of a container engine, an orchestrator or a batch system; empty for other layers.
std::string engine_words(const OwnerLayer& layer) {
  const auto& owner = layer.owner;
  const auto runtime = owner.runtime.value_or("");
  if (layer.kind == "container" || layer.kind == "machine") {
    return container_words(layer);
  }
  if (layer.kind == "monitor") {
    return fmt::format("the monitor of {} container {}", runtime, short_id(layer.id));
  }
  if (layer.kind == "pod") {
    return pod_words(layer);
  }
  if (layer.kind == "qos") {
    return owner.qos == "Guaranteed" ? "all pods of the node" : fmt::format("all {} pods of the node", *owner.qos);
  }
  if (layer.kind == "job" || layer.kind == "step" || layer.kind == "task") {
    return fmt::format("{} job {}", runtime, ellipsized(owner.job.value_or(layer.id)));
  }
  return {};
}

// What people call a layer.
std::string words_of(const OwnerLayer& layer) {
  const auto& owner = layer.owner;
  const auto runtime = owner.runtime.value_or("");
  const auto id = ellipsized(layer.id);
  if (layer.kind == "run") {
    return "the run's cgroup";
  }
  if (auto words = engine_words(layer); !words.empty()) {
    return words;
  }
  if (layer.kind == "application") {
    return fmt::format("{}application {}", runtime == "systemd" ? "" : runtime + " ", id);
  }
  if (layer.kind == "user") {
    return fmt::format("user {}{}", id, owner.unit ? fmt::format(" ({})", *owner.unit) : " of " + runtime);
  }
  if (layer.kind == "user_manager") {
    return fmt::format("the service manager of user {}", id);
  }
  if (layer.kind == "session") {
    return fmt::format("login session {}{}", id, owner.user ? fmt::format(" of user {}", *owner.user) : "");
  }
  if (layer.kind == "service" || layer.kind == "slice") {
    return fmt::format("{} {}", layer.kind, id);
  }
  return layer.kind == "unit" ? fmt::format("unit {}", id) : fmt::format("{} group {}", runtime, id);
}

struct NamedLayer {
  OwnerLayer layer;
  std::string_view cgroup;  // the path down to it
};

std::vector<NamedLayer> layers_of(std::string_view path) {
  std::vector<NamedLayer> layers;
  std::string_view parent;
  for (std::size_t at = 0; at < path.size();) {
    const auto end = std::min(path.find('/', at), path.size());
    const auto name = path.substr(at, end - at);
    if (!name.empty()) {
      if (auto layer =
              recognise_level({.name = name, .parent = parent}, layers.empty() ? Owner{} : layers.back().layer.owner)) {
        layers.push_back({.layer = *std::move(layer), .cgroup = path.substr(0, end)});
      }
      parent = name;
    }
    at = end + 1;
  }
  return layers;
}

}  // namespace

std::string unescape_unit(std::string_view unit) {
  return base::unescape_kmsg(unit);
}

std::string shortened_path(std::string_view cgroup_path) {
  constexpr std::string_view kHex = "0123456789abcdef";
  constexpr std::size_t kLongId = 32;
  std::string out;
  for (std::size_t at = 0; at < cgroup_path.size();) {
    const auto end = std::min(cgroup_path.find_first_not_of(kHex, at), cgroup_path.size());
    const auto run = cgroup_path.substr(at, std::max<std::size_t>(end - at, 1));
    out += run.size() >= kLongId ? std::string(run.substr(0, kShortId)) + "…" : std::string(run);
    at += run.size();
  }
  return ellipsized(out);
}

std::vector<Owner> owner_layers(std::string_view cgroup_path) {
  std::vector<Owner> owners;
  for (auto& named : layers_of(cgroup_path)) {
    owners.push_back(std::move(named.layer.owner));
  }
  return owners;
}

std::optional<Owner> owner_of(std::string_view cgroup_path) {
  auto layers = layers_of(cgroup_path);
  if (layers.empty()) {
    return std::nullopt;
  }
  // A path of very many levels is nobody's doing but a hostile one's: the innermost ones tell.
  constexpr std::size_t kMostLevels = 24;
  std::vector<OwnerLevel> nested;
  for (const auto& [layer, cgroup] : layers | std::views::drop(layers.size() - std::min(layers.size(), kMostLevels))) {
    nested.push_back({.cgroup = std::string(cgroup),
                      .runtime = layer.owner.runtime.value_or(""),
                      .kind = layer.kind,
                      .id = layer.id,
                      .name = words_of(layer)});
  }
  auto owner = std::move(layers.back().layer.owner);
  owner.nested = std::move(nested);
  return owner;
}

std::string cgroup_name(std::string_view cgroup_path) {
  const auto layers = layers_of(cgroup_path);
  if (layers.empty()) {
    return cgroup_path == "/" ? "the machine" : fmt::format("cgroup {}", shortened_path(cgroup_path));
  }
  return words_of(layers.back().layer);
}

}  // namespace forensics
