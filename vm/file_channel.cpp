#include "vm/file_channel.h"

#include <linux/fuse.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>

namespace vm {

FileChannel::FileChannel(base::EventLoop& loop, int fd, FileServer server)
    : loop_(loop), fd_(fd), server_(std::move(server)), requests_(2 * FileServer::kMaxRequestBytes) {}

base::Result<> FileChannel::start(std::function<void(base::Result<>)> on_end) {
  on_end_ = std::move(on_end);
  TRY(loop_.watch(fd_, EPOLLIN, [this](std::uint32_t events) { on_ready(events); }));
  started_ = true;
  return {};
}

void FileChannel::stop() {
  if (std::exchange(started_, false)) {
    loop_.unwatch(fd_);
  }
}

void FileChannel::end(base::Result<> why) {
  stop();
  on_end_(std::move(why));
}

void FileChannel::on_ready(std::uint32_t events) {
  if ((events & EPOLLOUT) == 0) {
    const auto more = read_requests();
    if (!more || !*more) {
      end(more ? base::Result<>{} : std::unexpected(more.error()));
      return;
    }
  }
  auto done = write_answers();
  if (done && answers_.empty()) {
    done = answer_requests();
  }
  const bool waits = !answers_.empty();
  if (done && waits != writing_) {
    writing_ = waits;
    done = loop_.change(fd_, waits ? EPOLLOUT : EPOLLIN);
  }
  if (!done) {
    end(std::move(done));
  }
}

// False at the end of the stream.
base::Result<bool> FileChannel::read_requests() {
  const ssize_t got = ::read(fd_, requests_.data() + requests_end_, requests_.size() - requests_end_);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
    return true;
  }
  if (got < 0 && errno != ECONNRESET) {
    return base::system_error("host files");
  }
  requests_end_ += got > 0 ? static_cast<std::size_t>(got) : 0;
  return got > 0;
}

// Answers what is whole, one after the other, until one cannot be written at once.
base::Result<> FileChannel::answer_requests() {
  std::size_t begin = 0;
  while (answers_.empty()) {
    const std::string_view rest(requests_.data() + begin, requests_end_ - begin);
    if (rest.size() < sizeof(std::uint32_t)) {
      break;
    }
    const std::size_t length = FileServer::message_bytes(rest);
    if (length < sizeof(fuse_in_header) || length > FileServer::kMaxRequestBytes) {
      return base::fail(base::ErrorKind::parse, fmt::format("host files: a message of {} bytes", length));
    }
    if (rest.size() < length) {
      break;
    }
    TRY(server_.answer(rest.substr(0, length), answers_));
    begin += length;
    TRY(write_answers());
  }
  requests_end_ -= begin;
  std::memmove(requests_.data(), requests_.data() + begin, requests_end_);
  return {};
}

base::Result<> FileChannel::write_answers() {
  while (answers_begin_ < answers_.size()) {
    const ssize_t written = ::write(fd_, answers_.data() + answers_begin_, answers_.size() - answers_begin_);
    if (written < 0 && errno == EINTR) {
      continue;
    }
    if (written < 0 && errno == EAGAIN) {
      return {};
    }
    if (written < 0) {
      return base::system_error("host files");
    }
    answers_begin_ += static_cast<std::size_t>(written);
  }
  answers_.clear();
  answers_begin_ = 0;
  return {};
}

}  // namespace vm
