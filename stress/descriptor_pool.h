#pragma once

#include <functional>
#include <vector>

#include "base/fd.h"
#include "stress/pool.h"

namespace stress {

// Kernel objects that live as long as a descriptor each: what one costs is found out from the counter.
class DescriptorPool : public Pool {
 public:
  using Make = std::function<base::Result<base::Fd>()>;
  // cost_bytes: of one object, about. Raises the limit of open files as far as it goes.
  DescriptorPool(std::uint64_t cost_bytes, Make make);
  [[nodiscard]] std::uint64_t unit() const override { return cost_bytes_; }
  [[nodiscard]] bool is_exact() const override { return false; }

 protected:
  base::Result<> add(std::uint64_t bytes) override;
  base::Result<> remove(std::uint64_t bytes) override;

 private:
  std::uint64_t cost_bytes_;
  Make make_;
  std::vector<base::Fd> objects_;
};

}  // namespace stress
