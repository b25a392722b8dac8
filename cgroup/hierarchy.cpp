#include "cgroup/hierarchy.h"

#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "base/scanner.h"

namespace cgroup {
namespace {

// One line of mountinfo, as far as it matters here.
struct Mount {
  unsigned id = 0, parent = 0;
  std::string root, point;
  std::string_view options, type, super_options;
};

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const auto end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) {
      return parts;
    }
    text.remove_prefix(end + 1);
  }
}

bool has_option(std::string_view options, std::string_view wanted) {
  const auto all = split(options, ',');
  return std::ranges::find(all, wanted) != all.end();
}

// mountinfo writes blank, tab, newline and backslash as \ooo (seq_path in fs/seq_file.c).
std::string unescape_octal(std::string_view text) {
  const auto digit = [&text](std::size_t at) { return text[at] >= '0' && text[at] <= '7'; };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 3 < text.size() && digit(i + 1) && text[i + 1] <= '3' && digit(i + 2) && digit(i + 3)) {
      out += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

// "36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw,errors=continue": any number of optional fields
// before the dash. The source may be empty, which leaves two blanks: hence the split at each one.
std::optional<Mount> parse_mount(std::string_view line) {
  const auto fields = split(line, ' ');
  const auto dash = std::find(fields.begin() + std::min<std::ptrdiff_t>(6, std::ssize(fields)), fields.end(), "-");
  if (fields.end() - dash < 4) {
    return std::nullopt;
  }
  Mount mount{.root = unescape_octal(fields[3]),
              .point = unescape_octal(fields[4]),
              .options = fields[5],
              .type = dash[1],
              .super_options = dash[3]};
  const auto id = base::Scanner(fields[0]).number<unsigned>();
  const auto parent = base::Scanner(fields[1]).number<unsigned>();
  if (!id || !parent) {
    return std::nullopt;
  }
  mount.id = *id;
  mount.parent = *parent;
  return mount;
}

// What is left of path below base ("" for base itself, "/x/y" for what is in it); nothing when it is not inside.
std::optional<std::string_view> path_below(std::string_view path, std::string_view base) {
  if (base == "/") {
    base = "";
    path = path == "/" ? "" : path;
  }
  if (!path.starts_with(base) || (path.size() > base.size() && path[base.size()] != '/')) {
    return std::nullopt;
  }
  const auto rest = path.substr(base.size());
  if (rest.starts_with("/..") && (rest.size() == 3 || rest[3] == '/')) {
    return std::nullopt;
  }
  return rest;
}

// Whether looking up the mount's folder ends in it: no mount on it, and none over a folder above it that the way down
// meets first.
bool reachable(const Mount& mount, const std::vector<Mount>& all) {
  const Mount* below = nullptr;  // the step of the way down that leaves `at`
  const Mount* at = &mount;
  for (std::size_t steps = 0; at != nullptr && steps <= all.size(); ++steps) {
    const bool hidden = std::ranges::any_of(all, [&](const Mount& other) {
      return other.parent == at->id && &other != at && &other != below && path_below(mount.point, other.point) &&
             (below == nullptr || other.point.size() < below->point.size());
    });
    if (hidden) {
      return false;
    }
    below = at;
    const auto up = std::ranges::find(all, at->parent, &Mount::id);
    at = up == all.end() || &*up == at ? nullptr : &*up;
  }
  return true;
}

bool is_read_only(const Mount& mount) {
  return has_option(mount.options, "ro") || has_option(mount.super_options, "ro");
}

// The cgroup2 mount to use: reachable; one that holds our cgroup rather than not, a writable one rather than not, the
// first of equals.
const Mount* pick(const std::vector<Mount>& mounts, std::string_view own_path) {
  const Mount* best = nullptr;
  int best_rank = -1;
  for (const auto& mount : mounts) {
    if (mount.type != "cgroup2" || !reachable(mount, mounts)) {
      continue;
    }
    const int rank = (path_below(own_path, mount.root) ? 2 : 0) + (is_read_only(mount) ? 0 : 1);
    if (rank > best_rank) {
      best = &mount;
      best_rank = rank;
    }
  }
  return best;
}

struct Membership {
  std::string own_path;         // of the line "0::/..."
  bool v1_controllers = false;  // some controller is on a v1 hierarchy
  bool memory_on_v1 = false;
};

// "4:memory:/docker/ad6c\n0::/docker/ad6c\n"; a controller list of "name=systemd" is no controller.
Membership parse_membership(std::string_view self_cgroup) {
  Membership membership;
  for (const auto line : split(self_cgroup, '\n')) {
    base::Scanner scanner(line);
    const auto id = scanner.number<unsigned>();
    const auto controllers = id && scanner.literal(":") ? scanner.until(":") : std::nullopt;
    if (!controllers) {
      continue;
    }
    if (*id == 0 && controllers->empty()) {
      membership.own_path = scanner.rest();
      continue;
    }
    membership.v1_controllers |= !controllers->empty() && !controllers->starts_with("name=");
    membership.memory_on_v1 |= has_option(*controllers, "memory");
  }
  return membership;
}

}  // namespace

Hierarchy find_hierarchy(std::string_view mountinfo, std::string_view self_cgroup) {
  std::vector<Mount> mounts;
  for (const auto line : split(mountinfo, '\n')) {
    if (auto mount = parse_mount(line)) {
      mounts.push_back(*std::move(mount));
    }
  }
  const auto membership = parse_membership(self_cgroup);
  const bool v1_mount = std::ranges::any_of(mounts, [](const Mount& mount) { return mount.type == "cgroup"; });

  Hierarchy found{.own_path = membership.own_path, .memory_on_v1 = membership.memory_on_v1};
  const Mount* const mount = pick(mounts, membership.own_path);
  if (mount == nullptr) {
    found.version = v1_mount || membership.v1_controllers ? Version::v1 : Version::none;
    return found;
  }
  found.version = membership.v1_controllers ? Version::hybrid : Version::v2;
  found.mount = mount->point;
  found.mount_root = mount->root;
  found.read_only = is_read_only(*mount);
  found.nsdelegate = has_option(mount->super_options, "nsdelegate");
  found.memory_localevents = has_option(mount->super_options, "memory_localevents");
  found.memory_recursiveprot = has_option(mount->super_options, "memory_recursiveprot");
  // A cgroup that was removed under our feet keeps its processes' line, with this ending (cgroups(7)).
  const bool removed = membership.own_path.ends_with(" (deleted)");
  const auto below = path_below(membership.own_path, mount->root);
  if (below && !membership.own_path.empty() && !removed) {
    found.own = below->empty() ? found.mount : std::filesystem::path(mount->point + std::string(*below));
    // "/" may be a namespace's root as well as the real one: find_own_hierarchy() looks.
    found.in_namespace = below->empty() && mount->root != "/";
  }
  return found;
}

base::Result<Hierarchy> find_own_hierarchy() {
  TRY_ASSIGN(const auto mountinfo, base::read_all("/proc/self/mountinfo"));
  TRY_ASSIGN(const auto self_cgroup, base::read_all("/proc/self/cgroup"));
  auto found = find_hierarchy(mountinfo, self_cgroup);
  // Every cgroup but the real root has cgroup.events (since 4.2).
  found.in_namespace =
      !found.own.empty() && found.own == found.mount && ::access((found.own / "cgroup.events").c_str(), F_OK) == 0;
  return found;
}

}  // namespace cgroup
