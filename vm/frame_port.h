#pragma once

#include <functional>
#include <string_view>

#include "base/event_loop.h"
#include "base/result.h"
#include "vm/frame.h"

namespace vm {

// Frames over one non-blocking descriptor in an event loop; the same class at both ends. The descriptor stays the
// caller's.
class FramePort {
 public:
  struct Handlers {
    std::function<base::Result<>(const Frame&)> on_frame;  // its error ends the port
    std::function<void()> on_room;                         // full() became false
    std::function<void(base::Result<>)> on_end;  // once: the other side is gone, or why it cannot be understood
  };
  FramePort(base::EventLoop& loop, int fd) : loop_(loop), fd_(fd) {}
  ~FramePort() { stop(); }
  FramePort(const FramePort&) = delete;
  FramePort(FramePort&&) = delete;
  FramePort& operator=(const FramePort&) = delete;
  FramePort& operator=(FramePort&&) = delete;

  base::Result<> start(Handlers handlers);
  void stop();
  // Queues a frame; it is written when the loop finds the descriptor writable.
  void put(FrameType type, std::string_view first, std::string_view second = {});
  [[nodiscard]] bool full() const { return writer_.full(); }
  [[nodiscard]] bool idle() const { return writer_.empty(); }

 private:
  void on_ready(std::uint32_t events);
  void read_frames();
  void write_frames();
  void listen();
  void end(base::Result<> why);

  base::EventLoop& loop_;
  int fd_;
  Handlers handlers_;
  FrameReader reader_;
  FrameWriter writer_;
  std::uint32_t listened_ = 0;
  bool started_ = false;
};

}  // namespace vm
