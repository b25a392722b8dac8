#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

// QEMU's control connection (docs/interop/qmp-spec): one JSON object a line; commands are answered in order, events
// come in between.
namespace vm {

struct QmpMessage {
  enum class Kind { greeting, answer, refusal, event } kind = Kind::event;
  std::string name;  // of an event: "MIGRATION", "SHUTDOWN"
  std::string text;  // JSON of what was answered or of the event's data; the words of a refusal
};

// One line. kind parse when it is not one of the four.
base::Result<QmpMessage> parse_qmp_line(std::string_view line);

class Qmp {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // Takes a connected socket: waits for the greeting, asks for commands.
  static base::Result<Qmp> connect(base::Fd socket, Time deadline);

  // Runs a command with its arguments (a JSON object) and returns the answer's JSON. A refusal is of kind syscall and
  // holds QEMU's words.
  base::Result<std::string> execute(std::string_view command, std::string_view arguments, Time deadline);

  // Waits for the end of the migration that goes on (the capability "events" must be set before): an error when it
  // failed.
  base::Result<> wait_for_migration(Time deadline);

 private:
  explicit Qmp(base::Fd socket) : socket_(std::move(socket)) {}
  base::Result<QmpMessage> next(Time deadline);
  base::Fd socket_;
  std::string buffer_;
  std::string migration_;  // status of the last MIGRATION event
};

}  // namespace vm
