#include "cli/backend.h"

#include <unistd.h>

#include <cstdlib>

#include <fmt/format.h>

#include "cgroup/delegation.h"
#include "vm/vm.h"

namespace cli {
namespace {

base::Error refusal(const cgroup::Delegation& delegation) {
  return {.kind = base::ErrorKind::unsupported, .message = delegation.reason, .remedy = delegation.remedy};
}

// Becomes `systemd-run ... oomlab <the same words>`: the scope is ours and delegated.
base::Error start_in_scope(const std::vector<std::string>& prefix, const Invocation& invocation) {
  std::vector<std::string> words = prefix;
  words.emplace_back("/proc/self/exe");
  if (const auto exe = ::realpath("/proc/self/exe", nullptr); exe != nullptr) {
    words.back() = exe;
    ::free(exe);  // NOLINT(cppcoreguidelines-no-malloc): realpath(3) allocates
  }
  words.emplace_back(invocation.name);
  words.insert(words.end(), invocation.arguments.begin(), invocation.arguments.end());
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (auto& word : words) {
    argv.push_back(word.data());
  }
  argv.push_back(nullptr);
  (void)::setenv("OOMLAB_REEXEC", "1", 1);  // so that it is tried once only
  ::execvp(argv[0], argv.data());
  return base::system_error(words[0]).error();
}

}  // namespace

base::Result<Choice> choose_backend(const std::string& wanted, const Invocation& invocation) {
  if (wanted == "vm") {
    return Choice{};
  }
  TRY_ASSIGN(const auto hierarchy, cgroup::find_own_hierarchy());
  auto delegation = cgroup::find_delegation(hierarchy);
  switch (delegation.access) {
    case cgroup::Access::direct:
    case cgroup::Access::move_self:
      return Choice{.backend = Backend::host, .delegation = std::move(delegation)};
    case cgroup::Access::systemd_user:
    case cgroup::Access::systemd_root:
      return std::unexpected(start_in_scope(delegation.reexec, invocation));
    case cgroup::Access::refused:
      break;
  }
  if (wanted == "host") {
    return std::unexpected(refusal(delegation));
  }
  const auto lab = vm::availability();
  if (lab.available) {
    return Choice{};
  }
  auto error = refusal(delegation);
  error.message = fmt::format("{}; and no micro-VM: {}", error.message, lab.qemu);
  error.remedy = fmt::format("{}; or for the micro-VM: {}", error.remedy, lab.remedy);
  return std::unexpected(std::move(error));
}

}  // namespace cli
