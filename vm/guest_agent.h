#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/event_loop.h"
#include "base/fd.h"
#include "base/result.h"
#include "vm/frame_port.h"
#include "vm/guest_command.h"
#include "vm/stream.h"

// The guest's side of a session: takes one order from the agent port, runs it, streams its input and output, sends back
// its files and status. It is no more than that, so a test can run it in a child process over a socket pair; what only
// the first process of a guest does comes in by `prepare`.
namespace vm {

class FileSender;

class Agent {
 public:
  // Makes the guest ready for the order (clock, randomness, sysctls, swap, host files); its error refuses the order.
  // The result are helper processes without which the guest is of no use: the end of one ends run() with an error.
  using Prepare = std::function<base::Result<std::vector<pid_t>>(const RunFrame&)>;

  // Writes the greeting, waiting until the host listens; then makes the port non-blocking. self is the path that an
  // argv[0] of "oomlab" means.
  static base::Result<> greet(int port_fd, const HelloFrame& hello);
  static base::Result<std::unique_ptr<Agent>> create(int port_fd, std::string self, Prepare prepare);
  ~Agent();
  Agent(const Agent&) = delete;
  Agent(Agent&&) = delete;
  Agent& operator=(const Agent&) = delete;
  Agent& operator=(Agent&&) = delete;

  // Until the host says quit or is gone. An error says what it sent that cannot be understood.
  base::Result<> run();

 private:
  Agent(base::EventLoop loop, base::Fd child_ended, int port_fd, std::string self, Prepare prepare);
  base::Result<> on_frame(const Frame& frame);
  base::Result<> on_run(std::string_view payload);
  base::Result<> start();
  void reap();
  void on_command_end(int wait_status);
  void report_if_done();

  base::EventLoop loop_;
  base::Fd child_ended_;  // signalfd of SIGCHLD
  FramePort port_;
  std::string self_;
  Prepare prepare_;
  StreamSink input_;
  StreamSource output_, error_;
  std::vector<pid_t> helpers_;
  RunFrame order_;
  Command command_;
  std::optional<base::ExitStatus> status_;
  std::unique_ptr<FileSender> files_;
  bool ordered_ = false, reported_ = false;
  base::Result<> outcome_;
};

}  // namespace vm
