#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "forensics/document.h"

namespace forensics {

// One component of a cgroup's path with what stands around it.
struct PathComponent {
  std::string_view name;
  std::string_view parent;  // "" at the top
};

// What a component says about its owner: `owner` goes on from what the components before it said.
struct OwnerLayer {
  Owner owner;
  std::string kind;  // as OwnerLevel::kind
  std::string id;
};

// The layer of a component below `outer`, by the naming schemes of runtimes, orchestrators, schedulers and systemd;
// nothing where none of them names it.
std::optional<OwnerLayer> recognise_level(const PathComponent& at, const Owner& outer);

// 64 hexadecimal digits as the runtimes make them (32 for ECS on Fargate, 12 where shortened).
bool is_container_id(std::string_view text);

}  // namespace forensics
