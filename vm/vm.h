#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/exit_status.h"
#include "base/result.h"

// The micro-VM: a command of the host run in a fresh guest with a kernel of one's choice and a real cgroup v2. No root
// needed, nothing left behind.
namespace vm {

enum class Boot { automatic, cold };  // automatic: from the kept snapshot where that works

struct Request {
  std::vector<std::string> argv;  // run by the guest's agent in the initramfs; argv[0] "oomlab" is this same binary
  std::vector<std::string> environment;  // NAME=value
  std::optional<std::string> root;       // chroot(2) there first, e.g. kHostRoot; then argv is looked up in it
  std::string working_folder = "/";      // inside root
  std::optional<uid_t> uid;              // with gid; nothing = root of the guest
  std::optional<gid_t> gid;
  std::optional<std::string>
      kernel;  // name ("6.12", a release) or path of a kernel image; nothing = newest that is there
  std::uint64_t memory_bytes = 512ULL << 20;  // the guest's RAM
  std::uint64_t swap_bytes = 0;               // zram in the guest; 0 = none
  std::uint64_t disk_bytes = 0;               // of a disk at kScratchDisk, ext4 on zram, up to 16 GiB; 0 = none
  std::vector<std::string> kernel_arguments;  // appended to the guest's kernel command line
  std::vector<std::pair<std::string, std::string>> sysctls;  // written in the guest before the command
  std::vector<std::string> fetch;                            // guest files to bring back when the command has ended
  int stdin_fd = 0, stdout_fd = 1, stderr_fd = 2;            // live streams; -1 = /dev/null
  std::chrono::seconds boot_timeout{60};
  std::optional<std::chrono::seconds> timeout;  // of the command; then the guest is ended and `hung` is set
  Boot boot = Boot::automatic;
  std::function<void(const std::string&)>
      say;  // a word for the user now and then ("making a snapshot of the 6.12 guest"); may be empty
};

struct Reply {
  base::ExitStatus status;                                 // of the command
  std::vector<std::pair<std::string, std::string>> files;  // those of Request::fetch that exist, with their bytes
  std::string kernel;                                      // uname -r of the guest
  std::string accelerator;                                 // "kvm" | "tcg"
  std::string boot;                                        // "snapshot" | "cold"
  unsigned lab_failures = 0;                               // boots that failed and were repeated
  bool panicked = false;  // the guest's kernel panicked while the command ran; status is not set then
  bool hung = false;      // the guest stopped answering, or the time was over
  std::string console;    // what the guest's serial console printed since the command began (at most 256 KiB, the end)
};

// Where the guest sees the host's files (read-only below, a throw-away overlay above): the folder to chroot to.
inline constexpr const char* kHostRoot = "/host";

// Where the guest has its disk, if one was asked for, inside and outside of kHostRoot.
inline constexpr const char* kScratchDisk = "/run/oomlab-disk";

// Boots (or restores), runs, ends. Forwards the signals of run_session() to the guest's command while it runs. An error
// means that there was no such run: no QEMU, no kernel (kind unsupported, with the remedy), or the lab failed twice.
base::Result<Reply> run(const Request& request);

// Does what run() needs short of running: finds QEMU and the kernel. For doctor and --backend auto.
struct Availability {
  bool available = false;
  std::string qemu;         // "QEMU 7.2.22 (/usr/bin/qemu-system-x86_64)" or why not
  std::string accelerator;  // "kvm" | "tcg"
  std::vector<std::string> kernels;
  std::string remedy;
};
Availability availability();

// The guest's first process: never returns. main() calls it when this process is PID 1 of the guest (see vm/guest.h).
[[noreturn]] void guest_main();
[[nodiscard]] bool is_guest_init();

}  // namespace vm
