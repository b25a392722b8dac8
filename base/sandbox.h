#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

// A cage for code that reads hostile bytes. A mistake in a parser then costs a wrong answer or a crash, but the process
// can open, send, start and kill nothing. Two fences, each of which holds without the other:
//   seccomp(2)   system calls: descriptors that are open, memory, threads, clocks, nothing else. A forbidden call kills
//                the process by SIGSYS, after a line on standard error that names it.
//   landlock(7)  what can be reached by a path: no file system, no TCP, no signal to the outside, as far as this
//                kernel's Landlock knows these.
namespace base {

// What is allowed besides.
struct Allowance {
  // Folders in which files may be renamed and removed: PendingFile::folder() of each output. Landlock holds these to
  // the folders, and seccomp cannot (a path is memory): without Landlock they may be renamed and removed wherever the
  // user may. Empty: nowhere.
  std::vector<std::filesystem::path> replace_files_in;
  // Ends the message about a forbidden call: what the user can do. At most 255 bytes.
  std::string advice;
};

// What is in force from now on. A container's own profile may forbid one or both, an old kernel may not have them;
// whether to go on is the caller's choice.
struct Confinement {
  Result<> seccomp;
  Result<int> landlock_abi;  // the ABI in force, see landlock(7)
};

// Confines this thread and all that it will start, for good. Call it once, after everything is open and before there is
// a second thread. Afterwards nothing opens a file, and some functions that do not look like it do: localtime() at its
// first call, std::thread::hardware_concurrency(), iconv_open(). In a build with AddressSanitizer, ThreadSanitizer or
// MemorySanitizer it does nothing and says so in both results, as these need system calls of their own.
Confinement confine(const Allowance& allowance = {});

}  // namespace base
