// Page tables. One small page in every 2 MiB needs a table of its own; if it is only read, it is the zero page that all
// share, so there is nothing but the table.
#include <sys/mman.h>

#include <algorithm>
#include <vector>

#include "stress/drive.h"
#include "stress/growth.h"
#include "stress/populate.h"

namespace stress::workloads {
namespace {

constexpr std::uint64_t kSpan = 2ULL << 20;     // what one table of 4 KiB maps
constexpr std::uint64_t kExtent = 64ULL << 30;  // of address space, 32,768 tables

constexpr std::array kOwn{
    Parameter{"touch", ParameterKind::choice, "read", "read: the tables only; write: an anonymous page each, too",
              "read|write"},
};
constexpr auto kParameters = join(kGrowth, kOwn);

class PageTablePool : public Pool {
 public:
  enum class Touch { read, write };
  explicit PageTablePool(Touch touch) : touch_(touch) {}
  PageTablePool(const PageTablePool&) = delete;
  PageTablePool(PageTablePool&&) = delete;
  PageTablePool& operator=(const PageTablePool&) = delete;
  PageTablePool& operator=(PageTablePool&&) = delete;
  ~PageTablePool() override {
    for (auto* extent : extents_) {
      (void)::munmap(extent, kExtent);  // parts of it may be unmapped already
    }
  }
  [[nodiscard]] std::uint64_t unit() const override { return page_size(); }

 protected:
  base::Result<> add(std::uint64_t bytes) override {
    for (auto left = bytes / page_size(); left > 0; --left) {
      if (used_ == 0 || used_ == kExtent) {
        TRY(map_extent());
      }
      auto* const place = reinterpret_cast<volatile char*>(extents_.back() + used_);
      if (touch_ == Touch::write) {
        *place = 1;
      } else {
        (void)*place;
      }
      used_ += kSpan;
    }
    return {};
  }
  base::Result<> remove(std::uint64_t bytes) override {
    auto left = bytes / page_size() * kSpan;
    while (left > 0) {
      const auto part = std::min(left, used_);
      if (::munmap(extents_.back() + used_ - part, kExtent - used_ + part) != 0) {
        return base::system_error("munmap");
      }
      used_ -= part;
      left -= part;
      if (used_ == 0) {
        extents_.pop_back();
        used_ = extents_.empty() ? 0 : kExtent;
      } else {
        TRY(map_at(extents_.back() + used_, kExtent - used_));
      }
    }
    return {};
  }

 private:
  [[nodiscard]] int protection() const { return touch_ == Touch::write ? PROT_READ | PROT_WRITE : PROT_READ; }
  base::Result<> map_extent() {
    void* mapped = ::mmap(nullptr, kExtent, protection(), MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapped == MAP_FAILED) {
      return base::system_error("mmap of 64 GiB of address space");
    }
    (void)::madvise(mapped, kExtent, MADV_NOHUGEPAGE);  // the huge zero page would need fewer tables
    extents_.push_back(static_cast<std::byte*>(mapped));
    used_ = 0;
    return {};
  }
  base::Result<> map_at(std::byte* begin, std::uint64_t length) const {
    void* mapped = ::mmap(begin, length, protection(), MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    if (mapped == MAP_FAILED) {
      return base::system_error("mmap");
    }
    (void)::madvise(mapped, length, MADV_NOHUGEPAGE);
    return {};
  }

  Touch touch_;
  std::vector<std::byte*> extents_;
  std::uint64_t used_ = 0;  // of the last extent
};

base::Result<> run_page_tables(Context& context) {
  PageTablePool pool(context.parameters.text("touch") == "write" ? PageTablePool::Touch::write
                                                                 : PageTablePool::Touch::read);
  return drive(context, pool, "pagetables");
}

}  // namespace

extern const Workload page_tables;
constinit const Workload page_tables{
    .summary = "touches one page in every 2 MiB: page tables and little else",
    .group = Group::kernel,
    .counter = "pagetables",
    .kind = "pagetables",
    .seen = "pagetables far above what anon would need; the victim's pgtables_bytes are the limit",
    .source = "Documentation/admin-guide/cgroup-v2.rst, pagetables; sparse mappings of databases and sanitizers",
    .example = "oomlab stress page-tables --memory-max 64M",
    .parameters = kParameters,
    .run = run_page_tables,
};

}  // namespace stress::workloads
