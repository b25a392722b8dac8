#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

// The user's cache folder: kernels/ (fetched), vmlinux/ (unpacked images), initramfs/, snapshots/, host.json (what is
// known of QEMU here). All of it can be made again; `oomlab vm clean` removes it.
namespace vm {

// $OOMLAB_CACHE, else $XDG_CACHE_HOME/oomlab, else $HOME/.cache/oomlab, else /tmp/oomlab-UID. Touches nothing.
std::filesystem::path cache_folder();

// The folder cache_folder()/part, made with mode 0700 when it is not there. An error names the folder; a cache in /tmp
// that belongs to someone else is one.
base::Result<std::filesystem::path> make_cache_folder(std::string_view part);

// An exclusive flock(2) on cache_folder()/name, held until the descriptor is closed. `waiting` is called once when
// another process holds it.
base::Result<base::Fd> lock_cache(std::string_view name, const std::function<void()>& waiting);

// "path size mtime inode device": equal as long as nobody replaced or changed the file. Empty when there is no such
// file.
std::string file_stamp(const std::filesystem::path& path);

// A name for a file of the cache that is made from these bytes: long enough to be unique, short enough for a listing.
std::string cache_key(std::string_view bytes);

// What the folder or file takes on disk, in bytes (blocks, so that sparse files count what they hold).
std::uint64_t disk_usage(const std::filesystem::path& path);

}  // namespace vm
