#include "vm/machine.h"

#include <sys/socket.h>
#include <sys/stat.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/escape.h"

namespace vm {
namespace {

base::Result<std::pair<base::Fd, base::Fd>> socket_pair() {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
    return base::system_error("socketpair");
  }
  return std::pair(base::Fd(pair[0]), base::Fd(pair[1]));
}

// `exec:` hands its command to a shell: works for every QEMU, unlike the younger `file:`.
std::string migration_arguments(std::string_view direction, const std::filesystem::path& state) {
  return nlohmann::json{{"uri", fmt::format("exec:cat {} {}", direction, base::quote_shell(state.native()))}}.dump();
}

}  // namespace

base::Result<Machine> Machine::start(const Qemu& qemu, const MachineSpec& spec, Time deadline) {
  TRY_ASSIGN(auto agent, socket_pair());
  TRY_ASSIGN(auto file_server, socket_pair());
  TRY_ASSIGN(auto control, socket_pair());
  TRY_ASSIGN(base::Fd console, memory_file("console"));
  TRY_ASSIGN(base::Fd errors, memory_file("qemu-stderr"));
  TRY_ASSIGN(Child child, Child::start({.argv = qemu_arguments(qemu.path, spec),
                                        .descriptors = {{errors.get(), 2},
                                                        {control.second.get(), kQmpFd},
                                                        {agent.second.get(), kAgentFd},
                                                        {file_server.second.get(), kFileServerFd},
                                                        {console.get(), kConsoleFd}},
                                        .own_group = true}));
  for (auto* theirs : {&control.second, &agent.second, &file_server.second}) {
    theirs->reset();  // so that the end of QEMU is the end of the streams
  }
  Machine machine(std::move(child), std::move(agent.first), std::move(file_server.first), std::move(console),
                  std::move(errors));
  auto qmp = Qmp::connect(std::move(control.first), deadline);
  if (!qmp) {
    return std::unexpected(machine.explain(std::move(qmp).error()));
  }
  machine.qmp_.emplace(std::move(*qmp));
  return machine;
}

base::Result<> Machine::save(const std::filesystem::path& state, Time deadline) {
  const auto work = [&]() -> base::Result<> {
    TRY(qmp_->execute("stop", "{}", deadline));
    TRY(qmp_->execute("migrate-set-capabilities", R"({"capabilities":[{"capability":"events","state":true}]})",
                      deadline));
    // the default of 128 MiB/s is meant for networks
    TRY(qmp_->execute("migrate-set-parameters", R"({"max-bandwidth":8589934592})", deadline));
    TRY(qmp_->execute("migrate", migration_arguments(">", state), deadline));
    TRY(qmp_->wait_for_migration(deadline));
    return finalized(deadline);
  };
  if (auto done = work(); !done) {
    return std::unexpected(explain(std::move(done).error()));
  }
  return {};
}

// The event of a completed migration comes a moment before QEMU lets the guest go on, and no event tells of that
// ("cont: Migration is not finalized yet").
base::Result<> Machine::finalized(Time deadline) {
  constexpr auto kMoment = std::chrono::milliseconds(2);
  while (std::chrono::steady_clock::now() < deadline) {
    TRY_ASSIGN(const auto state, qmp_->execute("query-status", "{}", deadline));
    if (state.find("\"finish-migrate\"") == std::string::npos) {
      return {};
    }
    (void)wait_readable(alive_fd(),
                        std::chrono::steady_clock::now() + kMoment);  // the end of QEMU shows at the next question
  }
  return base::fail(base::ErrorKind::timeout, "QEMU does not finish the migration");
}

base::Result<> Machine::load(const std::filesystem::path& state, Time deadline) {
  const auto work = [&]() -> base::Result<> {
    TRY(qmp_->execute("migrate-set-capabilities", R"({"capabilities":[{"capability":"events","state":true}]})",
                      deadline));
    TRY(qmp_->execute("migrate-incoming", migration_arguments("<", state), deadline));
    return qmp_->wait_for_migration(deadline);
  };
  if (auto done = work(); !done) {
    return std::unexpected(explain(std::move(done).error()));
  }
  return {};
}

base::Result<> Machine::resume(Time deadline) {
  if (auto done = qmp_->execute("cont", "{}", deadline); !done) {
    return std::unexpected(explain(std::move(done).error()));
  }
  return {};
}

std::string Machine::console(std::size_t offset, std::size_t limit) const {
  return memory_file_text(console_.get(), offset, limit);
}

std::size_t Machine::console_size() const {
  struct stat info{};
  return ::fstat(console_.get(), &info) == 0 ? static_cast<std::size_t>(info.st_size) : 0;
}

std::optional<base::ExitStatus> Machine::end(Time deadline) {
  auto status = child_.wait(deadline);
  if (!status) {
    child_.kill();
    (void)child_.wait();  // it is the kill that ended it
  }
  return status;
}

bool Machine::runs() {
  return !child_.wait(std::chrono::steady_clock::now());
}

std::string Machine::last_words() {
  constexpr auto kMoment = std::chrono::milliseconds(500);  // between closing its sockets and its end
  constexpr std::size_t kMost = 2000;
  const auto status = child_.wait(std::chrono::steady_clock::now() + kMoment);
  std::string how = "QEMU still runs";
  if (status) {
    how = status->signal ? fmt::format("QEMU was killed by {}", base::signal_name(*status->signal))
                         : fmt::format("QEMU ended with status {}", status->exit_code.value_or(-1));
  }
  std::string words = memory_file_text(errors_.get(), 0, kMost);
  while (words.ends_with('\n')) {
    words.pop_back();
  }
  for (auto& c : words) {
    c = c == '\n' ? ';' : c;
  }
  return words.empty() ? how : fmt::format("{}: {}", how, base::escape_terminal(words));
}

base::Error Machine::explain(base::Error error) {
  error.message += fmt::format(" ({})", last_words());
  return error;
}

}  // namespace vm
