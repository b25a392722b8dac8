// A file copied through two mappings: the same page cache, and now in this process's RSS.
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <memory>

#include "stress/drive.h"
#include "stress/process_memory.h"
#include "stress/scratch_file.h"

namespace stress::workloads {
namespace {

constexpr std::array kOwn{
    Parameter{"size", ParameterKind::size, "16M", "of the file"},
    Parameter{"hold", ParameterKind::hold, "200ms", "when it is copied"},
};
constexpr auto kParameters = join(kOwn, kFolder);

struct Unmap {
  std::uint64_t length;
  void operator()(void* mapped) const { (void)::munmap(mapped, length); }
};
using Mapping = std::unique_ptr<void, Unmap>;

base::Result<Mapping> map(const base::Fd& file, std::uint64_t size, int protection) {
  void* mapped = ::mmap(nullptr, size, protection, MAP_SHARED, file.get(), 0);
  if (mapped == MAP_FAILED) {
    return base::system_error("mmap");
  }
  return Mapping(mapped, Unmap{size});
}

base::Result<> run_copy_mmap(Context& context) {
  const auto size = context.parameters.size("size");
  TRY_ASSIGN(const auto source, create_scratch_file(context.parameters, size));
  TRY_ASSIGN(const auto target, create_scratch_file(context.parameters));
  if (::ftruncate(target.get(), static_cast<off_t>(size)) != 0) {
    return base::system_error("ftruncate");
  }
  note_counters(context, "start", {"file", "file_mapped"});
  note_memory(context, "start", {"VmSize", "RssFile"});
  TRY_ASSIGN(const auto from, map(source, size, PROT_READ));
  TRY_ASSIGN(const auto to, map(target, size, PROT_READ | PROT_WRITE));
  note_memory(context, "mapped", {"VmSize", "RssFile"});
  std::memcpy(to.get(), from.get(), size);
  note_counters(context, "copied", {"file", "file_mapped"});
  note_memory(context, "copied", {"VmSize", "RssFile"});
  hold(context.parameters.seconds("hold"));
  return {};
}

}  // namespace

extern const Workload copy_mmap;
constinit const Workload copy_mmap{
    .summary = "copies a file through two mappings",
    .group = Group::process,
    .counter = "file",
    .seen =
        "file grows by both files, as with copy-readwrite; VmSize by two file mappings, RssFile and file_mapped with "
        "what is copied",
    .needs = kDiskWords,
    .needed = kNeedsDisk,
    .source = "mmap(2); to be compared with copy-readwrite",
    .example = "oomlab stress copy-mmap --memory-max 64M",
    .parameters = kParameters,
    .probe = probe_disk,
    .run = run_copy_mmap,
};

}  // namespace stress::workloads
