#include "forensics/owner.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/escape.h"

namespace forensics {
namespace {

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// A container id as the runtimes make them: 64 hexadecimal digits (32 for ECS on Fargate, 12 where shortened).
bool is_container_id(std::string_view text) {
  return (text.size() == 64 || text.size() == 32 || text.size() == 12) && std::ranges::all_of(text, is_hex);
}

// 8-4-4-4-12 hexadecimal digits.
bool is_uuid(std::string_view text) {
  if (text.size() != 36) {
    return false;
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : !is_hex(text[i])) {
      return false;
    }
  }
  return true;
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) {
    return false;
  }
  text.remove_prefix(prefix.size());
  return true;
}

bool take_suffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) {
    return false;
  }
  text.remove_suffix(suffix.size());
  return true;
}

// One component of the path with what stands around it.
struct Component {
  std::string_view name;
  std::string_view parent;  // "" at the top
  const Owner& outer;       // what the components before it said
};

// A recogniser fills layer (a copy of the outer one) and says whether the component is of its kind.
using Recognise = bool (*)(const Component& at, Owner& layer);

void enter_container(Owner& layer, std::string_view runtime, std::string_view id) {
  layer.runtime = runtime;
  layer.container_id = id;
  layer.unit.reset();
}

// docker-<id>.scope, libpod-<id>.scope, cri-containerd-<id>.scope, crio-<id>.scope: the systemd cgroup drivers; the
// same without ".scope" for some cgroupfs ones.
bool prefixed_container(const Component& at, Owner& layer) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kPrefixes = {{
      {"docker-", "docker"},
      {"libpod-payload-", "podman"},
      {"libpod-", "podman"},
      {"cri-containerd-", "containerd"},
      {"nerdctl-", "containerd"},
      {"crio-", "cri-o"},
      {"ecs-docker-", "docker"},
      {"buildah-", "buildah"},
  }};
  for (const auto& [prefix, runtime] : kPrefixes) {
    auto id = at.name;
    if (take_prefix(id, prefix)) {
      take_suffix(id, ".scope");
      if (is_container_id(id)) {
        enter_container(layer, runtime, id);
        return true;
      }
    }
  }
  // containerd under a mismatched driver: "kubepods-burstable-podX.slice:cri-containerd:<id>"
  const auto last = at.name.rfind(':');
  if (last != std::string_view::npos && is_container_id(at.name.substr(last + 1))) {
    enter_container(layer, at.name.contains("crio") ? "cri-o" : "containerd", at.name.substr(last + 1));
    return true;
  }
  return false;
}

// kubepods[-burstable|-besteffort][-pod<uid>].slice and kubepods/burstable/pod<uid>; a kubelet prefix may stand before
// (kind).
bool kubernetes_level(const Component& at, Owner& layer) {
  auto name = at.name.substr(0, at.name.find(".slice"));
  const bool systemd_driver = name.size() != at.name.size();
  const auto kubepods = name.find("kubepods");
  if (kubepods != std::string_view::npos && (kubepods == 0 || name[kubepods - 1] == '-')) {
    name.remove_prefix(kubepods);
    take_prefix(name, "kubepods");
    take_prefix(name, "-");
    layer = Owner{.runtime = "kubernetes", .qos = "Guaranteed"};
  } else if (layer.runtime != "kubernetes" || systemd_driver) {
    return false;
  }
  if (take_prefix(name, "burstable")) {
    layer.qos = "Burstable";
  } else if (take_prefix(name, "besteffort")) {
    layer.qos = "BestEffort";
  }
  take_prefix(name, "-");
  if (take_prefix(name, "pod") && !name.empty()) {
    layer.pod_uid = name;
    if (systemd_driver) {
      std::ranges::replace(*layer.pod_uid, '_', '-');
    }
    return true;
  }
  return name.empty();
}

// A bare id below docker/, a pod, ecs/ or garden/.
bool bare_container(const Component& at, Owner& layer) {
  if (!is_container_id(at.name)) {
    return false;
  }
  if (at.parent == "docker" || at.parent == "moby") {
    enter_container(layer, "docker", at.name);
    return true;
  }
  if (at.parent == "buildkit") {
    enter_container(layer, "buildkit", at.name);
    return true;
  }
  if (layer.pod_uid || layer.runtime == "ecs") {
    enter_container(layer, *layer.runtime, at.name);
    return true;
  }
  return false;
}

// lxc.payload.NAME, lxc.payload/NAME, lxc/NAME (Proxmox: the container's number).
bool lxc_container(const Component& at, Owner& layer) {
  auto name = at.name;
  if (take_prefix(name, "lxc.payload.") || take_prefix(name, "lxc.monitor.")) {
  } else if (at.parent != "lxc" && at.parent != "lxc.payload") {
    return false;
  }
  layer = Owner{.runtime = "lxc", .container_id = std::string(name)};
  return !name.empty();
}

// machine-qemu\x2d1\x2dNAME.scope (libvirt), machine-NAME.scope and systemd-nspawn@NAME.service,
// /machine/NAME.libvirt-qemu of old libvirt.
bool machine(const Component& at, Owner& layer) {
  const auto unescaped = unescape_unit(at.name);
  std::string_view name = unescaped;
  std::string_view runtime = "systemd-nspawn";
  if (take_suffix(name, ".libvirt-qemu") || take_suffix(name, ".libvirt-lxc")) {
    runtime = "libvirt";
  } else if (take_prefix(name, "systemd-nspawn@")) {
    take_suffix(name, ".service");
  } else if (!take_prefix(name, "machine-") || !take_suffix(name, ".scope")) {
    return false;
  }
  if (take_prefix(name, "qemu-") || take_prefix(name, "lxc-")) {
    runtime = "libvirt";
    const auto number = std::min(name.find_first_not_of("0123456789"), name.size());
    if (number > 0 && name.substr(number).starts_with('-')) {
      name.remove_prefix(number + 1);
    }
  }
  layer = Owner{.runtime = std::string(runtime), .container_id = std::string(name), .unit = unescape_unit(at.name)};
  return true;
}

// slurm*/uid_N/job_N/step_S/[user/]task_N; below slurmstepd.scope with cgroup v2. The job is written as sacct does:
// 123.batch.
bool slurm(const Component& at, Owner& layer) {
  const auto& name = at.name;
  if (name == "slurm" || name.starts_with("slurm_") || name.ends_with("slurmstepd.scope")) {
    layer = Owner{.runtime = "slurm"};
    return true;
  }
  if (layer.runtime != "slurm") {
    return false;
  }
  auto number = name;
  if (take_prefix(number, "job_")) {
    layer.job = number;
  } else if (take_prefix(number, "step_") && layer.job) {
    *layer.job += fmt::format(".{}", number);
  } else if (take_prefix(number, "task_") && layer.job) {
    *layer.job += fmt::format(" task {}", number);
  }
  return true;
}

// Batch and cluster schedulers with one level each.
bool scheduler(const Component& at, Owner& layer) {
  auto name = at.name;
  if (name.starts_with("condor_") && (at.parent == "htcondor" || name.contains("slot"))) {
    const auto slot = name.find("slot");
    layer = Owner{.runtime = "htcondor", .job = std::string(slot == std::string_view::npos ? name : name.substr(slot))};
    return true;
  }
  if (name.starts_with("container_") && (at.parent == "hadoop-yarn" || at.parent == "yarn")) {
    layer = Owner{.runtime = "yarn", .container_id = std::string(name)};
    // container_[eEPOCH_]CLUSTERTIME_APP_ATTEMPT_CONTAINER belongs to application_CLUSTERTIME_APP
    auto rest = name.substr(std::string_view("container_").size());
    if (rest.starts_with('e') && rest.contains('_')) {
      rest.remove_prefix(rest.find('_') + 1);
    }
    const auto second = rest.find('_', std::min(rest.find('_') + 1, rest.size()));
    layer.job = fmt::format("application_{}", rest.substr(0, second));
    return true;
  }
  if (at.parent.starts_with("nomad") || layer.runtime == "nomad" || at.parent == "share.slice" ||
      at.parent == "reserve.slice") {
    take_suffix(name, ".scope");
    if (name.size() > 36 && is_uuid(name.substr(0, 36)) && name[36] == '.') {
      layer = Owner{.runtime = "nomad", .job = fmt::format("{}/{}", name.substr(0, 36), name.substr(37))};
      return true;
    }
  }
  if (name == "garden" || at.parent == "garden") {
    layer = Owner{.runtime = "garden"};
    if (at.parent == "garden") {
      layer.container_id = name;
    }
    return true;
  }
  return false;
}

// /ecs/[CLUSTER/]TASK/CONTAINER and ecstasks-TASK.slice.
bool ecs(const Component& at, Owner& layer) {
  auto name = at.name;
  if (name == "ecs" && at.parent.empty()) {
    layer = Owner{.runtime = "ecs"};
    return true;
  }
  if (take_prefix(name, "ecstasks-") && take_suffix(name, ".slice")) {
    layer = Owner{.runtime = "ecs", .job = std::string(name)};
    return true;
  }
  if (layer.runtime == "ecs" && !layer.container_id && (is_uuid(name) || name.size() == 32) && !layer.job) {
    layer.job = name;
    return true;
  }
  return false;
}

bool own_run(const Component& at, Owner& layer) {
  if (!at.name.starts_with("oomlab-")) {
    return false;
  }
  layer = Owner{.runtime = "oomlab", .unit = std::string(at.name)};
  return true;
}

// Applications that systemd starts for a user session: snap.NAME.APP.UUID.scope, app-flatpak-ID-PID.scope.
bool application(const Component& at, Owner& layer) {
  const auto unescaped = unescape_unit(at.name);
  std::string_view name = unescaped;
  if (!name.ends_with(".scope") && !name.ends_with(".service")) {
    return false;
  }
  const std::string unit(name);
  name = name.substr(0, name.rfind('.'));
  if (take_prefix(name, "snap.")) {
    layer = Owner{.runtime = "snap", .unit = unit, .job = std::string(name.substr(0, name.find('.')))};
    return true;
  }
  if (take_prefix(name, "app-flatpak-")) {
    layer = Owner{.runtime = "flatpak", .unit = unit, .job = std::string(name.substr(0, name.rfind('-')))};
    return true;
  }
  return false;
}

bool systemd_unit(const Component& at, Owner& layer) {
  for (const std::string_view suffix : {".service", ".scope", ".slice", ".socket", ".mount", ".swap"}) {
    if (at.name.ends_with(suffix) && at.name.size() > suffix.size()) {
      // Inside a container the units are the container's; outside they say who manages the group.
      if (!layer.runtime) {
        layer.runtime = "systemd";
      }
      layer.unit = unescape_unit(at.name);
      return true;
    }
  }
  return false;
}

constexpr std::array<Recognise, 11> kRecognisers = {
    own_run, prefixed_container, kubernetes_level, bare_container, lxc_container, machine, slurm, scheduler,
    ecs,     application,        systemd_unit};

std::string shortened(std::string_view id) {
  return base::to_valid_utf8(is_container_id(id) ? id.substr(0, 12) : id);
}

std::string systemd_name(const Owner& owner) {
  const auto& unit = *owner.unit;
  std::string_view name = unit;
  if (take_prefix(name, "user@") && take_suffix(name, ".service")) {
    return fmt::format("the service manager of user {}", name);
  }
  if (take_prefix(name, "session-") && take_suffix(name, ".scope")) {
    return fmt::format("login session {}", name);
  }
  if (take_prefix(name, "user-") && take_suffix(name, ".slice") && std::ranges::all_of(name, is_digit)) {
    return fmt::format("user {} ({})", name, unit);
  }
  return fmt::format("{} {}",
                     unit.ends_with(".slice")     ? "slice"
                     : unit.ends_with(".service") ? "service"
                                                  : "unit",
                     unit);
}

}  // namespace

std::string unescape_unit(std::string_view unit) {
  return base::unescape_kmsg(unit);
}

std::vector<Owner> owner_layers(std::string_view cgroup_path) {
  std::vector<Owner> layers;
  std::string_view parent;
  while (!cgroup_path.empty()) {
    const auto end = std::min(cgroup_path.find('/'), cgroup_path.size());
    const auto name = cgroup_path.substr(0, end);
    cgroup_path.remove_prefix(std::min(end + 1, cgroup_path.size()));
    if (name.empty()) {
      continue;
    }
    const Owner outer = layers.empty() ? Owner{} : layers.back();
    const Component at{.name = name, .parent = parent, .outer = outer};
    for (const auto recognise : kRecognisers) {
      Owner layer = outer;
      if (recognise(at, layer)) {
        layers.push_back(std::move(layer));
        break;
      }
    }
    parent = name;
  }
  return layers;
}

std::optional<Owner> owner_of(std::string_view cgroup_path) {
  auto layers = owner_layers(cgroup_path);
  if (layers.empty()) {
    return std::nullopt;
  }
  return std::move(layers.back());
}

std::string cgroup_name(std::string_view cgroup_path) {
  const auto owner = owner_of(cgroup_path);
  if (!owner) {
    return cgroup_path == "/" ? "the machine" : fmt::format("cgroup {}", base::to_valid_utf8(cgroup_path));
  }
  const auto& runtime = *owner->runtime;
  if (runtime == "oomlab") {
    return "the run's cgroup";
  }
  if (owner->container_id) {
    const auto kind = runtime == "libvirt" ? "virtual machine" : "container";
    auto name = fmt::format("{} {} {}", runtime, kind, shortened(*owner->container_id));
    return owner->pod_uid ? name + fmt::format(" of pod {}", *owner->pod_uid) : name;
  }
  if (owner->pod_uid) {
    return fmt::format("pod {} ({})", *owner->pod_uid, owner->qos.value_or("unknown QoS"));
  }
  if (owner->qos) {
    return *owner->qos == "Guaranteed" ? "all pods of the node" : fmt::format("all {} pods of the node", *owner->qos);
  }
  if (owner->job) {
    return fmt::format("{} {} {}", runtime, runtime == "snap" || runtime == "flatpak" ? "application" : "job",
                       *owner->job);
  }
  return owner->unit ? systemd_name(*owner) : fmt::format("{} group {}", runtime, base::to_valid_utf8(cgroup_path));
}

}  // namespace forensics
