#include "vm/frame.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace vm {

namespace {

constexpr std::size_t kLargestFrame = kFrameHeaderBytes + kChunkBytes + sizeof(std::uint32_t);

// The longest payload of a type; nothing for a type that does not exist.
std::optional<std::size_t> payload_limit(std::uint32_t type) {
  if (type < static_cast<std::uint32_t>(FrameType::hello) || type > static_cast<std::uint32_t>(FrameType::quit)) {
    return std::nullopt;
  }
  return type == static_cast<std::uint32_t>(FrameType::run) ? kMaxRunBytes : kLargestFrame - kFrameHeaderBytes;
}

std::uint32_t number_at(const char* bytes) {
  std::uint32_t number = 0;
  std::memcpy(&number, bytes, sizeof number);
  return number;
}

}  // namespace

FrameReader::FrameReader() : buffer_(2 * kLargestFrame) {}

base::Result<FrameReader::Filled> FrameReader::fill(int fd) {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  while (true) {
    const ssize_t got = ::read(fd, buffer_.data() + end_, buffer_.size() - end_);
    if (got > 0) {
      end_ += static_cast<std::size_t>(got);
      return Filled::bytes;
    }
    if (got == 0 || errno == ECONNRESET || errno == EPIPE) {
      return Filled::end;
    }
    if (errno == EAGAIN) {
      return Filled::nothing_yet;
    }
    if (errno != EINTR) {
      return base::system_error("agent port");
    }
  }
}

base::Result<std::optional<Frame>> FrameReader::next() {
  if (end_ - begin_ < kFrameHeaderBytes) {
    return std::nullopt;
  }
  const auto type = number_at(buffer_.data() + begin_);
  const std::size_t length = number_at(buffer_.data() + begin_ + sizeof type);
  const auto limit = payload_limit(type);
  if (!limit) {
    return base::fail(base::ErrorKind::parse, fmt::format("agent port: unknown frame type {}", type));
  }
  if (length > *limit) {
    return base::fail(
        base::ErrorKind::parse,
        fmt::format("agent port: frame of type {} has {} bytes, expected at most {}", type, length, *limit));
  }
  const std::size_t whole = kFrameHeaderBytes + length;
  if (end_ - begin_ < whole) {
    buffer_.resize(std::max(buffer_.size(), begin_ + whole));
    return std::nullopt;
  }
  const Frame frame{static_cast<FrameType>(type), {buffer_.data() + begin_ + kFrameHeaderBytes, length}};
  begin_ += whole;
  return frame;
}

FrameWriter::FrameWriter() {
  bytes_.reserve(4 * kChunkBytes);
}

void FrameWriter::put(FrameType type, std::string_view first, std::string_view second) {
  const std::uint32_t header[] = {static_cast<std::uint32_t>(type),
                                  static_cast<std::uint32_t>(first.size() + second.size())};
  bytes_.append(reinterpret_cast<const char*>(header), sizeof header);
  bytes_.append(first);
  bytes_.append(second);
}

base::Result<> FrameWriter::flush(int fd) {
  while (!empty()) {
    const ssize_t written = ::write(fd, bytes_.data() + begin_, bytes_.size() - begin_);
    if (written < 0) {
      if (errno == EINTR) {
        continue;
      }
      if (errno == EAGAIN) {
        break;
      }
      return base::system_error("agent port");
    }
    begin_ += static_cast<std::size_t>(written);
  }
  if (empty() || begin_ >= 2 * kChunkBytes) {
    bytes_.erase(0, begin_);
    begin_ = 0;
  }
  return {};
}

}  // namespace vm
