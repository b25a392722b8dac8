#include "cgroup/facts.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "base/file.h"
#include "base/scanner.h"

namespace cgroup {
namespace {

namespace fs = std::filesystem;

bool is_there(const fs::path& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

bool may_write(const fs::path& path, int also = 0) {
  return ::faccessat(AT_FDCWD, path.c_str(), W_OK | also, AT_EACCESS) == 0;
}

std::vector<std::string> words_of(const fs::path& file) {
  std::vector<std::string> words;
  if (const auto text = base::read_all(file)) {
    base::Scanner scanner(*text);
    for (auto word = scanner.word(); word; scanner.skip_blanks(), word = scanner.word()) {
      words.emplace_back(*word);
    }
  }
  return words;
}

// The parent in "1234 (any bytes) S 1 ...": the name may hold blanks and brackets, so what counts is behind the last
// one.
pid_t parent_of(pid_t pid) {
  const auto text = base::read_all(fmt::format("/proc/{}/stat", pid));
  const auto bracket = text ? text->rfind(')') : std::string::npos;
  if (bracket == std::string::npos || bracket + 4 >= text->size()) {
    return 0;
  }
  return base::Scanner(std::string_view(*text).substr(bracket + 4)).number<pid_t>().value_or(0);
}

// systemd's mark on a cgroup with Delegate=yes (systemd.exec(5) does not name it; CGROUP_DELEGATION.md does).
bool is_marked_delegated(const fs::path& folder) {
  return std::ranges::any_of(std::initializer_list<const char*>{"user.delegate", "trusted.delegate"},
                             [&](const char* name) {
                               char value[8] = {};
                               return ::getxattr(folder.c_str(), name, value, sizeof value) == 1 && value[0] == '1';
                             });
}

bool in_path(std::string_view program) {
  const char* const path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "";
  while (!rest.empty()) {
    const auto end = std::min(rest.find(':'), rest.size());
    if (end != 0 && ::access(fmt::format("{}/{}", rest.substr(0, end), program).c_str(), X_OK) == 0) {
      return true;
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return false;
}

// The folder of the user's manager: XDG_RUNTIME_DIR when it is this user's, else where pam_systemd puts it.
void find_user_manager(Facts& facts) {
  const char* const set = std::getenv("XDG_RUNTIME_DIR");
  const fs::path usual = fmt::format("/run/user/{}", facts.uid);
  for (const fs::path& folder : {fs::path(set != nullptr ? set : ""), usual}) {
    struct stat status{};
    if (folder.empty() || ::stat(folder.c_str(), &status) != 0 || status.st_uid != facts.uid) {
      continue;  // e.g. kept by sudo from the user before
    }
    if (is_there(folder / "bus") || is_there(folder / "systemd/private")) {
      facts.runtime_dir = folder;
      facts.runtime_dir_set = set != nullptr && folder == set;
      return;
    }
  }
}

}  // namespace

std::vector<pid_t> self_and_ancestors() {
  std::vector<pid_t> line;
  for (pid_t pid = ::getpid(); pid > 0 && line.size() < 1000; pid = parent_of(pid)) {
    line.push_back(pid);
  }
  return line;
}

std::vector<pid_t> processes_in(const fs::path& folder) {
  std::vector<pid_t> pids;
  if (const auto text = base::read_all(folder / "cgroup.procs")) {
    base::Scanner scanner(*text);
    while (const auto pid = scanner.number<pid_t>()) {
      pids.push_back(*pid);
      (void)scanner.literal("\n");
    }
  }
  return pids;
}

bool Place::is_threaded() const {
  return type.find("threaded") != std::string::npos || type == "domain invalid";
}

bool Place::is_usable() const {
  return !path.empty() && writable && !is_threaded() && std::ranges::find(controllers, "memory") != controllers.end();
}

Place look_at(const fs::path& folder) {
  Place place{.path = folder};
  place.is_root = is_there(folder / "cgroup.procs") && !is_there(folder / "cgroup.events");
  place.writable =
      may_write(folder, X_OK) && may_write(folder / "cgroup.procs") && may_write(folder / "cgroup.subtree_control");
  place.controllers = words_of(folder / "cgroup.controllers");
  if (place.is_root) {
    return place;  // its processes are no obstacle, and on some machines hundreds of kernel threads
  }
  place.delegated = is_marked_delegated(folder);
  for (const auto& word : words_of(folder / "cgroup.type")) {
    place.type += place.type.empty() ? word : " " + word;
  }
  const auto pids = processes_in(folder);
  place.empty = pids.empty();
  const auto ours = pids.empty() ? std::vector<pid_t>{} : self_and_ancestors();
  for (const auto pid : pids) {
    if (std::ranges::find(ours, pid) == ours.end()) {
      place.others.push_back(pid);
    }
  }
  return place;
}

Facts gather_facts(const Hierarchy& hierarchy) {
  Facts facts{.hierarchy = hierarchy, .uid = ::geteuid()};
  if (!hierarchy.own.empty()) {
    facts.own = look_at(hierarchy.own);
    if (facts.own.is_root && facts.own.is_usable()) {
      return facts;
    }
    if (hierarchy.own != hierarchy.mount) {
      facts.above = look_at(hierarchy.own.parent_path());
      if (auto top = look_at(hierarchy.mount); top.is_root) {
        facts.top = std::move(top);
      }
      for (auto at = hierarchy.own; at != hierarchy.mount && at.has_relative_path(); at = at.parent_path()) {
        const auto limit = words_of(at / "memory.max");
        facts.limited = facts.limited || (!limit.empty() && limit[0] != "max");
      }
    }
  }
  facts.systemd = is_there("/run/systemd/system");
  facts.systemd_run = in_path("systemd-run");
  find_user_manager(facts);
  const auto manager =
      hierarchy.mount / fmt::format("user.slice/user-{0}.slice/user@{0}.service/cgroup.controllers", facts.uid);
  if (is_there(manager)) {
    facts.user_controllers = words_of(manager);
  }
  facts.reexecuted = std::getenv(kReexecVariable) != nullptr;
  return facts;
}

}  // namespace cgroup
