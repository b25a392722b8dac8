// A file copied by read(2) and write(2): the page cache of both is charged, and in no RSS.
#include <unistd.h>

#include <vector>

#include "base/file.h"
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

base::Result<> run_copy_readwrite(Context& context) {
  const auto size = context.parameters.size("size");
  TRY_ASSIGN(const auto source, create_scratch_file(context.parameters, size));
  TRY_ASSIGN(const auto target, create_scratch_file(context.parameters));
  note_counters(context, "start", {"file", "file_mapped"});
  note_memory(context, "start", {"VmSize", "RssFile"});
  std::vector<char> buffer(std::size_t{64} << 10);
  for (std::uint64_t done = 0; done < size;) {
    const ssize_t got = ::pread(source.get(), buffer.data(), buffer.size(), static_cast<off_t>(done));
    if (got <= 0) {
      return base::system_error("read");
    }
    TRY(base::write_all(target.get(), {buffer.data(), static_cast<std::size_t>(got)}));
    done += static_cast<std::uint64_t>(got);
  }
  note_counters(context, "copied", {"file", "file_mapped"});
  note_memory(context, "copied", {"VmSize", "RssFile"});
  hold(context.parameters.seconds("hold"));
  return {};
}

}  // namespace

extern const Workload copy_readwrite;
constinit const Workload copy_readwrite{
    .summary = "copies a file by read and write",
    .group = Group::process,
    .counter = "file",
    .seen = "file grows by both files, RssFile and file_mapped do not",
    .needs = kDiskWords,
    .needed = kNeedsDisk,
    .source = "read(2), write(2); to be compared with copy-mmap",
    .example = "oomlab stress copy-readwrite --memory-max 64M",
    .parameters = kParameters,
    .probe = probe_disk,
    .run = run_copy_readwrite,
};

}  // namespace stress::workloads
