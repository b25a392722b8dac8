#include "vm/guest.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <termios.h>

#include <cstdlib>

#include <fmt/format.h>

#include "base/file.h"
#include "vm/guest_agent.h"
#include "vm/identity.h"
#include "vm/vm.h"

namespace vm {

namespace {

HelloFrame greeting() {
  utsname name{};
  (void)::uname(&name);  // fails only for a bad address
  return {.kernel = name.release, .agent = own_identity()};
}

base::Result<std::vector<pid_t>> prepare(const RunFrame& order, HostFiles& files) {
  TRY(apply_order(order));
  return order.host_files ? files.mount() : std::vector<pid_t>{};
}

base::Result<> serve() {
  TRY(prepare_system());
  TRY_ASSIGN(const base::Fd port, open_port(kAgentPortName));
  TRY_ASSIGN(const base::Fd files_port, open_port(kFilesPortName));
  TRY_ASSIGN(auto files, HostFiles::prepare(files_port.get()));
  TRY_ASSIGN(const auto agent, Agent::create(port.get(), "/proc/self/exe",
                                             [&files](const RunFrame& order) { return prepare(order, files); }));
  if (::mlockall(MCL_CURRENT | MCL_FUTURE) != 0) {
    return base::system_error("mlockall");
  }
  TRY(Agent::greet(port.get(), greeting()));
  return agent->run();
}

}  // namespace

void power_off(GuestEnd end) {
  const base::Fd console(::open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC));
  (void)::tcdrain(console.get());  // the last lines would be lost with the machine
  if (::ioperm(kDebugExitPort, 1, 1) == 0) {
    ::outb(static_cast<unsigned char>(end), kDebugExitPort);
  }
  (void)::reboot(RB_POWER_OFF);  // where QEMU has no isa-debug-exit
  std::abort();
}

// The first process, and nobody has mounted anything yet: only a kernel that starts its initramfs does that. A
// container's first process has a /proc.
bool is_guest_init() {
  struct statfs root{};
  return ::getpid() == 1 && ::access("/proc/self", F_OK) != 0 && ::statfs("/", &root) == 0 &&
         (root.f_type == RAMFS_MAGIC || root.f_type == TMPFS_MAGIC);
}

void guest_main() {
  if (auto served = serve(); !served) {
    // On the serial console: the host shows its tail when a guest does not answer.
    const base::Fd console(::open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC));
    (void)base::write_all(console.get(), fmt::format("oomlab guest: {}\n", served.error().message));
    power_off(GuestEnd::failed);
  }
  power_off(GuestEnd::orderly);
}

}  // namespace vm
