#pragma once

#include <cstdint>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "stress/parameters.h"
#include "stress/workload.h"

namespace stress {

// The option of workloads that need page cache of a disk, and what they need in words.
inline constexpr std::array kFolder{
    Parameter{"folder", ParameterKind::text, "",
              "on a disk, not in memory (default: the micro-VM's disk, else /var/tmp)"},
};
inline constexpr std::array kNeedsDisk{Need::disk};
inline constexpr std::string_view kDiskWords =
    "a file system on a disk for --folder; the micro-VM brings one (--guest-disk)";

// Where --folder is, by default or as given. kind unsupported when that is no disk: files there would be shared memory.
base::Result<std::string> disk_folder(const Parameters& parameters);
base::Result<> probe_disk(const Context& context);

// A file there without a name: gone with its last descriptor, whatever ends us.
base::Result<base::Fd> create_scratch_file(const Parameters& parameters);

// The same, with that much in it, written to the disk and dropped from the page cache.
base::Result<base::Fd> create_scratch_file(const Parameters& parameters, std::uint64_t bytes);

}  // namespace stress
