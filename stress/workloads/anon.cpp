// Anonymous memory, page by page: what a leaking program does, as fast as the kernel hands out pages or at a rate.
#include <sys/mman.h>

#include <algorithm>

#include "stress/fill.h"
#include "stress/workload.h"

namespace stress::workloads {
namespace {

// Address space is taken in extents so that a fill without an end needs no size beforehand.
constexpr std::uint64_t kExtent = 256ULL << 20;

base::Result<> run_anon(Context& context) {
  std::uint64_t extent_begin = 0;
  std::uint64_t extent_length = 0;
  unsigned char* extent = nullptr;
  return fill(context, [&](std::uint64_t offset, std::uint64_t length) -> base::Result<> {
    if (extent == nullptr || offset + length > extent_begin + extent_length) {
      extent_length = std::max(kExtent, length);
      void* mapped =
          ::mmap(nullptr, extent_length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (mapped == MAP_FAILED) {
        return base::system_error("mmap");
      }
      // 4 KiB pages, so that the level is exact to the page; huge pages are another workload.
      (void)::madvise(mapped, extent_length, MADV_NOHUGEPAGE);  // EINVAL where the kernel has no huge pages
      extent = static_cast<unsigned char*>(mapped);
      extent_begin = offset;
    }
    return populate(extent + (offset - extent_begin), length);
  });
}

}  // namespace

extern const Workload anon;
const Workload anon{
    .summary = "fills with anonymous pages, as a leaking program does",
    .counter = "anon",
    .source = "MADV_POPULATE_WRITE in chunks, madvise(2)",
    .parameters = fill_parameters(),
    .run = run_anon,
};

}  // namespace stress::workloads
