#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "vm/kernel.h"

// Kernels from a distribution's packages into the cache, without root and without installing anything: apt-get
// downloads and checks the signatures, dpkg-deb unpacks, the image and the few modules of the guest are kept.
namespace vm {

struct FetchOptions {
  std::optional<std::string> mirror;            // a Debian mirror's URL, used instead of the machine's own apt sources
  std::vector<std::string> suites;              // of that mirror; empty: bookworm and bookworm-security
  std::function<void(const std::string&)> say;  // progress, may be empty
};

// Fetches the newest packaged kernel of that name (see names_release). kind unsupported when the sources have none,
// with what they have.
base::Result<Kernel> fetch_kernel(const std::string& name, const FetchOptions& options);

// Takes the kernel out of package files: one .deb with image and modules, or several that belong together.
base::Result<Kernel> adopt_packages(const std::vector<std::filesystem::path>& packages, const FetchOptions& options);

// The release out of a package's name: "linux-image-6.1.0-56-cloud-amd64" of one of the flavours that suit a virtual
// machine; nothing for any other package.
std::optional<std::string> packaged_release(std::string_view package);

// Of these package names the kernels of that name, best first: cloud flavours before generic ones, newer before older.
std::vector<std::string> choose_releases(const std::vector<std::string>& packages, std::string_view name);

// Whether QEMU of that version runs this kernel without failing now and then: Debian 13's cloud kernels need QEMU 10
// for it (a fault of the emulation of cmpxchg16b; one boot in five dies).
bool runs_steadily(std::string_view release, std::string_view qemu_version);

}  // namespace vm
