#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "forensics/document.h"

// Whose cgroup is it? Attribution of a cgroup path to what people call it, from the path alone (nothing is asked of any
// runtime).
namespace forensics {

// Every layer that the path's components name, from the outside in: {pod, container}, {LXC container, docker
// container}, {user slice, unit}. A later layer holds what the earlier ones said where it says nothing itself (a
// container knows its pod).
std::vector<Owner> owner_layers(std::string_view cgroup_path);

// The innermost layer with all levels in `nested`, or nothing when no component is recognised.
std::optional<Owner> owner_of(std::string_view cgroup_path);

// Whether the owner's name is what its runtime told of it, and not what its path says.
bool has_told_name(const Owner& owner);

// What people call that cgroup: "docker container ad6c46b55052", "pod 7f1c… (Burstable)", "nginx.service", "cgroup
// /build/job-3". Short enough for a sentence.
std::string cgroup_name(std::string_view cgroup_path);

// Short enough for a sentence: container ids cut to 12 digits, and the ends of a long path with an ellipsis between.
std::string shortened_path(std::string_view cgroup_path);

// systemd's \xNN in unit names undone (systemd.unit(5)).
std::string unescape_unit(std::string_view unit);

}  // namespace forensics
