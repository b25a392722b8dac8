#pragma once

#include <cstdint>
#include <span>

#include "base/fd.h"
#include "base/result.h"

// Kernel memory that a process can ask for directly: maps of bpf(2), charged to who makes them since Linux 5.11.
namespace stress {

// An array of one value of that many bytes. kind permission where this user may not.
base::Result<base::Fd> create_array_map(std::uint32_t value_bytes);

// A table whose values, of that many bytes for each processor (at most 32 KiB), are allocated one by one.
base::Result<base::Fd> create_percpu_map(std::uint32_t value_bytes, std::uint32_t most);

// Puts a value there; it has value_bytes (rounded up to 8) for each processor that there could be.
base::Result<> put(const base::Fd& map, std::uint32_t key, std::span<const std::byte> value);
base::Result<> take_away(const base::Fd& map, std::uint32_t key);

}  // namespace stress
