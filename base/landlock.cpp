// There is no wrapper in glibc, and linux/landlock.h of the oldest distribution that we build on knows ABI 1 only. So
// the numbers of later ABIs are here, and the kernel is asked for its ABI at run time.
#include "base/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "base/escape.h"
#include "base/fd.h"

namespace base {
namespace {

// struct landlock_ruleset_attr as of ABI 6: what is forbidden unless a rule allows it.
struct Handled {
  std::uint64_t paths = 0;
  std::uint64_t network = 0;
  std::uint64_t scopes = 0;
};

constexpr std::uint64_t first_bits(unsigned count) {
  return (std::uint64_t{1} << count) - 1;
}

// What each ABI added (Documentation/userspace-api/landlock.rst). The kernel refuses bits that it does not know, and a
// structure that is longer than its own with other bytes than 0 at the end.
struct Abi {
  int since = 1;
  Handled handled;
  std::size_t size = 0;
};
constexpr std::array kAbis{
    Abi{.since = 6, .handled = {first_bits(16), first_bits(2), first_bits(2)}, .size = sizeof(Handled)},  // scopes
    Abi{.since = 5, .handled = {first_bits(16), first_bits(2)}, .size = offsetof(Handled, scopes)},       // IOCTL_DEV
    Abi{.since = 4, .handled = {first_bits(15), first_bits(2)}, .size = offsetof(Handled, scopes)},       // TCP
    Abi{.since = 3, .handled = {first_bits(15)}, .size = offsetof(Handled, network)},                     // TRUNCATE
    Abi{.since = 2, .handled = {first_bits(14)}, .size = offsetof(Handled, network)},                     // REFER
    Abi{.since = 1, .handled = {first_bits(13)}, .size = offsetof(Handled, network)},
};

const Abi& newest_up_to(int abi) {
  for (const auto& known : kAbis) {
    if (known.since <= abi) {
      return known;
    }
  }
  return kAbis.back();
}

Result<int> kernel_abi() {
  const auto abi = ::syscall(SYS_landlock_create_ruleset, nullptr, std::size_t{0}, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi >= 1) {
    return static_cast<int>(abi);
  }
  const int error = errno;
  auto refused = system_error("Landlock", error);
  if (error == ENOSYS) {
    refused.error().remedy = "a kernel with CONFIG_SECURITY_LANDLOCK=y";
  } else if (error == EOPNOTSUPP) {
    refused.error().remedy = "landlock in the list of the kernel's parameter lsm=";
  }
  return refused;
}

Result<> allow_replacing(int ruleset, const std::filesystem::path& folder) {
  const auto name = escape_terminal(folder.native());
  const Fd parent(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!parent) {
    return system_error(name);
  }
  landlock_path_beneath_attr rule{};
  rule.allowed_access = LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE;
  rule.parent_fd = parent.get();
  if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0U) != 0) {
    return system_error(name);
  }
  return {};
}

}  // namespace

Result<int> forbid_paths(std::span<const std::filesystem::path> replace_files_in) {
  TRY_ASSIGN(const int abi, kernel_abi());
  const auto& known = newest_up_to(abi);
  const Fd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &known.handled, known.size, 0U)));
  if (!ruleset) {
    return system_error("Landlock: create_ruleset");
  }
  for (const auto& folder : replace_files_in) {
    if (auto allowed = allow_replacing(ruleset.get(), folder); !allowed) {
      return std::unexpected(std::move(allowed).error().context("Landlock"));
    }
  }
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0U) != 0) {
    return system_error("Landlock: restrict_self");
  }
  return known.since;
}

}  // namespace base
