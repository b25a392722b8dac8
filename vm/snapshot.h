#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// Booted guests kept in the cache: snapshots/KEY/state (a migration stream) and info.json. They can be made again at
// any time.
namespace vm {

struct SnapshotInfo {
  std::string kernel;              // uname -r of the guest
  std::string initramfs;           // its identity
  std::uint64_t memory_bytes = 0;  // the guest's RAM
  std::string accelerator;
};

struct Snapshot {
  std::string key;
  std::filesystem::path state;
  SnapshotInfo info;
};

// Equal only where a snapshot fits: QEMU (its version and file), its arguments, the kernel and the initramfs behind
// their paths, under KVM the processor too.
std::string snapshot_key(std::string_view qemu_identity, const std::vector<std::string>& arguments,
                         std::string_view kernel_stamp, std::string_view initramfs_identity,
                         std::string_view processor);

// The host processor's name and flags, for the key under KVM.
std::string host_processor();

// The one of that key, if it is kept; its time of use is noted.
std::optional<Snapshot> find_snapshot(const std::string& key);

// Has `save` write the state to the path it is given and keeps it under the key as one step. Call with the lock
// "snapshots.lock" held. Then removes what is too old: all but the newest six, and archives of the initramfs that none
// of them needs.
base::Result<> keep_snapshot(const std::string& key, const SnapshotInfo& info,
                             const std::function<base::Result<>(const std::filesystem::path&)>& save);

std::vector<Snapshot> list_snapshots();  // the last used first
void remove_snapshot(const std::string& key);

}  // namespace vm
