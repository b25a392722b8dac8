// A file of memfd_create(2): shared memory without a name anywhere.
#include <sys/mman.h>

#include "stress/drive.h"
#include "stress/file_pool.h"

namespace stress::workloads {
namespace {

base::Result<> run_memfd_fill(Context& context) {
  base::Fd file(::memfd_create("oomlab-fill", MFD_CLOEXEC));
  if (!file) {
    return base::system_error("memfd_create");
  }
  FilePool pool(std::move(file), context.parameters, FilePool::Backing::memory);
  return drive(context, pool, "shmem");
}

}  // namespace

extern const Workload memfd_fill;
constinit const Workload memfd_fill{
    .summary = "fills a memfd: shared memory that neither RSS nor a file system shows",
    .group = Group::misbehaviour,
    .counter = "shmem",
    .kind = "shmem",
    .seen = "shmem fills the limit; the victim's RSS stays small, as nothing is mapped",
    .source = "memfd_create(2); buffers of browsers, compositors and runtimes",
    .example = "oomlab stress memfd-fill --memory-max 64M",
    .parameters = kFileGrowth,
    .run = run_memfd_fill,
};

}  // namespace stress::workloads
