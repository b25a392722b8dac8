// Where the naming schemes come from: runc's systemd driver and the kubelet (docker, containerd, CRI-O), libpod,
// lxc/src/lxc/cgroups, libvirt's docs/cgroups, systemd's docs/CGROUP_DELEGATION and DESKTOP_ENVIRONMENTS, Slurm's
// cgroup_v1 and cgroup_v2 plugins, the manuals of HTCondor, YARN and Nomad, the ECS agent, garden-runc.
#include "forensics/owner_level.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "forensics/owner.h"

namespace forensics {
namespace {

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_number(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, is_digit);
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

// moby/buildkit's identity.NewID(): 25 digits of base 36.
bool is_buildkit_id(std::string_view text) {
  return text.size() == 25 && std::ranges::all_of(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'z'); });
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

// A recogniser fills the layer (a copy of the outer one's owner) and says whether the component is of its kind.
using Recognise = bool (*)(const PathComponent& at, OwnerLayer& layer);

bool become(OwnerLayer& layer, std::string_view kind, std::string_view id) {
  layer.kind = kind;
  layer.id = id;
  return true;
}

bool enter_container(OwnerLayer& layer, std::string_view runtime, std::string_view id,
                     std::string_view kind = "container") {
  layer.owner.runtime = runtime;
  layer.owner.container_id = id;
  layer.owner.unit.reset();
  return become(layer, kind, id);
}

// A layer of its own: what stands outside says nothing about it but the user.
bool start(OwnerLayer& layer, Owner owner, std::string_view kind, std::string_view id) {
  owner.user = layer.owner.user;
  layer.owner = std::move(owner);
  return become(layer, kind, id);
}

bool own_run(const PathComponent& at, OwnerLayer& layer) {
  return at.name.starts_with("oomlab-") &&
         start(layer, Owner{.runtime = "oomlab", .unit = std::string(at.name)}, "run", at.name);
}

// kubepods[-burstable|-besteffort][-pod<uid>].slice and kubepods/burstable/pod<uid>; a kubelet prefix may stand before
// (kind).
bool kubernetes_level(const PathComponent& at, OwnerLayer& layer) {
  auto name = at.name.substr(0, at.name.find(".slice"));
  const bool systemd_driver = name.size() != at.name.size();
  const auto kubepods = name.find("kubepods");
  auto& owner = layer.owner;
  if (kubepods != std::string_view::npos && (kubepods == 0 || name[kubepods - 1] == '-')) {
    name.remove_prefix(kubepods);
    take_prefix(name, "kubepods");
    take_prefix(name, "-");
    owner = Owner{.runtime = "kubernetes", .qos = "Guaranteed", .user = owner.user};
  } else if (owner.runtime != "kubernetes" || owner.pod_uid || systemd_driver) {
    return false;
  }
  if (take_prefix(name, "burstable")) {
    owner.qos = "Burstable";
  } else if (take_prefix(name, "besteffort")) {
    owner.qos = "BestEffort";
  }
  take_prefix(name, "-");
  if (take_prefix(name, "pod") && !name.empty()) {
    owner.pod_uid = name;
    if (systemd_driver) {
      std::ranges::replace(*owner.pod_uid, '_', '-');
    }
    return become(layer, "pod", *owner.pod_uid);
  }
  return name.empty() && become(layer, "qos", *owner.qos);
}

struct Prefix {
  std::string_view text, runtime;
};

// docker-<id>.scope, libpod-<id>.scope, cri-containerd-<id>.scope, crio-<id>.scope: the systemd cgroup drivers; the
// same without ".scope" for some cgroupfs ones. Conmon, the monitor, has a group beside its container's.
bool prefixed_container(const PathComponent& at, OwnerLayer& layer) {
  constexpr auto kPrefixes = std::to_array<Prefix>({{"docker-", "docker"},
                                                    {"libpod-payload-", "podman"},
                                                    {"libpod-", "podman"},
                                                    {"cri-containerd-", "containerd"},
                                                    {"nerdctl-", "containerd"},
                                                    {"crio-", "cri-o"},
                                                    {"ecs-docker-", "docker"},
                                                    {"buildah-", "buildah"},
                                                    {"buildkit-", "buildkit"}});
  for (const auto& [text, runtime] : kPrefixes) {
    auto id = at.name;
    if (take_prefix(id, text)) {
      take_suffix(id, ".scope");
      const auto kind = take_prefix(id, "conmon-") ? "monitor" : "container";
      if (is_container_id(id)) {
        return enter_container(layer, runtime, id, kind);
      }
    }
  }
  return false;
}

// A systemd driver's path for a runtime that takes it literally: "kubepods-burstable-podX.slice:cri-containerd:<id>".
bool unresolved_container(const PathComponent& at, OwnerLayer& layer) {
  const auto first = at.name.find(':'), last = at.name.rfind(':');
  if (first == std::string_view::npos || first == last || !is_container_id(at.name.substr(last + 1))) {
    return false;
  }
  (void)kubernetes_level({.name = at.name.substr(0, first), .parent = at.parent}, layer);  // the slice may be a pod's
  const auto driver = at.name.substr(first + 1, last - first - 1);
  const auto runtime = driver == "docker"   ? "docker"
                       : driver == "crio"   ? "cri-o"
                       : driver == "libpod" ? "podman"
                                            : "containerd";
  return enter_container(layer, runtime, at.name.substr(last + 1));
}

// machine-libpod_pod_<id>.slice, user-libpod_pod_<id>.slice; /libpod_parent/<id> with cgroupfs.
bool podman_pod(const PathComponent& at, OwnerLayer& layer) {
  auto id = at.name;
  const auto marker = id.find("libpod_pod_");
  if (marker != std::string_view::npos) {
    id.remove_prefix(marker);
    take_prefix(id, "libpod_pod_");
    take_suffix(id, ".slice");
  } else if (at.parent != "libpod_parent") {
    return false;
  }
  return is_container_id(id) && start(layer, Owner{.runtime = "podman"}, "pod", id);
}

// A bare id below docker/, a pod, ecs/, a scheduler's container or a namespace of containerd; 64 digits are a container
// wherever they stand.
bool bare_container(const PathComponent& at, OwnerLayer& layer) {
  if (at.parent == "buildkit" && (is_container_id(at.name) || is_buildkit_id(at.name))) {
    return enter_container(layer, "buildkit", at.name);
  }
  if (!is_container_id(at.name)) {
    return false;
  }
  constexpr auto kParents = std::to_array<Prefix>({{"docker", "docker"},
                                                   {"moby", "docker"},
                                                   {"k8s.io", "containerd"},
                                                   {"default", "containerd"},
                                                   {"actions_job", "docker"}});
  const auto known = std::ranges::find(kParents, at.parent, &Prefix::text);
  if (known != kParents.end()) {
    return enter_container(layer, known->runtime, at.name);
  }
  const auto& owner = layer.owner;
  if (owner.pod_uid || (owner.runtime == "ecs" && owner.job)) {
    return enter_container(layer, *owner.runtime, at.name);
  }
  if (at.parent.starts_with("container_")) {
    return enter_container(layer, "docker", at.name);  // YARN's docker containers
  }
  constexpr std::size_t kWhole = 64;
  return at.name.size() == kWhole && enter_container(layer, "container", at.name);
}

// lxc.payload.NAME, lxc.payload/NAME, lxc/NAME (Proxmox: the container's number); LXD and Incus write PROJECT_NAME
// outside of their default project.
bool lxc_container(const PathComponent& at, OwnerLayer& layer) {
  auto name = at.name;
  std::string_view kind = at.parent == "lxc.monitor" ? "monitor" : "container";
  if (take_prefix(name, "lxc.monitor.")) {
    kind = "monitor";
  } else if (!take_prefix(name, "lxc.payload.") && at.parent != "lxc" && at.parent != "lxc.payload" &&
             at.parent != "lxc.monitor") {
    return false;
  }
  return !name.empty() && start(layer, Owner{.runtime = "lxc", .container_id = std::string(name)}, kind, name);
}

// What machined calls NAME: "qemu-1-NAME" and "lxc-1-NAME" are libvirt's, the name without its number then.
std::string_view machined_name(std::string_view name, std::string_view& runtime, std::string_view& kind) {
  const bool qemu = take_prefix(name, "qemu-");
  kind = qemu ? "machine" : "container";
  if (!qemu && !take_prefix(name, "lxc-")) {
    runtime = "systemd-nspawn";
    return name;
  }
  const auto number = std::min(name.find_first_not_of("0123456789"), name.size());
  return number > 0 && name.substr(number).starts_with('-') ? name.substr(number + 1) : name;
}

// machine-qemu\x2d1\x2dNAME.scope (libvirt), machine-NAME.scope and systemd-nspawn@NAME.service, /machine/NAME.libvirt-
// qemu and /libvirt/qemu/NAME of old libvirt; qemu.slice/NUMBER.scope of Proxmox.
bool machine(const PathComponent& at, OwnerLayer& layer) {
  const auto unit = unescape_unit(at.name);
  std::string_view name = unit;
  std::string_view runtime = "libvirt", kind = "machine";
  if (at.parent == "qemu.slice" && take_suffix(name, ".scope") && is_number(name)) {
    runtime = "proxmox";
  } else if ((at.parent == "qemu" && layer.owner.runtime == "libvirt") || take_suffix(name, ".libvirt-qemu")) {
    kind = "machine";  // whatever its name begins with
  } else if (take_suffix(name, ".libvirt-lxc")) {
    kind = "container";
  } else if (take_prefix(name, "systemd-nspawn@") && take_suffix(name, ".service")) {
    runtime = "systemd-nspawn";
    kind = "container";
  } else if (take_prefix(name, "machine-") && take_suffix(name, ".scope")) {
    name = machined_name(name, runtime, kind);
  } else {
    return false;
  }
  return !name.empty() &&
         start(layer, Owner{.runtime = std::string(runtime), .container_id = std::string(name), .unit = unit}, kind,
               std::string(name));
}

bool libvirt_root(const PathComponent& at, OwnerLayer& layer) {
  return at.name == "libvirt" && at.parent.empty() && start(layer, Owner{.runtime = "libvirt"}, "group", "libvirt");
}

// slurm*/uid_N/job_N/step_S/[user/]task_N; below slurmstepd.scope with cgroup v2. The job is written as sacct does:
// 123.batch.
bool slurm(const PathComponent& at, OwnerLayer& layer) {
  const auto& name = at.name;
  auto& owner = layer.owner;
  if (name == "slurm" || name.starts_with("slurm_") || name.ends_with("slurmstepd.scope")) {
    return start(layer, Owner{.runtime = "slurm"}, "group", name);
  }
  if (owner.runtime != "slurm") {
    return false;
  }
  auto number = name;
  if (take_prefix(number, "uid_")) {
    owner.user = number;
    return become(layer, "user", number);
  }
  if (take_prefix(number, "job_")) {
    owner.job = number;
    return become(layer, "job", number);
  }
  if (take_prefix(number, "step_") && owner.job) {
    *owner.job += fmt::format(".{}", number);
    return become(layer, "step", number);
  }
  if (take_prefix(number, "task_") && owner.job) {
    *owner.job += fmt::format(" task {}", number);
    return become(layer, "task", number);
  }
  return false;
}

// /htcondor/condor_var_lib_condor_execute_slot1_2@HOST.
bool htcondor(const PathComponent& at, OwnerLayer& layer) {
  if (!at.name.starts_with("condor_") || (at.parent != "htcondor" && !at.name.contains("slot"))) {
    return false;
  }
  const auto slot = at.name.find("slot");
  const auto id = slot == std::string_view::npos ? at.name : at.name.substr(slot);
  return start(layer, Owner{.runtime = "htcondor", .job = std::string(id)}, "job", id);
}

// container_[eEPOCH_]CLUSTERTIME_APP_ATTEMPT_CONTAINER belongs to application_CLUSTERTIME_APP.
bool yarn(const PathComponent& at, OwnerLayer& layer) {
  auto rest = at.name;
  if (!take_prefix(rest, "container_") || (at.parent != "hadoop-yarn" && at.parent != "yarn")) {
    return false;
  }
  if (rest.starts_with('e') && rest.contains('_')) {
    rest.remove_prefix(rest.find('_') + 1);
  }
  const auto second = rest.find('_', std::min(rest.find('_') + 1, rest.size()));
  return start(layer,
               Owner{.runtime = "yarn",
                     .container_id = std::string(at.name),
                     .job = fmt::format("application_{}", rest.substr(0, second))},
               "container", at.name);
}

// nomad/[reserved/]ALLOC.TASK and nomad.slice/[share.slice/]ALLOC.TASK.scope.
bool nomad(const PathComponent& at, OwnerLayer& layer) {
  auto name = at.name;
  constexpr std::size_t kUuid = 36;
  take_suffix(name, ".scope");
  if (name.size() <= kUuid + 1 || name[kUuid] != '.' || !is_uuid(name.substr(0, kUuid))) {
    return false;
  }
  const auto job = fmt::format("{}/{}", name.substr(0, kUuid), name.substr(kUuid + 1));
  return start(layer, Owner{.runtime = "nomad", .job = job}, "task", name.substr(kUuid + 1));
}

// garden/[good/|bad/]HANDLE of Cloud Foundry: containers above their CPU entitlement are in "bad".
bool garden(const PathComponent& at, OwnerLayer& layer) {
  if (at.name == "garden") {
    return start(layer, Owner{.runtime = "garden"}, "group", "garden");
  }
  if (layer.owner.runtime != "garden" || layer.owner.container_id || at.name == "good" || at.name == "bad") {
    return false;
  }
  return enter_container(layer, "garden", at.name);
}

// /ecs/[CLUSTER/]TASK/CONTAINER and ecstasks.slice/ecstasks-TASK.slice; Fargate's containers are TASK-NUMBER.
bool ecs(const PathComponent& at, OwnerLayer& layer) {
  auto name = at.name;
  auto& owner = layer.owner;
  if (name == "ecs" && at.parent.empty()) {
    return start(layer, Owner{.runtime = "ecs"}, "group", "ecs");
  }
  if ((take_prefix(name, "ecstasks-") || take_prefix(name, "ECSTasks-")) && take_suffix(name, ".slice")) {
    return start(layer, Owner{.runtime = "ecs", .job = std::string(name)}, "task", name);
  }
  constexpr std::size_t kTask = 32;
  if (owner.runtime != "ecs" || owner.container_id) {
    return false;
  }
  if (!owner.job && (is_uuid(name) || (name.size() == kTask && std::ranges::all_of(name, is_hex)))) {
    owner.job = name;
    return become(layer, "task", name);
  }
  return owner.job && name.starts_with(*owner.job + "-") && enter_container(layer, "ecs", name);
}

// /pbs_jobs.service/jobid/NUMBER.SERVER of PBS Pro.
bool pbs(const PathComponent& at, OwnerLayer& layer) {
  return at.parent == "jobid" && start(layer, Owner{.runtime = "pbs", .job = std::string(at.name)}, "job", at.name);
}

// Applications that systemd starts for a user session: snap.NAME.APP[-UUID|.NUMBER].scope, app-flatpak-ID-PID.scope,
// and app[-LAUNCHER]-ID[@RANDOM].service, app[-LAUNCHER]-ID-RANDOM.scope of the desktops.
bool application(const PathComponent& at, OwnerLayer& layer) {
  auto raw = at.name;
  const bool scope = take_suffix(raw, ".scope");
  if (!scope && !take_suffix(raw, ".service")) {
    return false;
  }
  auto& owner = layer.owner;
  const auto unit = unescape_unit(at.name);
  const auto begin = [&](std::string_view runtime, const std::string& id) {
    return start(layer, Owner{.runtime = std::string(runtime), .unit = unit, .job = id}, "application", id);
  };
  if (take_prefix(raw, "snap.")) {
    return begin("snap", unescape_unit(raw.substr(0, raw.find('.'))));
  }
  if (take_prefix(raw, "app-flatpak-") || take_prefix(raw, "flatpak-")) {
    return begin("flatpak", unescape_unit(raw.substr(0, raw.rfind('-'))));
  }
  if (!take_prefix(raw, "app-")) {
    return false;
  }
  // A dash within the application's id is escaped, so that the others part launcher, id and random.
  raw = raw.substr(0, scope ? raw.rfind('-') : raw.find('@'));
  const auto launcher = raw.rfind('-');
  const auto id = unescape_unit(launcher == std::string_view::npos ? raw : raw.substr(launcher + 1));
  owner.runtime = "systemd";
  owner.unit = unit;
  return become(layer, "application", id);
}

std::string_view kind_of_unit(std::string_view unit) {
  return unit.ends_with(".slice") ? "slice" : unit.ends_with(".service") ? "service" : "unit";
}

bool systemd_unit(const PathComponent& at, OwnerLayer& layer) {
  constexpr auto kSuffixes =
      std::to_array<std::string_view>({".service", ".scope", ".slice", ".socket", ".mount", ".swap"});
  const bool unit = std::ranges::any_of(
      kSuffixes, [&](std::string_view suffix) { return at.name.ends_with(suffix) && at.name.size() > suffix.size(); });
  if (!unit) {
    return false;
  }
  auto& owner = layer.owner;
  // Inside a container the units are the container's; outside they say who manages the group.
  if (!owner.runtime) {
    owner.runtime = "systemd";
  }
  owner.unit = unescape_unit(at.name);
  std::string_view name = at.name;
  if (take_prefix(name, "user@") && take_suffix(name, ".service")) {
    owner.user = name;
    return become(layer, "user_manager", name);
  }
  name = at.name;
  if (take_prefix(name, "user-") && take_suffix(name, ".slice") && is_number(name)) {
    owner.user = name;
    return become(layer, "user", name);
  }
  name = at.name;
  if (take_prefix(name, "session-") && take_suffix(name, ".scope")) {
    return become(layer, "session", name);
  }
  return become(layer, kind_of_unit(at.name), *owner.unit);
}

constexpr auto kRecognisers = std::to_array<Recognise>(
    {own_run, prefixed_container, unresolved_container, kubernetes_level, podman_pod, bare_container, lxc_container,
     machine, libvirt_root, slurm, htcondor, yarn, nomad, garden, ecs, pbs, application, systemd_unit});

}  // namespace

bool is_container_id(std::string_view text) {
  return (text.size() == 64 || text.size() == 32 || text.size() == 12) && std::ranges::all_of(text, is_hex);
}

std::optional<OwnerLayer> recognise_level(const PathComponent& at, const Owner& outer) {
  for (const auto recognise : kRecognisers) {
    OwnerLayer layer{.owner = outer, .kind = {}, .id = {}};
    if (recognise(at, layer)) {
      return layer;
    }
  }
  return std::nullopt;
}

}  // namespace forensics
