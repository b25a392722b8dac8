// Each region of an address space in turn: it is there when it is defined, and takes memory where it is touched.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>

#include <fmt/format.h>

#include "base/fd.h"
#include "stress/drive.h"
#include "stress/populate.h"
#include "stress/process_memory.h"

namespace stress::workloads {
namespace {

constexpr std::size_t kGlobal = 2U << 20;
constexpr std::size_t kLocal = 1U << 20;
constexpr std::size_t kFirstPages = 20;

constexpr std::array kParameters{
    Parameter{"hold", ParameterKind::duration, "50ms", "between the steps"},
};

// NOLINTNEXTLINE(cppcoreguidelines-avoid-non-const-global-variables): a region of the experiment
alignas(4096) std::array<char, kGlobal> global_array;

class Steps {
 public:
  explicit Steps(const Context& context) : context_(context) {}
  // What the address space and the memory in it are now. smaps_rollup counts to the page, status in batches.
  void note(std::string_view region, std::string_view what) const {
    const auto step = fmt::format("{} {}", region, what);
    note_memory(context_, step, {"VmSize", "VmData", "VmStk", "Rss", "Anonymous"});
    hold(context_.parameters.seconds("hold"));
  }
  // The first 20 pages and the last one, written.
  static void touch(char* begin, std::size_t length) {
    auto* bytes = static_cast<volatile char*>(begin);
    for (std::size_t page = 0; page < kFirstPages; ++page) {
      bytes[page * page_size()] = 1;
    }
    bytes[length - 1] = 1;
  }
  void define_and_touch(std::string_view region, char* begin, std::size_t length) const {
    note(region, "defined");
    touch(begin, length);
    note(region, "touched");
  }

 private:
  const Context& context_;
};

// A frame of its own with a large array in it.
[[gnu::noinline]] void in_a_function(const Steps& steps) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): touching it is the experiment
  alignas(4096) std::array<char, kLocal> array;
  steps.define_and_touch("array in a function", array.data(), array.size());
}

base::Result<> map_and_touch(const Steps& steps, std::string_view region, int flags, int fd) {
  void* mapped = ::mmap(nullptr, kLocal, PROT_READ | PROT_WRITE, MAP_PRIVATE | flags, fd, 0);
  if (mapped == MAP_FAILED) {
    return base::system_error("mmap");
  }
  steps.define_and_touch(region, static_cast<char*>(mapped), kLocal);
  if (::munmap(mapped, kLocal) != 0) {
    return base::system_error("munmap");
  }
  return {};
}

[[gnu::noinline]] void with_local_array(const Steps& steps) {
  alignas(4096) std::array<char, kLocal> array;  // NOLINT(cppcoreguidelines-pro-type-member-init): as above
  steps.define_and_touch("local array", array.data(), array.size());
  in_a_function(steps);
  steps.note("array in a function", "returned");
}

base::Result<> run_regions(Context& context) {
  const Steps steps(context);
  steps.note("program", "started");
  Steps::touch(global_array.data(), global_array.size());
  steps.note("global array", "touched");
  with_local_array(steps);
  {
    const std::unique_ptr<char, decltype(&std::free)> block(static_cast<char*>(std::malloc(kLocal)), &std::free);
    if (!block) {
      return base::system_error("malloc");
    }
    steps.define_and_touch("malloc", block.get(), kLocal);
  }
  const base::Fd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));  // a file of more than 1 MiB that is there
  if (!file) {
    return base::system_error("/proc/self/exe");
  }
  TRY(map_and_touch(steps, "private file mapping", 0, file.get()));
  TRY(map_and_touch(steps, "mapping without reserve", MAP_ANONYMOUS | MAP_NORESERVE, -1));
  steps.note("program", "end");
  return {};
}

}  // namespace

extern const Workload regions;
constinit const Workload regions{
    .summary = "defines one region of memory after the other, then touches 21 pages of each",
    .group = Group::process,
    .counter = "anon",
    .seen =
        "VmSize grows when a region is defined, Rss and Anonymous only by the 21 pages that are touched (of a private "
        "file mapping, too: they are copied); the stack stays grown after the function has returned",
    .source = "proc(5), mmap(2); mm/memory.c, do_anonymous_page() and do_cow_fault()",
    .example = "oomlab stress regions --memory-max 64M",
    .parameters = kParameters,
    .run = run_regions,
};

}  // namespace stress::workloads
