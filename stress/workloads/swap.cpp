// Swap, to a level: anonymous pages that are written out at once (MADV_PAGEOUT), so that the limit of memory plays no
// part.
#include <sys/mman.h>

#include <algorithm>

#include "base/file.h"
#include "stress/anonymous.h"
#include "stress/drive.h"

#ifndef MADV_PAGEOUT
#define MADV_PAGEOUT 21
#endif

namespace stress::workloads {
namespace {

constexpr std::array kNeedsSwap{Need::swap};

class SwapPool : public Pool {
 public:
  explicit SwapPool(std::unique_ptr<AnonymousPool> pages) : pages_(std::move(pages)) {}
  [[nodiscard]] std::uint64_t unit() const override { return pages_->unit(); }
  [[nodiscard]] bool is_exact() const override { return false; }  // some pages may stay where they are

 protected:
  base::Result<> add(std::uint64_t bytes) override {
    constexpr std::uint64_t kStep = 2ULL << 20;
    for (std::uint64_t done = 0; done < bytes;) {
      const auto place = pages_->held();
      const auto step = std::min(kStep, bytes - done);
      TRY(pages_->grow(step));
      for (std::uint64_t out = 0; out < step;) {
        const auto range = pages_->at(place + out, step - out);
        if (::madvise(range.data(), range.size(), MADV_PAGEOUT) != 0) {
          return base::system_error("madvise(MADV_PAGEOUT)");
        }
        out += range.size();
      }
      done += step;
    }
    return {};
  }
  base::Result<> remove(std::uint64_t bytes) override { return pages_->shrink(bytes); }

 private:
  std::unique_ptr<AnonymousPool> pages_;
};

base::Result<> probe_swap(const Context&) {
  const auto text = base::read_all("/proc/swaps", 64 << 10);
  if (text && std::ranges::count(*text, '\n') < 2) {
    return base::fail(base::ErrorKind::unsupported, "this machine has no swap",
                      "swapon; in the micro-VM --swap-max makes it");
  }
  return {};
}

base::Result<> run_swap(Context& context) {
  TRY_ASSIGN(auto pages, AnonymousPool::create(context.parameters));
  SwapPool pool(std::move(pages));
  return drive(context, pool, "swap");
}

}  // namespace

extern const Workload swap;
constinit const Workload swap{
    .summary = "fills swap: anonymous memory that is written out at once",
    .group = Group::kernel,
    .counter = "swap",
    .kind = "swap",
    .seen = "memory.swap.current follows the fill while memory.current stays low",
    .needs = "swap, and --swap-max above the size",
    .needed = kNeedsSwap,
    .source = "MADV_PAGEOUT, madvise(2), Linux 5.4",
    .example = "oomlab stress swap --memory-max 64M --swap-max 64M --size 32M",
    .parameters = kAnonymousGrowth,
    .probe = probe_swap,
    .run = run_swap,
};

}  // namespace stress::workloads
