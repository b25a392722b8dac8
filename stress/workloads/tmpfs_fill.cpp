// What makes tmpfs hard to find: the files stay when their writer has gone, and are charged to who touched them first.
// The writer is a child; when it has written and ended, nobody's RSS holds anything, and the level stays.
#include <fcntl.h>

#include <fmt/format.h>

#include "base/escape.h"
#include "stress/child.h"
#include "stress/drive.h"
#include "stress/file_pool.h"
#include "stress/namespaces.h"
#include "stress/process_memory.h"

namespace stress::workloads {
namespace {

constexpr std::array kOwn{
    Parameter{"folder", ParameterKind::text, "/tmp",
              "where the private tmpfs is mounted, over what is there (seen by this process only)"},
};
constexpr auto kParameters = join(kFileGrowth, kOwn);

// The writer's life; its exit status says what went wrong, as it cannot say it otherwise.
int write_file(Context& context, const std::string& path) {
  base::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!file) {
    return 2;
  }
  FilePool pool(std::move(file), context.parameters, FilePool::Backing::memory);
  return drive(context, pool, "shmem") ? 0 : 3;
}

base::Result<> run_tmpfs_fill(Context& context) {
  const auto folder = context.parameters.text("folder");
  TRY(enter_private_mounts());
  TRY(mount_private_tmpfs(folder));
  const auto path = fmt::format("{}/oomlab-fill", folder);
  note_counters(context, "before", {"shmem", "anon"});
  TRY_ASSIGN(auto writer, Child::start([&] { return write_file(context, path); }));
  const auto status = writer.wait();
  note_counters(context, "writer gone", {"shmem", "anon"});
  end_like(status);
  if (status.exit_code == 3) {
    return base::fail(base::ErrorKind::syscall, "the writer could not fill the file");
  }
  if (status.exit_code != 0) {
    return base::fail(base::ErrorKind::syscall,
                      fmt::format("the writer could not make {}", base::escape_terminal(path)));
  }
  if (::unlink(path.c_str()) == 0) {
    note_counters(context, "file removed", {"shmem", "anon"});
  }
  return {};
}

}  // namespace

extern const Workload tmpfs_fill;
constinit const Workload tmpfs_fill{
    .summary = "a child fills a file on a tmpfs and ends: the memory stays, charged, and no process holds it",
    .group = Group::misbehaviour,
    .counter = "shmem",
    .seen = "shmem stays when the writer is gone, and falls only when the file is removed",
    .needs = "root, or user namespaces, for a private mount",
    .source = "kubernetes#128339, moby#47967; Documentation/filesystems/tmpfs.rst",
    .example = "oomlab stress tmpfs-fill --memory-max 64M --size 32M",
    .parameters = kParameters,
    .run = run_tmpfs_fill,
};

}  // namespace stress::workloads
