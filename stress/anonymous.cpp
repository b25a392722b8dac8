#include "stress/anonymous.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include <fmt/format.h>

#include "base/file.h"
#include "stress/drive.h"

namespace stress {
namespace {

// Address space is taken in extents so that a fill without an end needs no size beforehand.
constexpr std::uint64_t kExtent = 256ULL << 20;
constexpr std::uint64_t kPageTable = 2ULL << 20;  // what one maps, where pages have 4 KiB
constexpr std::uint64_t kMostThreads = 256;

// Of linux/mempolicy.h.
int policy_of(std::string_view word) {
  constexpr int kPreferred = 1, kBind = 2, kInterleave = 3;
  return word == "bind" ? kBind : word == "interleave" ? kInterleave : kPreferred;
}

// The size that a huge page has by the kernel's own word; 0 when it has none.
std::uint64_t huge_page_size() {
  const auto text = base::read_all("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", 64);
  return text ? std::strtoull(text->c_str(), nullptr, 10) : 0;
}

base::Result<> check_huge_pages() {
  const auto enabled = base::read_all("/sys/kernel/mm/transparent_hugepage/enabled", 256);
  if (!enabled || huge_page_size() == 0) {
    return base::fail(base::ErrorKind::unsupported, "this kernel has no transparent huge pages",
                      "another kernel; in the micro-VM --kernel picks one");
  }
  if (enabled->find("[never]") != std::string::npos) {
    return base::fail(base::ErrorKind::unsupported, "transparent huge pages are switched off",
                      "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled");
  }
  return {};
}

}  // namespace

base::Result<std::unique_ptr<AnonymousPool>> AnonymousPool::create(const Parameters& parameters, Pages pages,
                                                                   Locked locked) {
  const auto threads = parameters.count("threads");
  if (threads < 1 || threads > kMostThreads) {
    return base::fail(base::ErrorKind::usage, fmt::format("--threads: {} is not 1 to {}", threads, kMostThreads));
  }
  if (pages == Pages::huge) {
    TRY(check_huge_pages());
  }
  return std::unique_ptr<AnonymousPool>(new AnonymousPool(parameters, pages, locked));
}

AnonymousPool::AnonymousPool(const Parameters& parameters, Pages pages, Locked locked)
    : pages_(pages),
      locked_(locked),
      unit_(pages == Pages::huge ? huge_page_size() : page_size()),
      chunk_(round_up(std::max<std::uint64_t>(parameters.size("chunk"), 1), unit_)),
      node_(parameters.has("node") ? std::optional(parameters.count("node")) : std::nullopt),
      policy_(policy_of(parameters.text("policy"))),
      mergeable_(parameters.flag("mergeable")),
      content_(parameters),
      crew_(parameters.count("threads")) {}

AnonymousPool::~AnonymousPool() {
  for (const auto& extent : extents_) {
    (void)::munmap(extent.begin, extent.length);  // cannot fail for what was mapped
  }
}

base::Result<> AnonymousPool::map_extent(std::uint64_t at_least) {
  // Room to begin where a page table does, as huge pages need it and threads like it: they meet in none.
  const auto alignment = std::max(unit_, kPageTable);
  const std::uint64_t length = std::max(kExtent, round_up(at_least, unit_)) + alignment;
  void* mapped = ::mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapped == MAP_FAILED) {
    return base::system_error("mmap");
  }
  auto* begin = static_cast<std::byte*>(mapped);
  const auto skip = (alignment - reinterpret_cast<std::uintptr_t>(mapped) % alignment) % alignment;
  if (skip > 0) {
    (void)::munmap(begin, skip);
  }
  const Extent extent{.begin = begin + skip, .length = length - alignment};
  (void)::munmap(extent.begin + extent.length, alignment - skip);
  // 4 KiB pages where asked, so that the level is exact to the page. EINVAL where the kernel has no huge pages.
  (void)::madvise(extent.begin, extent.length, pages_ == Pages::huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
  extents_.push_back(extent);
  if (mergeable_ && ::madvise(extent.begin, extent.length, MADV_MERGEABLE) != 0) {
    return base::system_error("--mergeable: madvise(MADV_MERGEABLE)");  // EINVAL: a kernel without KSM
  }
  if (node_) {
    std::array<unsigned long, 16> nodes{};
    const auto bits = 8 * sizeof(unsigned long);
    if (*node_ >= nodes.size() * bits) {
      return base::fail(base::ErrorKind::usage, fmt::format("--node: there is no node {}", *node_));
    }
    nodes[*node_ / bits] = 1UL << (*node_ % bits);
    if (::syscall(SYS_mbind, extent.begin, extent.length, policy_, nodes.data(), nodes.size() * bits, 0) != 0) {
      return base::system_error(fmt::format("--node {}: mbind", *node_));
    }
  }
  return {};
}

std::span<std::byte> AnonymousPool::at(std::uint64_t place, std::uint64_t length) const {
  for (const auto& extent : extents_) {
    if (place < extent.length) {
      return {extent.begin + place, std::min(length, extent.length - place)};
    }
    place -= extent.length;
  }
  return {};
}

base::Result<> AnonymousPool::hand_out(std::span<std::byte> range, std::uint64_t place) {
  if (locked_ == Locked::yes) {
    if (::mlock(range.data(), range.size()) != 0) {  // hands out the pages, too
      auto error = base::system_error("mlock");
      if (error.error().sys_errno == ENOMEM || error.error().sys_errno == EPERM) {
        error.error().remedy = "raise the limit of locked memory (ulimit -l unlimited), or as root";
      }
      return error;
    }
  } else {
    TRY(populate(range.data(), range.size()));
  }
  if (!content_.is_zero()) {
    content_.fill(range, place, Content::Target::fresh);
  }
  return {};
}

base::Result<> AnonymousPool::add(std::uint64_t bytes) {
  while (bytes > 0) {
    auto range = at(used_, bytes);
    if (range.empty()) {
      TRY(map_extent(0));
      range = at(used_, bytes);
    }
    TRY(crew_.work(range.size(), chunk_, [&](std::uint64_t offset, std::uint64_t length) {
      return hand_out(range.subspan(offset, length), used_ + offset);
    }));
    used_ += range.size();
    bytes -= range.size();
  }
  return {};
}

base::Result<> AnonymousPool::remove(std::uint64_t bytes) {
  const std::uint64_t until = used_ - bytes;
  while (used_ > until) {
    // The part that lies in the last extent in use.
    std::uint64_t begin = 0;
    for (const auto& extent : extents_) {
      if (used_ <= begin + extent.length) {
        break;
      }
      begin += extent.length;
    }
    const auto from = std::max(until, begin);
    const auto range = at(from, used_ - from);
    if (locked_ == Locked::yes) {
      (void)::munlock(range.data(), range.size());  // locked pages cannot be given back
    }
    if (::madvise(range.data(), range.size(), MADV_DONTNEED) != 0) {
      return base::system_error("madvise(MADV_DONTNEED)");
    }
    used_ = from;
  }
  return {};
}

base::Result<> fill_anonymous(const Context& context, std::string_view counter, AnonymousPool::Pages pages,
                              AnonymousPool::Locked locked) {
  TRY_ASSIGN(const auto pool, AnonymousPool::create(context.parameters, pages, locked));
  return drive(context, *pool, counter);
}

}  // namespace stress
