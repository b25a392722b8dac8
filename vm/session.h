#pragma once

#include <chrono>
#include <string>

#include "base/result.h"
#include "vm/vm.h"

// The host's side of one command in a booted guest, over two byte streams: the agent's frames (vm/protocol.h) and the
// raw FUSE messages of the file server.
namespace vm {

struct Hello {
  std::string kernel;  // uname -r
  std::string agent;   // identity of the agent's binary, equal to own_identity() or the snapshot is stale
};

// Waits for the agent's greeting. kind timeout when none comes, kind parse when something else comes (both are lab
// failures). `alive` is a pidfd of QEMU: when it becomes readable the guest is gone.
base::Result<Hello> wait_for_hello(int agent_fd, int alive_fd, std::chrono::steady_clock::time_point deadline);

// How a session ended.
struct SessionEnd {
  enum class How { exited, guest_gone, timed_out } how = How::exited;
  base::ExitStatus status;
  std::vector<std::pair<std::string, std::string>> files;
  bool told_to_end = false;  // a signal was forwarded: whatever came of it, the user wants no second try
};

// Sends the request (clock, fresh randomness, sysctls, swap, command), pumps stdin/stdout/stderr, forwards SIGINT,
// SIGTERM, SIGHUP, SIGQUIT, SIGUSR1 and SIGUSR2, serves host files on fs_fd, until the command has ended and the
// fetched files are here. One thread, one event loop; bounded buffers; a stdout that blocks stops the guest's writer,
// not us.
base::Result<SessionEnd> run_session(int agent_fd, int fs_fd, int alive_fd, const Request& request);

// Tells the agent to end the guest (isa-debug-exit with code 0x10, QEMU then exits 33).
void say_goodbye(int agent_fd);

}  // namespace vm
