// A file on a ramfs: page cache without a disk behind it, so that nothing of it can ever be reclaimed. Without a limit
// of memory it fills the machine, and nothing but the end of its mount gives it back.
#include <fcntl.h>
#include <sys/mount.h>

#include <fmt/format.h>

#include "base/escape.h"
#include "stress/drive.h"
#include "stress/file_pool.h"
#include "stress/namespaces.h"

namespace stress::workloads {
namespace {

constexpr std::array kOwn{
    Parameter{"folder", ParameterKind::text, "/tmp",
              "where the private ramfs is mounted, over what is there (seen by this process only)"},
};
constexpr auto kParameters = join(kFileGrowth, kOwn);
constexpr std::array kNeedsGuest{Need::guest};

base::Result<> run_ramfs(Context& context) {
  const auto folder = context.parameters.text("folder");
  TRY(enter_private_mounts());
  if (::mount("oomlab", folder.c_str(), "ramfs", MS_NOSUID | MS_NODEV, nullptr) != 0) {
    auto error = base::system_error(fmt::format("mounting a ramfs at {}", base::escape_terminal(folder)));
    error.error().kind = base::ErrorKind::permission;
    error.error().remedy = "it takes root of the whole machine: --backend vm";
    return error;
  }
  const auto path = fmt::format("{}/oomlab-fill", folder);
  base::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) {
    return base::system_error(base::escape_terminal(path));
  }
  FilePool pool(std::move(file), context.parameters, FilePool::Backing::memory);
  return drive(context, pool, "file");
}

}  // namespace

extern const Workload ramfs;
constinit const Workload ramfs{
    .summary = "fills a file on a ramfs: page cache that can never be reclaimed",
    .group = Group::kernel,
    .counter = "file",
    .seen = "file and unevictable fill the limit, shmem does not; no process's RSS shows it, and swap does not help",
    .needs = "a machine of its own: --backend vm",
    .needed = kNeedsGuest,
    .source = "Documentation/filesystems/ramfs-rootfs-initramfs.rst",
    .example = "oomlab stress ramfs --memory-max 64M --backend vm",
    .parameters = kParameters,
    .run = run_ramfs,
};

}  // namespace stress::workloads
