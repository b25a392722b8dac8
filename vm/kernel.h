#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace vm {

// A kernel that a guest can be booted with.
struct Kernel {
  enum class Source { cache, file, running };
  std::string release;            // uname -r: "6.12.117+deb12-cloud-amd64"
  std::filesystem::path image;    // bzImage or vmlinux
  std::filesystem::path modules;  // folder to look for modules in; empty: none, all must be built in
  Source source = Source::cache;
};

std::string_view source_name(Kernel::Source source);  // "cache", "file", "running"

// Whether a name means this release: equal, or a prefix that ends at the end of a number ("6.1"
// means 6.1.0-56-cloud-amd64, not 6.12.117).
bool names_release(std::string_view name, std::string_view release);

// Orders releases as people do: runs of digits by value, everything else by byte. Negative, zero or positive.
int compare_releases(std::string_view left, std::string_view right);

// Those in the cache, newest first, then the running one when its image can be read.
std::vector<Kernel> list_kernels();

// By name (see names_release), "running", or path of an image; nothing: the newest of the cache, else the running one.
// kind unsupported when there is no such kernel, with what there is and how to get one.
base::Result<Kernel> find_kernel(const std::optional<std::string>& name);

// The kernel whose image is this file; its modules are looked for beside it and in /lib/modules.
base::Result<Kernel> kernel_at(const std::filesystem::path& image);

}  // namespace vm
