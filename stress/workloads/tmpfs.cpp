// Files on a tmpfs: memory that no process's RSS shows, charged to who wrote it first and kept until the files are
// gone. The tmpfs is a private one in a mount namespace of its own, so nothing of it stays after the kill.
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <vector>

#include <fmt/format.h>

#include "base/fd.h"
#include "base/file.h"
#include "stress/fill.h"
#include "stress/workload.h"

namespace stress::workloads {
namespace {

constexpr std::array<Parameter, 5> kParameters{{
    {"size", ParameterKind::size, "", "how much to write; without it: until the kill"},
    {"chunk", ParameterKind::size, "2M", "how much to write in one step, a file each"},
    {"rate", ParameterKind::rate, "", "growth per second (64M, 64M/s); without it: as fast as it goes"},
    {"hold", ParameterKind::text, "0s", "how long to keep it once --size is reached: a duration, or forever"},
    {"folder", ParameterKind::text, "/tmp",
     "where the private tmpfs is mounted, over what is there (seen by this process only)"},
}};

// A mount namespace where only this process sees the mounts; an ordinary user needs a user namespace for it
// (user_namespaces(7)).
base::Result<> private_mounts() {
  if (::unshare(CLONE_NEWNS) == 0) {
    return {};
  }
  const unsigned uid = ::getuid();
  const unsigned gid = ::getgid();
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) {
    return base::system_error("a mount namespace (unshare)");
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

base::Result<> run_tmpfs(Context& context) {
  const auto folder = context.parameters.text("folder");
  TRY(private_mounts());
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return base::system_error("making the mounts private");
  }
  // size=0: no limit of its own, the cgroup's is the one to be hit.
  if (::mount("oomlab", folder.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=0,huge=never") != 0 &&
      ::mount("oomlab", folder.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "size=0") != 0) {
    return base::system_error(fmt::format("mounting a tmpfs on {}", folder));
  }
  const std::vector<char> page(64 << 10, 'x');
  return fill(context, [&](std::uint64_t offset, std::uint64_t length) -> base::Result<> {
    const auto path = fmt::format("{}/oomlab-{}", folder, offset);
    const base::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!file) {
      return base::system_error(path);
    }
    for (std::uint64_t written = 0; written < length; written += page.size()) {
      const auto part = std::min<std::uint64_t>(page.size(), length - written);
      TRY(base::write_all(file.get(), {page.data(), part}));
    }
    return {};
  });
}

}  // namespace

extern const Workload tmpfs;
const Workload tmpfs{
    .summary = "fills a tmpfs with files: memory that no process's RSS shows",
    .counter = "shmem",
    .source = "tmpfs(5), Documentation/filesystems/tmpfs.rst",
    .parameters = kParameters,
    .run = run_tmpfs,
};

}  // namespace stress::workloads
