// A file on a tmpfs: memory that no process's RSS shows. The tmpfs is a private one, so nothing of it stays after the
// kill.
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/escape.h"
#include "stress/drive.h"
#include "stress/file_pool.h"
#include "stress/namespaces.h"

namespace stress::workloads {
namespace {

constexpr std::array kOwn{
    Parameter{
        "folder", ParameterKind::text, "/tmp",
        "where the private tmpfs is mounted, over what is there (seen by this process only); in a container, which "
        "may not mount, a tmpfs that is there already"},
};
constexpr auto kParameters = join(kFileGrowth, kOwn);

bool is_tmpfs(const std::string& folder) {
  struct statfs status{};
  return ::statfs(folder.c_str(), &status) == 0 && status.f_type == TMPFS_MAGIC;
}

// A container may not mount anything; where a tmpfs is in the folder, that one will do.
base::Result<> make_tmpfs(const std::string& folder) {
  auto entered = enter_private_mounts();
  if (!entered && entered.error().kind == base::ErrorKind::permission && is_tmpfs(folder)) {
    return {};
  }
  TRY(std::move(entered));
  return mount_private_tmpfs(folder);
}

base::Result<> run_tmpfs(Context& context) {
  const auto folder = context.parameters.text("folder");
  TRY(make_tmpfs(folder));
  const auto path = fmt::format("{}/oomlab-fill", folder);
  base::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) {
    return base::system_error(base::escape_terminal(path));
  }
  (void)::unlink(path.c_str());  // gone with us, whoever else sees the folder
  FilePool pool(std::move(file), context.parameters, FilePool::Backing::memory);
  return drive(context, pool, "shmem");
}

}  // namespace

extern const Workload tmpfs;
constinit const Workload tmpfs{
    .summary = "fills a file on a tmpfs: memory that no process's RSS shows",
    .group = Group::kernel,
    .counter = "shmem",
    .seen = "shmem fills the limit while the victim's RSS stays small",
    .needs = "root, or user namespaces, for a private mount",
    .source = "tmpfs(5), Documentation/filesystems/tmpfs.rst",
    .example = "oomlab stress tmpfs --memory-max 64M",
    .parameters = kParameters,
    .run = run_tmpfs,
};

}  // namespace stress::workloads
