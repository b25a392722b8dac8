#include "stress/namespaces.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/escape.h"
#include "base/fd.h"
#include "base/file.h"

namespace stress {
namespace {

// The namespace; where this user may not, in a user namespace in which he is root.
base::Result<> enter(int kind, std::string_view what) {
  if (::unshare(kind) == 0) {
    return {};
  }
  const unsigned uid = ::geteuid();
  const unsigned gid = ::getegid();
  if (::unshare(CLONE_NEWUSER | kind) != 0) {
    auto error = base::system_error(fmt::format("{} (unshare)", what));
    error.error().kind = base::ErrorKind::permission;
    error.error().remedy = "as root, or where users may have namespaces (user.max_user_namespaces); or --backend vm";
    return error;
  }
  for (const auto& [file, text] : {std::pair<const char*, std::string>{"/proc/self/setgroups", "deny"},
                                   {"/proc/self/uid_map", fmt::format("0 {} 1", uid)},
                                   {"/proc/self/gid_map", fmt::format("0 {} 1", gid)}}) {
    const base::Fd fd(::open(file, O_WRONLY | O_CLOEXEC));
    if (!fd) {
      return base::system_error(file);
    }
    TRY(base::write_all(fd.get(), text));
  }
  return {};
}

}  // namespace

base::Result<> enter_private_mounts() {
  TRY(enter(CLONE_NEWNS, "a mount namespace"));
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return base::system_error("making the mounts private");
  }
  return {};
}

base::Result<> enter_private_ipc() {
  return enter(CLONE_NEWIPC, "an IPC namespace");
}

base::Result<> mount_private_tmpfs(const std::string& folder) {
  // size=0: no limit of its own, the cgroup's is the one to be hit. Huge pages would blur the level.
  if (::mount("oomlab", folder.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=0,huge=never") != 0 &&
      ::mount("oomlab", folder.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=0") != 0) {
    return base::system_error(fmt::format("mounting a tmpfs on {}", base::escape_terminal(folder)));
  }
  return {};
}

}  // namespace stress
