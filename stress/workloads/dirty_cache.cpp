// Page cache that is not on the disk yet.
#include "stress/drive.h"
#include "stress/file_pool.h"
#include "stress/process_memory.h"
#include "stress/scratch_file.h"

namespace stress::workloads {
namespace {

constexpr auto kParameters = join(kFileGrowth, kFolder);

base::Result<> run_dirty_cache(Context& context) {
  TRY_ASSIGN(auto file, create_scratch_file(context.parameters));
  FilePool pool(std::move(file), context.parameters, FilePool::Backing::disk);
  note_counters(context, "start", {"file", "file_dirty", "file_writeback"});
  TRY(drive(context, pool, "file_dirty"));
  note_counters(context, "written", {"file", "file_dirty", "file_writeback"});
  return {};
}

}  // namespace

extern const Workload dirty_cache;
constinit const Workload dirty_cache{
    .summary = "writes to a file without sync: page cache that has to be written back before it can be reclaimed",
    .group = Group::misbehaviour,
    .counter = "file_dirty",
    .kind = "dirty",
    .seen =
        "file_dirty follows the writing up to vm.dirty_background_ratio of what the cgroup may cache, then "
        "file_writeback",
    .needs = kDiskWords,
    .needed = kNeedsDisk,
    .source = "Documentation/admin-guide/sysctl/vm.rst, dirty_ratio; mm/page-writeback.c, the domain of a memcg",
    .example = "oomlab stress dirty-cache --memory-max 256M --size 16M",
    .parameters = kParameters,
    .probe = probe_disk,
    .run = run_dirty_cache,
};

}  // namespace stress::workloads
