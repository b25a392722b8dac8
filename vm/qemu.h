#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace vm {

struct Qemu {
  std::filesystem::path path;
  std::string version;  // "7.2.22"
};

// $OOMLAB_QEMU, else qemu-system-x86_64 of $PATH, else /usr/libexec/qemu-kvm. kind unsupported, with how to install it,
// when there is none.
base::Result<Qemu> find_qemu();

// "kvm" when a probe of it ran (some hosts have a /dev/kvm on which QEMU dies at once), else "tcg", software emulation.
// The answer is kept in the cache until the next boot of the host or change of QEMU.
std::string accelerator_of(const Qemu& qemu);

// Remembers that KVM failed a boot although the probe liked it.
void distrust_kvm(const Qemu& qemu);

// What the machine is made of. The numbers of the child's descriptors are fixed, see below.
struct MachineSpec {
  std::string accelerator;  // "kvm" | "tcg"
  std::uint64_t memory_bytes = 0;
  std::filesystem::path kernel;  // what QEMU loads: a vmlinux or a bzImage
  std::filesystem::path initramfs;
  std::string kernel_arguments;  // after our own
  bool incoming = false;         // wait for a snapshot instead of booting
};

inline constexpr int kQmpFd = 3, kAgentFd = 4, kFileServerFd = 5, kConsoleFd = 6;

// QEMU's arguments, argv[0] included. A snapshot fits only the same arguments (but for `incoming`).
std::vector<std::string> qemu_arguments(const std::filesystem::path& qemu, const MachineSpec& spec);

// The first version number of `qemu --version`: "QEMU emulator version 7.2.22 (Debian ...)". kind parse when there is
// none.
base::Result<std::string> parse_qemu_version(std::string_view text);

// The exit status by which the guest's agent says that all went well (isa-debug-exit: (0x10 << 1) | 1).
inline constexpr int kCleanExit = 33;

}  // namespace vm
