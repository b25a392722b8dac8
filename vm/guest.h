#pragma once

#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

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

// Empties the console and ends the guest.
[[noreturn]] void power_off(GuestEnd end);

}  // namespace vm
