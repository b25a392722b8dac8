#include "stress/file_pool.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file.h"
#include "stress/populate.h"

namespace stress {
namespace {

constexpr std::size_t kBuffer = std::size_t{64} << 10;

}  // namespace

FilePool::FilePool(base::Fd file, const Parameters& parameters, Backing backing)
    : file_(std::move(file)),
      backing_(backing),
      content_(parameters),
      buffer_(kBuffer),
      allocates_(backing == Backing::memory && content_.is_zero()) {}

std::uint64_t FilePool::unit() const {
  return page_size();
}

base::Result<> FilePool::add(std::uint64_t bytes) {
  std::uint64_t place = held();
  const std::uint64_t end = place + bytes;
  if (allocates_) {
    int result = 0;
    do {
      result = ::fallocate(file_.get(), 0, static_cast<off_t>(place), static_cast<off_t>(bytes));
    } while (result != 0 && errno == EINTR);
    if (result == 0) {
      return {};
    }
    if (errno != EOPNOTSUPP) {
      return base::system_error("fallocate");
    }
    allocates_ = false;
  }
  while (place < end) {
    const auto length = std::min<std::uint64_t>(buffer_.size(), end - place);
    if (!content_.is_zero()) {
      content_.fill({buffer_.data(), length}, place, Content::Target::used);
    }
    if (::lseek(file_.get(), static_cast<off_t>(place), SEEK_SET) < 0) {
      return base::system_error("lseek");
    }
    TRY(base::write_all(file_.get(), {reinterpret_cast<const char*>(buffer_.data()), length}));
    place += length;
  }
  return {};
}

base::Result<> FilePool::remove(std::uint64_t bytes) {
  if (::ftruncate(file_.get(), static_cast<off_t>(held() - bytes)) != 0) {
    return base::system_error("ftruncate");
  }
  return {};
}

}  // namespace stress
