// The heap as sbrk(2) makes it, without an allocator in between.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "stress/drive.h"
#include "stress/growth.h"
#include "stress/populate.h"
#include "stress/process_memory.h"

namespace stress::workloads {
namespace {

bool move_break(std::intptr_t by) {
  return reinterpret_cast<std::intptr_t>(::sbrk(by)) != -1;  // (void*)-1 is how sbrk(2) fails
}

class BrkPool : public Pool {
 public:
  [[nodiscard]] std::uint64_t unit() const override { return page_size(); }

 protected:
  base::Result<> add(std::uint64_t bytes) override {
    auto* begin = static_cast<std::byte*>(::sbrk(0));
    const auto skip =
        round_up(reinterpret_cast<std::uintptr_t>(begin), page_size()) - reinterpret_cast<std::uintptr_t>(begin);
    // malloc(3) uses the break as well, and copes with others who do.
    if (!move_break(static_cast<std::intptr_t>(skip + bytes))) {
      return base::system_error("sbrk");
    }
    begin += skip;
    (void)::madvise(begin, bytes, MADV_NOHUGEPAGE);  // EINVAL where there are none
    TRY(populate(begin, bytes));
    pieces_.push_back({begin, bytes});
    return {};
  }

  base::Result<> remove(std::uint64_t bytes) override {
    while (bytes > 0) {
      auto& [begin, length] = pieces_.back();
      const auto part = std::min(bytes, length);
      length -= part;
      // Back to the kernel if nobody has moved the break since; else only what is in it.
      const bool is_top = ::sbrk(0) == begin + length + part;
      if (!is_top || !move_break(-static_cast<std::intptr_t>(part))) {
        (void)::madvise(begin + length, part, MADV_DONTNEED);  // cannot fail for memory of ours
      }
      bytes -= part;
      if (length == 0) {
        pieces_.pop_back();
      }
    }
    return {};
  }

 private:
  struct Piece {
    std::byte* begin;
    std::uint64_t length;
  };
  std::vector<Piece> pieces_;
};

base::Result<> run_brk(Context& context) {
  note_memory(context, "start", {"VmData", "VmRSS"});
  BrkPool pool;
  TRY(drive(context, pool, "anon"));
  note_memory(context, "end", {"VmData", "VmRSS"});
  return {};
}

}  // namespace

extern const Workload brk;
constinit const Workload brk{
    .summary = "fills by raising the program break, as the heap of a small program grows",
    .group = Group::kernel,
    .counter = "anon",
    .seen = "VmData and anon rise together",
    .source = "brk(2)",
    .example = "oomlab stress brk --memory-max 64M",
    .parameters = kGrowth,
    .run = run_brk,
};

}  // namespace stress::workloads
