#include "stress/descriptor_pool.h"

#include "stress/resources.h"

namespace stress {
namespace {

constexpr std::uint64_t kOpenFiles = 1ULL << 20;  // fs.nr_open, what nobody may go beyond

}  // namespace

DescriptorPool::DescriptorPool(std::uint64_t cost_bytes, Make make) : cost_bytes_(cost_bytes), make_(std::move(make)) {
  raise_limit(RLIMIT_NOFILE, kOpenFiles);
}

base::Result<> DescriptorPool::add(std::uint64_t bytes) {
  for (std::uint64_t left = bytes / cost_bytes_; left > 0; --left) {
    TRY_ASSIGN(auto object, make_());
    objects_.push_back(std::move(object));
  }
  return {};
}

base::Result<> DescriptorPool::remove(std::uint64_t bytes) {
  objects_.resize(objects_.size() - bytes / cost_bytes_);
  return {};
}

}  // namespace stress
