#pragma once

#include <sys/types.h>

#include <array>
#include <string_view>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "vm/protocol.h"

// What the host side must know of the guest that this binary becomes as /init of an initramfs:
//   /modules/order   paths of kernel modules, one a line, loaded in that order; the file may be missing
//   oomlab.agent     name of the virtio-serial port of frames (vm/protocol.h)
//   oomlab.fs        name of the virtio-serial port of raw FUSE messages
//   0x501            I/O port of QEMU's isa-debug-exit: the guest's orderly end makes QEMU exit with 33, its own
//   failure with 35 (a panic with 0)
// The folders that it needs (/proc, /sys, /dev, /tmp, /run, /host) it makes itself.
namespace vm {

inline constexpr const char* kModuleOrder = "/modules/order";
inline constexpr std::string_view kAgentPortName = "oomlab.agent";
inline constexpr std::string_view kFilesPortName = "oomlab.fs";
inline constexpr unsigned kDebugExitPort = 0x501;
enum class GuestEnd : unsigned char { orderly = 0x10, failed = 0x11 };  // what is written there
constexpr int qemu_exit_status(GuestEnd end) {
  return 2 * static_cast<int>(end) + 1;
}

// Makes the booted kernel a system: file systems, modules, lo, cgroup2 with its controllers, a quiet console.
// Everything that goes wrong is in the error; what only some kernels have is left out silently.
base::Result<> prepare_system();

// Opens the virtio-serial port of that name, read and write, blocking; waits for the kernel to announce it (at most 10
// s).
base::Result<base::Fd> open_port(std::string_view name);

// Applies what the order says of the guest as a whole: clock, randomness, host name, console, sysctls, swap,
// disk.
base::Result<> apply_order(const RunFrame& order);

// Makes a disk of at least that size and mounts it at kScratchDisk.
base::Result<> make_disk(std::uint64_t wanted_bytes, const std::string& uuid);

// The host's files in the guest.
class HostFiles {
 public:
  // Before the greeting, for it is in the snapshot then: mounts FUSE, whose first message waits in the kernel, and
  // forks the processes that will move the messages. The host hears nothing of it.
  static base::Result<HostFiles> prepare(int files_port);
  // With the order: lets the messages flow and mounts at kHostRoot a throw-away overlay above the host's files, with
  // the guest's own /proc, /sys, /dev and /run in it. The result are the processes that move the messages.
  base::Result<std::vector<pid_t>> mount();

 private:
  HostFiles() = default;
  base::Fd go_;  // the movers wait until this is closed
  std::array<pid_t, 2> movers_{};
};

// Empties the console and ends the guest.
[[noreturn]] void power_off(GuestEnd end);

}  // namespace vm
