#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/result.h"
#include "vm/file_server.h"

namespace vm {

// The file server on a non-blocking stream of FUSE messages, in an event loop. The descriptor stays the caller's. Reads
// no further request while an answer waits to be written, so its memory is bounded.
class FileChannel {
 public:
  FileChannel(base::EventLoop& loop, int fd, FileServer server);
  ~FileChannel() { stop(); }
  FileChannel(const FileChannel&) = delete;
  FileChannel(FileChannel&&) = delete;
  FileChannel& operator=(const FileChannel&) = delete;
  FileChannel& operator=(FileChannel&&) = delete;

  // on_end is called once: the other side is gone, or what it sent is no message.
  base::Result<> start(std::function<void(base::Result<>)> on_end);
  void stop();

 private:
  void on_ready(std::uint32_t events);
  base::Result<bool> read_requests();
  base::Result<> answer_requests();
  base::Result<> write_answers();
  void end(base::Result<> why);

  base::EventLoop& loop_;
  int fd_;
  FileServer server_;
  std::function<void(base::Result<>)> on_end_;
  std::vector<char> requests_;
  std::size_t requests_end_ = 0;
  std::string answers_;
  std::size_t answers_begin_ = 0;
  bool started_ = false, writing_ = false;
};

}  // namespace vm
