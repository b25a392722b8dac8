// A file on a tmpfs: memory that no process's RSS shows. The tmpfs is a private one, so nothing of it stays after the
// kill.
#include <fcntl.h>

#include <fmt/format.h>

#include "base/escape.h"
#include "stress/drive.h"
#include "stress/file_pool.h"
#include "stress/namespaces.h"

namespace stress::workloads {
namespace {

constexpr std::array kOwn{
    Parameter{"folder", ParameterKind::text, "/tmp",
              "where the private tmpfs is mounted, over what is there (seen by this process only)"},
};
constexpr auto kParameters = join(kFileGrowth, kOwn);

base::Result<> run_tmpfs(Context& context) {
  const auto folder = context.parameters.text("folder");
  TRY(enter_private_mounts());
  TRY(mount_private_tmpfs(folder));
  const auto path = fmt::format("{}/oomlab-fill", folder);
  base::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) {
    return base::system_error(base::escape_terminal(path));
  }
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
