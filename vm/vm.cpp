#include "vm/vm.h"

#include <unistd.h>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/bytes.h"
#include "vm/cache.h"
#include "vm/console.h"
#include "vm/identity.h"
#include "vm/image.h"
#include "vm/initramfs.h"
#include "vm/kernel.h"
#include "vm/machine.h"
#include "vm/outcome.h"
#include "vm/qemu.h"
#include "vm/session.h"
#include "vm/snapshot.h"

namespace vm {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kConsoleKept = std::size_t{256} << 10;
constexpr std::size_t kConsoleLinesShown = 20;

// What every boot of one request has in common.
struct Plan {
  Qemu qemu;
  Kernel kernel;
  Initramfs initramfs;
  MachineSpec spec;
  std::string key;  // of the snapshot
};

// A guest that waits for its command.
struct Guest {
  Machine machine;
  std::string kernel;  // uname -r
  std::string boot;    // "snapshot" | "cold"
};

// How an attempt ended: done, refused (an error that trying again does not mend), or failed by the lab.
struct Attempt {
  std::optional<Reply> reply;
  std::optional<base::Error> refused;
  std::string lab_failure;  // what happened, with the console's tail
  bool began = false;       // the command may have run already
};

void say(const Request& request, const std::string& words) {
  if (request.say) {
    request.say(words);
  }
}

void set_accelerator(Plan& plan, std::string accelerator) {
  plan.spec.accelerator = std::move(accelerator);
  plan.key = snapshot_key(plan.qemu.version + " " + file_stamp(plan.qemu.path),
                          qemu_arguments(plan.qemu.path, plan.spec), file_stamp(plan.kernel.image),
                          plan.initramfs.identity, plan.spec.accelerator == "kvm" ? host_processor() : std::string());
}

base::Result<Plan> make_plan(const Request& request) {
  constexpr std::uint64_t kLeastMemory = std::uint64_t{128} << 20;
  if (request.argv.empty()) {
    return base::fail(base::ErrorKind::usage, "no command to run in the guest");
  }
  if (request.memory_bytes < kLeastMemory) {
    return base::fail(base::ErrorKind::usage, fmt::format("{} is too little memory for the guest: 128 MiB at least",
                                                          base::human_size(request.memory_bytes)));
  }
  TRY_ASSIGN(auto qemu, find_qemu());
  TRY_ASSIGN(auto kernel, find_kernel(request.kernel));
  TRY_ASSIGN(auto image, bootable_image(kernel.image));
  TRY_ASSIGN(auto initramfs, initramfs_for(kernel));
  MachineSpec spec{.accelerator = {},
                   .memory_bytes = request.memory_bytes,
                   .kernel = std::move(image),
                   .initramfs = initramfs.file,
                   .kernel_arguments = fmt::format("{}", fmt::join(request.kernel_arguments, " ")),
                   .incoming = false};
  Plan plan{.qemu = std::move(qemu),
            .kernel = std::move(kernel),
            .initramfs = std::move(initramfs),
            .spec = std::move(spec),
            .key = {}};
  set_accelerator(plan, accelerator_of(plan.qemu));
  return plan;
}

// The words of a failure with what the guest printed last.
std::string with_console(std::string words, const Machine& machine) {
  const auto tail = last_lines(machine.console(0, kConsoleKept), kConsoleLinesShown);
  return tail.empty() ? words : fmt::format("{}; the guest's console ends with\n{}", words, tail);
}

base::Error boot_error(base::Error error, const Machine& machine) {
  error.message = with_console(std::move(error.message), machine);
  return error;
}

base::Result<Guest> boot_cold(const Plan& plan, Clock::time_point deadline) {
  TRY_ASSIGN(Machine machine, Machine::start(plan.qemu, plan.spec, deadline));
  auto hello = wait_for_hello(machine.agent_fd(), machine.alive_fd(), deadline);
  if (!hello) {
    return std::unexpected(boot_error(std::move(hello).error(), machine));
  }
  if (hello->agent != own_identity()) {
    return base::fail(base::ErrorKind::parse, "the guest's agent is not of this build");
  }
  if (read_console(machine.console(0, kConsoleKept)) != GuestFate::well) {
    return std::unexpected(
        boot_error({.kind = base::ErrorKind::syscall, .message = "the guest's kernel crashed"}, machine));
  }
  return Guest{.machine = std::move(machine), .kernel = std::move(hello->kernel), .boot = "cold"};
}

base::Result<Guest> restore(const Plan& plan, const Snapshot& snapshot, Clock::time_point deadline) {
  MachineSpec spec = plan.spec;
  spec.incoming = true;
  TRY_ASSIGN(Machine machine, Machine::start(plan.qemu, spec, deadline));
  TRY(machine.load(snapshot.state, deadline));
  TRY(machine.resume(deadline));
  return Guest{.machine = std::move(machine), .kernel = snapshot.info.kernel, .boot = "snapshot"};
}

// Boots, keeps the booted guest for the next time and goes on with it.
base::Result<Guest> boot_and_keep(const Plan& plan, const Request& request, Clock::time_point deadline) {
  say(request, fmt::format("booting {} once and keeping a snapshot of it ({})", plan.kernel.release,
                           plan.spec.accelerator == "kvm" ? "KVM" : "software emulation"));
  TRY_ASSIGN(Guest guest, boot_cold(plan, deadline));
  const SnapshotInfo info{.kernel = guest.kernel,
                          .initramfs = plan.initramfs.identity,
                          .memory_bytes = request.memory_bytes,
                          .accelerator = plan.spec.accelerator};
  const auto kept =
      keep_snapshot(plan.key, info, [&](const auto& state) { return guest.machine.save(state, deadline); });
  if (!kept) {
    say(request, fmt::format("the snapshot was not kept: {}", kept.error().message));
  }
  TRY(guest.machine.resume(deadline));
  return guest;
}

base::Result<Guest> bring_up(const Plan& plan, const Request& request) {
  const auto deadline = [&] { return Clock::now() + request.boot_timeout; };
  if (request.boot == Boot::cold) {
    return boot_cold(plan, deadline());
  }
  auto snapshot = find_snapshot(plan.key);
  if (!snapshot) {
    TRY_ASSIGN(const base::Fd lock, lock_cache("snapshots.lock", [&] {
                 say(request, "waiting for another oomlab that is making a snapshot");
               }));
    snapshot = find_snapshot(plan.key);
    if (!snapshot) {
      return boot_and_keep(plan, request, deadline());
    }
  }
  auto guest = restore(plan, *snapshot, deadline());
  if (!guest) {
    remove_snapshot(plan.key);
  }
  return guest;
}

// Puts together what the session, the console and QEMU's end tell.
Attempt judge(Guest& guest, base::Result<SessionEnd>& end, std::size_t console_mark, const Plan& plan) {
  Machine& machine = guest.machine;
  const bool unsure = !end || end->how == SessionEnd::How::guest_gone;
  const std::string last_words = unsure ? machine.last_words() : std::string();  // after these the console is complete
  const std::string console = machine.console(console_mark, kConsoleKept);
  const auto fate = read_console(console);
  const auto outcome = outcome_of(end, fate, !unsure || machine.runs());
  Attempt attempt{.reply = {}, .refused = {}, .lab_failure = {}, .began = true};
  if (outcome == Outcome::refused) {
    attempt.refused = std::move(end).error();
    return attempt;
  }
  if (outcome == Outcome::lab_failure) {
    const auto words = fate == GuestFate::crashed ? "the guest's kernel crashed"
                       : !end                     ? fmt::format("{} ({})", end.error().message, last_words)
                                                  : fmt::format("the guest ended without a word ({})", last_words);
    attempt.lab_failure = with_console(words, machine);
    return attempt;
  }
  attempt.reply = Reply{.status = outcome == Outcome::exited ? end->status : base::ExitStatus{},
                        .files = end ? std::move(end->files) : decltype(Reply::files){},
                        .kernel = guest.kernel,
                        .accelerator = plan.spec.accelerator,
                        .boot = guest.boot,
                        .lab_failures = 0,
                        .panicked = outcome == Outcome::panicked,
                        .hung = outcome == Outcome::hung,
                        .console = std::string(without_repetition(console))};
  return attempt;
}

Attempt try_once(const Plan& plan, const Request& request) {
  auto guest = bring_up(plan, request);
  if (!guest) {
    return {.reply = {}, .refused = {}, .lab_failure = guest.error().message, .began = false};
  }
  const auto mark = guest->machine.console_size();
  auto end =
      run_session(guest->machine.agent_fd(), guest->machine.file_server_fd(), guest->machine.alive_fd(), request);
  return judge(*guest, end, mark, plan);
}

// Whether the command can be given the same input once more; a file's position is set back to where it was.
bool rewind_input(const Request& request, off_t start) {
  return request.stdin_fd < 0 || ::isatty(request.stdin_fd) == 1 ||
         (start >= 0 && ::lseek(request.stdin_fd, start, SEEK_SET) == start);
}

}  // namespace

base::Result<Reply> run(const Request& request) {
  constexpr unsigned kTries = 2;
  TRY_ASSIGN(Plan plan, make_plan(request));
  const off_t start = request.stdin_fd < 0 ? -1 : ::lseek(request.stdin_fd, 0, SEEK_CUR);
  for (unsigned failures = 0;;) {
    auto attempt = try_once(plan, request);
    if (attempt.refused) {
      return std::unexpected(std::move(*attempt.refused));
    }
    if (attempt.reply) {
      attempt.reply->lab_failures = failures;
      return std::move(*attempt.reply);
    }
    ++failures;
    const bool repeatable = !attempt.began || rewind_input(request, start);
    if (failures == kTries || !repeatable) {
      return base::fail(base::ErrorKind::syscall, fmt::format("the virtual machine failed{}: {}",
                                                              failures == kTries ? " twice" : "", attempt.lab_failure));
    }
    say(request, fmt::format("the virtual machine failed, trying once more: {}",
                             attempt.lab_failure.substr(0, attempt.lab_failure.find('\n'))));
    if (!attempt.began && plan.spec.accelerator == "kvm") {
      distrust_kvm(plan.qemu);
      set_accelerator(plan, "tcg");
    }
  }
}

Availability availability() {
  Availability found;
  for (const auto& kernel : list_kernels()) {
    found.kernels.push_back(kernel.release);
  }
  const auto qemu = find_qemu();
  if (!qemu) {
    found.qemu = qemu.error().message;
    found.remedy = qemu.error().remedy;
    return found;
  }
  found.qemu = fmt::format("QEMU {} ({})", qemu->version, qemu->path.native());
  found.accelerator = accelerator_of(*qemu);
  found.available = !found.kernels.empty();
  found.remedy = found.available ? "" : "oomlab vm fetch 6.12";
  return found;
}

}  // namespace vm
