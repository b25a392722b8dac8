#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/event_loop.h"
#include "base/result.h"
#include "vm/frame_port.h"

// The two ends of one stream of the command (protocol.h). Host and agent use the same: the host's source is its stdin,
// the agent's are the command's stdout and stderr. Descriptors stay the caller's. What epoll(7) refuses (regular files,
// /dev/null) counts as always ready.
namespace vm {

// Descriptor -> frames: reads no more than the other side gave credit for and the port has room for, and pauses
// otherwise.
class StreamSource {
 public:
  StreamSource(base::EventLoop& loop, FramePort& port, Stream stream, std::function<void()> on_end)
      : loop_(loop), port_(port), stream_(stream), on_end_(std::move(on_end)) {}
  ~StreamSource() { pause(); }
  StreamSource(const StreamSource&) = delete;
  StreamSource(StreamSource&&) = delete;
  StreamSource& operator=(const StreamSource&) = delete;
  StreamSource& operator=(StreamSource&&) = delete;

  base::Result<> start(int fd);
  base::Result<> grant(std::uint32_t bytes);
  // There may be room in the port again.
  base::Result<> resume();
  // Stops for good without a word: the other side closed the stream.
  void stop();
  // From now on an empty descriptor is the end: nobody waits for writers that may still hold it open.
  base::Result<> finish();
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }

 private:
  base::Result<> pump();
  void pause();
  void end();

  base::EventLoop& loop_;
  FramePort& port_;
  Stream stream_;
  std::function<void()> on_end_;
  int fd_ = -1;
  std::size_t credit_ = kStreamWindow;
  bool watched_ = false, always_ready_ = false, finishing_ = false;
};

// Frames -> descriptor: holds at most one window of bytes and gives credit for what it passed on.
class StreamSink {
 public:
  StreamSink(base::EventLoop& loop, FramePort& port, Stream stream, std::function<void()> on_end)
      : loop_(loop), port_(port), stream_(stream), on_end_(std::move(on_end)) {}
  ~StreamSink() { pause(); }
  StreamSink(const StreamSink&) = delete;
  StreamSink(StreamSink&&) = delete;
  StreamSink& operator=(const StreamSink&) = delete;
  StreamSink& operator=(StreamSink&&) = delete;

  // A descriptor that may block is written to only when epoll(7) calls it writable, and PIPE_BUF bytes at a time: that
  // much a pipe then takes. A negative fd swallows everything, as /dev/null does.
  enum class Blocking { no, yes };
  void start(int fd, Blocking blocking);
  // More bytes than the window allows are a parse error.
  base::Result<> accept(std::string_view bytes);
  // The other side sends no more: on_end is called when everything is written.
  base::Result<> close();
  [[nodiscard]] bool drained() const { return begin_ == bytes_.size(); }

 private:
  base::Result<> pump();
  base::Result<> write_some();
  base::Result<> wait_for_room();
  void finish_if_closed();
  void pause();
  void consume(std::size_t count);

  base::EventLoop& loop_;
  FramePort& port_;
  Stream stream_;
  std::function<void()> on_end_;
  int fd_ = -1;
  Blocking blocking_ = Blocking::no;
  std::string bytes_;
  std::size_t begin_ = 0, owed_credit_ = 0;
  bool watched_ = false, closing_ = false, ended_ = false, broken_ = false;
};

}  // namespace vm
