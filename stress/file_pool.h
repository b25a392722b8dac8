#pragma once

#include <cstdint>
#include <vector>

#include "base/fd.h"
#include "stress/content.h"
#include "stress/growth.h"
#include "stress/pool.h"
#include "stress/workload.h"

namespace stress {

// The options of a workload that fills with a file.
inline constexpr auto kFileGrowth = join(kGrowth, kContents);

// The pages of one growing file: page cache of a disk, or shared memory. Grows by write(2), or, where nothing has to be
// in it and the file system can, by fallocate(2), which is quicker in memory.
class FilePool : public Pool {
 public:
  enum class Backing { disk, memory };
  FilePool(base::Fd file, const Parameters& parameters, Backing backing);
  // On a disk the counter is that of dirty pages, which writeback turns clean again.
  [[nodiscard]] bool is_exact() const override { return backing_ == Backing::memory; }
  [[nodiscard]] std::uint64_t unit() const override;
  [[nodiscard]] bool is_reclaimable() const override { return backing_ == Backing::disk; }
  [[nodiscard]] int fd() const { return file_.get(); }

 protected:
  base::Result<> add(std::uint64_t bytes) override;
  base::Result<> remove(std::uint64_t bytes) override;

 private:
  base::Fd file_;
  Backing backing_;
  Content content_;
  std::vector<std::byte> buffer_;
  bool allocates_;
};

}  // namespace stress
