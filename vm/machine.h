#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "vm/child.h"
#include "vm/qemu.h"
#include "vm/qmp.h"

namespace vm {

// One running QEMU, with our ends of its streams. The destructor kills it: a guest has nothing to lose. No files are
// left: console and QEMU's own words go to memory, the streams are socket pairs.
class Machine {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // Starts QEMU and waits until it takes commands. An error holds what QEMU said.
  static base::Result<Machine> start(const Qemu& qemu, const MachineSpec& spec, Time deadline);

  [[nodiscard]] int agent_fd() const { return agent_.get(); }
  [[nodiscard]] int file_server_fd() const { return file_server_.get(); }
  [[nodiscard]] int alive_fd() const { return child_.pidfd(); }

  // Writes the stopped guest's state to the file; afterwards the guest is still stopped.
  base::Result<> save(const std::filesystem::path& state, Time deadline);
  // Loads such a state into a machine started with `incoming`; afterwards the guest is stopped.
  base::Result<> load(const std::filesystem::path& state, Time deadline);
  // Lets the stopped guest go on.
  base::Result<> resume(Time deadline);

  // What the serial console printed since the offset, at most `limit` bytes of the end.
  [[nodiscard]] std::string console(std::size_t offset, std::size_t limit) const;
  [[nodiscard]] std::size_t console_size() const;

  // Waits until QEMU has ended, kills it at the deadline; how it ended, nothing when it was killed.
  std::optional<base::ExitStatus> end(Time deadline);
  [[nodiscard]] bool runs();  // whether QEMU is still there
  // Why QEMU is not there any more: its exit status and its last words. For messages.
  std::string last_words();

 private:
  Machine(Child child, base::Fd agent, base::Fd file_server, base::Fd console, base::Fd errors)
      : child_(std::move(child)),
        agent_(std::move(agent)),
        file_server_(std::move(file_server)),
        console_(std::move(console)),
        errors_(std::move(errors)) {}
  base::Result<> finalized(Time deadline);
  base::Error explain(base::Error error);
  Child child_;
  base::Fd agent_, file_server_, console_, errors_;
  std::optional<Qmp> qmp_;
};

}  // namespace vm
