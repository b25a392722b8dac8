#include "vm/frame_port.h"

#include <utility>

namespace vm {

base::Result<> FramePort::start(Handlers handlers) {
  handlers_ = std::move(handlers);
  listened_ = writer_.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT;
  TRY(loop_.watch(fd_, listened_, [this](std::uint32_t events) { on_ready(events); }));
  started_ = true;
  return {};
}

void FramePort::stop() {
  if (std::exchange(started_, false)) {
    loop_.unwatch(fd_);
  }
}

void FramePort::put(FrameType type, std::string_view first, std::string_view second) {
  writer_.put(type, first, second);
  listen();
}

void FramePort::listen() {
  const std::uint32_t wanted = writer_.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT;
  if (started_ && wanted != listened_) {
    listened_ = wanted;
    if (auto changed = loop_.change(fd_, wanted); !changed) {
      end(std::move(changed));
    }
  }
}

void FramePort::end(base::Result<> why) {
  if (started_) {
    stop();
    handlers_.on_end(std::move(why));
  }
}

void FramePort::on_ready(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) {
    write_frames();
  }
  if (started_ && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) {
    read_frames();
  }
}

void FramePort::write_frames() {
  const bool was_full = full();
  if (!writer_.flush(fd_)) {  // EPIPE, ENODEV: the other side is gone, and there is nothing more to say about it
    end({});
    return;
  }
  if (was_full && !full()) {
    handlers_.on_room();
  }
  listen();
}

void FramePort::read_frames() {
  auto filled = reader_.fill(fd_);
  if (!filled) {
    end(std::unexpected(std::move(filled).error()));
    return;
  }
  while (started_) {
    auto frame = reader_.next();
    if (!frame) {
      end(std::unexpected(std::move(frame).error()));
      return;
    }
    if (!*frame) {
      break;
    }
    if (auto handled = handlers_.on_frame(**frame); !handled) {
      end(std::move(handled));
      return;
    }
  }
  if (*filled == FrameReader::Filled::end) {
    if (reader_.mid_frame()) {
      end(base::fail(base::ErrorKind::parse, "agent port: ended in the middle of a frame"));
    } else {
      end({});
    }
  }
}

}  // namespace vm
