#include "forensics/byte_source.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace forensics {
namespace {

class FdSource final : public ByteSource {
 public:
  explicit FdSource(int fd) : fd_(fd) {}
  base::Result<std::size_t> read(std::span<char> into) override {
    while (true) {
      const auto count = ::read(fd_, into.data(), into.size());
      if (count >= 0) {
        return static_cast<std::size_t>(count);
      }
      if (errno != EINTR) {
        return base::system_error("read");
      }
    }
  }

 private:
  int fd_;
};

class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::string_view bytes) : rest_(bytes) {}
  base::Result<std::size_t> read(std::span<char> into) override {
    const auto count = std::min(into.size(), rest_.size());
    std::memcpy(into.data(), rest_.data(), count);
    rest_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view rest_;
};

}  // namespace

std::unique_ptr<ByteSource> source_of_fd(int fd) {
  return std::make_unique<FdSource>(fd);
}

std::unique_ptr<ByteSource> source_of_memory(std::string_view bytes) {
  return std::make_unique<MemorySource>(bytes);
}

}  // namespace forensics
