#pragma once

#include <cstdint>
#include <vector>

#include "stress/content.h"
#include "stress/growth.h"
#include "stress/pool.h"
#include "stress/populate.h"
#include "stress/workload.h"

namespace stress {

// The options of a workload that fills with anonymous memory.
inline constexpr auto kAnonymousGrowth = join(kGrowth, kContents, kThreads);

// Anonymous memory: populated in chunks by one thread or several, in 4 KiB or huge pages, optionally locked.
class AnonymousPool : public Pool {
 public:
  enum class Pages { small, huge };
  enum class Locked { no, yes };
  // From the options of kAnonymousGrowth; kind usage for bad ones, unsupported where there are no huge pages.
  static base::Result<std::unique_ptr<AnonymousPool>> create(const Parameters& parameters, Pages pages = Pages::small,
                                                             Locked locked = Locked::no);
  AnonymousPool(const AnonymousPool&) = delete;
  AnonymousPool(AnonymousPool&&) = delete;
  AnonymousPool& operator=(const AnonymousPool&) = delete;
  AnonymousPool& operator=(AnonymousPool&&) = delete;
  ~AnonymousPool() override;
  [[nodiscard]] std::uint64_t unit() const override { return unit_; }

  // Where the bytes are; those of a place are contiguous up to the end of their extent.
  [[nodiscard]] std::span<std::byte> at(std::uint64_t place, std::uint64_t length) const;

 protected:
  base::Result<> add(std::uint64_t bytes) override;
  base::Result<> remove(std::uint64_t bytes) override;

 private:
  struct Extent {
    std::byte* begin;
    std::uint64_t length;
  };
  AnonymousPool(const Parameters& parameters, Pages pages, Locked locked);
  base::Result<> map_extent(std::uint64_t at_least);
  base::Result<> hand_out(std::span<std::byte> range, std::uint64_t place);

  Pages pages_;
  Locked locked_;
  std::uint64_t unit_, chunk_;
  std::optional<std::uint64_t> node_;
  int policy_;  // towards it: MPOL_* of linux/mempolicy.h
  bool mergeable_;
  Content content_;
  Crew crew_;
  std::vector<Extent> extents_;
  std::uint64_t used_ = 0;  // bytes of the extents from the first on
};

// All of a workload that fills with it: creates the pool and drives it.
base::Result<> fill_anonymous(const Context& context, std::string_view counter = "anon",
                              AnonymousPool::Pages pages = AnonymousPool::Pages::small,
                              AnonymousPool::Locked locked = AnonymousPool::Locked::no);

}  // namespace stress
