#include "vm/stream.h"

#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

namespace vm {

base::Result<> StreamSource::start(int fd) {
  fd_ = fd;
  return resume();
}

base::Result<> StreamSource::grant(std::uint32_t bytes) {
  credit_ = std::min(credit_ + bytes, kStreamWindow);
  return resume();
}

base::Result<> StreamSource::resume() {
  if (!is_open() || credit_ == 0 || port_.full()) {
    pause();
    return {};
  }
  if (always_ready_ || finishing_) {
    return pump();
  }
  if (!watched_) {
    auto watched = loop_.watch(fd_, EPOLLIN, [this](std::uint32_t) { (void)pump(); });  // its errors end the stream
    if (!watched) {
      if (watched.error().sys_errno != EPERM) {
        return watched;
      }
      always_ready_ = true;
      return pump();
    }
    watched_ = true;
  }
  return {};
}

void StreamSource::pause() {
  if (std::exchange(watched_, false)) {
    loop_.unwatch(fd_);
  }
}

void StreamSource::stop() {
  pause();
  fd_ = -1;
}

void StreamSource::end() {
  stop();
  port_.put(FrameType::close, encode_number(static_cast<std::uint32_t>(stream_)));
  on_end_();
}

base::Result<> StreamSource::finish() {
  finishing_ = true;
  return resume();
}

// A descriptor that blocks is read once, when epoll(7) says that something is there.
base::Result<> StreamSource::pump() {
  // One for all sources: what is read is copied into the writer before anything else happens.
  static std::array<char, kChunkBytes> chunk;
  while (is_open() && credit_ > 0 && !port_.full()) {
    const ssize_t got = ::read(fd_, chunk.data(), std::min(chunk.size(), credit_));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0 && errno == EAGAIN && !finishing_) {
      return {};
    }
    if (got <= 0) {  // an error is an end too: EIO of a terminal that hung up
      end();
      return {};
    }
    credit_ -= static_cast<std::size_t>(got);
    port_.put(FrameType::data, encode_number(static_cast<std::uint32_t>(stream_)),
              {chunk.data(), static_cast<std::size_t>(got)});
    if (!always_ready_ && !finishing_) {
      break;
    }
  }
  if (credit_ == 0 || port_.full()) {
    pause();
  }
  return {};
}

void StreamSink::start(int fd, Blocking blocking) {
  fd_ = fd;
  broken_ = fd < 0;
  blocking_ = blocking;
}

base::Result<> StreamSink::accept(std::string_view bytes) {
  if (closing_ || bytes.size() + (bytes_.size() - begin_) + owed_credit_ > kStreamWindow) {
    return base::fail(base::ErrorKind::parse, "agent port: more bytes of a stream than it was given credit for");
  }
  if (drained()) {
    bytes_.clear();
    begin_ = 0;
  }
  bytes_.append(bytes);
  return pump();
}

base::Result<> StreamSink::close() {
  closing_ = true;
  return pump();
}

void StreamSink::pause() {
  if (std::exchange(watched_, false)) {
    loop_.unwatch(fd_);
  }
}

// Credit goes out in quarters of the window, or when nothing is left to write: few frames, and the sender never
// starves.
void StreamSink::consume(std::size_t count) {
  begin_ += count;
  owed_credit_ += count;
  if (closing_ || owed_credit_ == 0 || (owed_credit_ < kStreamWindow / 4 && !drained())) {
    return;
  }
  port_.put(FrameType::credit, encode_number(static_cast<std::uint32_t>(stream_)),
            encode_number(static_cast<std::uint32_t>(std::exchange(owed_credit_, 0))));
}

base::Result<> StreamSink::wait_for_room() {
  if (watched_) {
    return {};
  }
  auto watched = loop_.watch(fd_, EPOLLOUT, [this](std::uint32_t) {
    (void)write_some();  // fails only where no watch is possible, and this is one
    finish_if_closed();
  });
  if (!watched && watched.error().sys_errno == EPERM) {  // a regular file or /dev/null: never blocks
    blocking_ = Blocking::no;
    return write_some();
  }
  watched_ = watched.has_value();
  return watched;
}

base::Result<> StreamSink::pump() {
  if (!drained() && !broken_) {
    TRY(blocking_ == Blocking::yes ? wait_for_room() : write_some());
  } else if (broken_) {
    consume(bytes_.size() - begin_);
  }
  finish_if_closed();
  return {};
}

base::Result<> StreamSink::write_some() {
  const std::size_t largest = blocking_ == Blocking::yes ? PIPE_BUF : kStreamWindow;
  while (!drained() && !broken_) {
    const ssize_t written = ::write(fd_, bytes_.data() + begin_, std::min(bytes_.size() - begin_, largest));
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written < 0 && errno == EAGAIN) {
      return wait_for_room();
    }
    if (written < 0) {  // EPIPE: nobody reads this any more, and the writer should hear of it
      broken_ = true;
      port_.put(FrameType::close, encode_number(static_cast<std::uint32_t>(stream_)));
      consume(bytes_.size() - begin_);
      break;
    }
    consume(static_cast<std::size_t>(written));
    if (blocking_ == Blocking::yes && !drained()) {
      return {};
    }
  }
  pause();
  return {};
}

void StreamSink::finish_if_closed() {
  if (closing_ && drained() && !std::exchange(ended_, true)) {
    on_end_();
  }
}

}  // namespace vm
