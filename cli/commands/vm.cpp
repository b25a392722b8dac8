#include "vm/vm.h"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>

#include "base/bytes.h"
#include "base/escape.h"
#include "cli/command.h"
#include "cli/report.h"
#include "vm/cache.h"
#include "vm/fetch.h"
#include "vm/kernel.h"
#include "vm/qemu.h"
#include "vm/snapshot.h"

namespace cli::commands {
namespace {

int run_vm(const Invocation& invocation);

}  // namespace

constinit extern const Command vm{
    .summary = "the micro-VM: its kernels, its snapshots, a command in it",
    .usage = "kernels | fetch NAME... | exec [--] CMD [ARG...] | info | clean",
    .details = R"(  kernels   lists the kernels that `--kernel` can name: fetched ones and the running one
  fetch     gets a kernel from a Debian or Ubuntu package into the cache: no root, nothing is installed
  exec      runs a command as root of a fresh guest: the host's files read-only under a throw-away layer,
            standard input, output and error live, Ctrl-C forwarded, exit status the command's
  info      QEMU, its accelerator, the cache, the kept snapshots
  clean     removes the snapshots and what they were made from; --all the fetched kernels too

The guest is restored from a snapshot in the cache ($OOMLAB_CACHE, else ~/.cache/oomlab); the first command with a
kernel, a memory size and a build of oomlab boots it once to make one.

Examples:
  oomlab vm fetch 6.12 6.1
  oomlab vm fetch 6.12 --mirror https://MIRROR/debian       # on Ubuntu; needs debian-archive-keyring
  oomlab vm fetch --package linux-image-6.1.0-56-cloud-amd64_6.1.192-2_amd64.deb
  oomlab vm exec -- uname -a
  oomlab vm exec --kernel 6.1 --sysctl vm.panic_on_oom=1 -- sh -c 'tail /dev/zero'
  oomlab vm exec --cold --memory 1G -- free -m
  oomlab vm exec --cold --kernel-argument movablecore=128M -- cat /proc/zoneinfo)",
    .run = run_vm,
};

namespace {

struct VmOptions {
  std::vector<std::string> sysctls, suites, packages, kernel_arguments;
  std::optional<std::string> kernel, mirror;
  std::optional<std::uint64_t> memory, swap, disk;
  std::optional<std::chrono::nanoseconds> timeout;
  bool cold = false, bare = false, all = false;
};

base::Error usage_error(std::string message) {
  return base::Error{
      .kind = base::ErrorKind::usage, .message = std::move(message), .remedy = "oomlab vm --help says more"};
}

std::vector<std::string> own_environment() {
  std::vector<std::string> words;
  for (char** entry = ::environ; *entry != nullptr; ++entry) {
    words.emplace_back(*entry);
  }
  return words;
}

int show_kernels() {
  const auto kernels = ::vm::list_kernels();
  if (kernels.empty()) {
    say("no kernels yet: `oomlab vm fetch 6.12` gets one");
    return 0;
  }
  std::string out;
  for (const auto& kernel : kernels) {
    const bool cached = kernel.source == ::vm::Kernel::Source::cache;
    out += fmt::format("{} {:<40} {:<8} {:>9}  {}\n", &kernel == kernels.data() ? '*' : ' ',
                       base::escape_terminal(kernel.release), ::vm::source_name(kernel.source),
                       base::human_size(::vm::disk_usage(cached ? kernel.image.parent_path() : kernel.image)),
                       base::escape_terminal(kernel.image.native()));
  }
  out += "* is taken without --kernel\n";
  return print(out);
}

int fetch_kernels(const std::vector<std::string>& names, const VmOptions& chosen) {
  const ::vm::FetchOptions options{
      .mirror = chosen.mirror, .suites = chosen.suites, .say = [](const std::string& words) { say(words); }};
  if (names.empty() == chosen.packages.empty()) {
    return report(usage_error("vm fetch: expected names of kernels (6.12, 6.1, a release) or --package FILE.deb"));
  }
  if (!chosen.packages.empty()) {
    const auto kernel = ::vm::adopt_packages({chosen.packages.begin(), chosen.packages.end()}, options);
    return kernel ? print(kernel->release + "\n") : report(kernel.error());
  }
  for (const auto& name : names) {
    const auto kernel = ::vm::fetch_kernel(name, options);
    if (!kernel) {
      return report(kernel.error());
    }
    if (const int status = print(kernel->release + "\n"); status != 0) {
      return status;
    }
  }
  return 0;
}

int show_info() {
  const auto found = ::vm::availability();
  std::string out = fmt::format("qemu         {}\n", base::escape_terminal(found.qemu));
  if (!found.accelerator.empty()) {
    out += fmt::format("accelerator  {}\n",
                       found.accelerator == "kvm" ? "kvm" : "tcg (software emulation: KVM does not work here)");
  }
  out += fmt::format("kernels      {}\n", found.kernels.empty() ? "none" : std::to_string(found.kernels.size()));
  const auto cache = ::vm::cache_folder();
  out += fmt::format("cache        {} ({})\n", base::escape_terminal(cache.native()),
                     base::human_size(::vm::disk_usage(cache)));
  for (const auto& snapshot : ::vm::list_snapshots()) {
    out +=
        fmt::format("snapshot     {}  {}  {}  guest RAM {}  {}\n", snapshot.key.substr(0, 12),
                    base::escape_terminal(snapshot.info.kernel), base::escape_terminal(snapshot.info.accelerator),
                    base::human_size(snapshot.info.memory_bytes), base::human_size(::vm::disk_usage(snapshot.state)));
  }
  if (!found.remedy.empty()) {
    out += fmt::format("remedy       {}\n", found.remedy);
  }
  return print(out);
}

int clean(const VmOptions& chosen) {
  const auto lock =
      ::vm::lock_cache("snapshots.lock", [] { say("waiting for another oomlab that is making a snapshot"); });
  if (!lock) {
    return report(lock.error());
  }
  const auto cache = ::vm::cache_folder();
  const auto before = ::vm::disk_usage(cache);
  std::vector<std::string> parts{"snapshots", "initramfs", "vmlinux", "host.json", "apt", "apt-mirror"};
  if (chosen.all) {
    parts.emplace_back("kernels");
  }
  for (const auto& part : parts) {
    std::error_code error;
    std::filesystem::remove_all(cache / part, error);
    if (error) {
      return report(base::Error{.message = fmt::format("{}: {}", (cache / part).native(), error.message()),
                                .sys_errno = error.value()});
    }
  }
  const auto after = ::vm::disk_usage(cache);
  say(fmt::format("removed {}", base::human_size(before - std::min(before, after))));
  return 0;
}

base::Result<::vm::Request> exec_request(const std::vector<std::string>& words, const VmOptions& chosen) {
  ::vm::Request request;
  request.argv = words;
  request.environment = own_environment();
  if (!chosen.bare) {
    request.root = ::vm::kHostRoot;
    std::error_code error;
    request.working_folder = std::filesystem::current_path(error).native();
  }
  request.kernel = chosen.kernel;
  request.memory_bytes = chosen.memory.value_or(request.memory_bytes);
  request.swap_bytes = chosen.swap.value_or(0);
  request.disk_bytes = chosen.disk.value_or(0);
  request.boot = chosen.cold ? ::vm::Boot::cold : ::vm::Boot::automatic;
  if (chosen.timeout) {
    request.timeout = std::chrono::ceil<std::chrono::seconds>(*chosen.timeout);
  }
  for (const auto& entry : chosen.sysctls) {
    const auto equals = entry.find('=');
    if (equals == 0 || equals == std::string::npos) {
      return std::unexpected(
          usage_error(fmt::format("--sysctl: expected NAME=VALUE, got '{}'", base::escape_terminal(entry))));
    }
    request.sysctls.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
  }
  for (const auto& argument : chosen.kernel_arguments) {
    const bool plain = !argument.empty() && std::ranges::all_of(argument, [](char c) { return c > ' ' && c < 0x7f; });
    if (!plain) {
      return std::unexpected(usage_error(fmt::format("--kernel-argument: expected one word such as cma=64M, got '{}'",
                                                     base::escape_terminal(argument))));
    }
  }
  request.kernel_arguments = chosen.kernel_arguments;
  request.say = [](const std::string& line) { say(line); };
  return request;
}

int exec_command(const std::vector<std::string>& words, const VmOptions& chosen) {
  if (words.empty()) {
    return report(usage_error("vm exec: expected a command"));
  }
  const auto request = exec_request(words, chosen);
  if (!request) {
    return report(request.error());
  }
  const auto reply = ::vm::run(*request);
  if (!reply) {
    return report(reply.error());
  }
  if (reply->panicked || reply->hung) {
    (void)::write(STDERR_FILENO, reply->console.data(),
                  reply->console.size());  // the kernel's last words, as they were
    say(reply->panicked ? "the guest's kernel panicked for want of memory"
                        : "the guest was ended: the time was over or it did not answer");
    return kExitOwnFailure;
  }
  return reply->status.shell_code();
}

int run_vm(const Invocation& invocation) {
  VmOptions chosen;
  Options options;
  options.group("exec");
  options.text("kernel", chosen.kernel, "NAME|PATH",
               "6.12, a release, \"running\", or an image file; default: see `vm kernels`");
  options.size("memory", chosen.memory, "the guest's RAM (512M)");
  options.size("swap", chosen.swap, "swap of the guest, in compressed RAM (none)");
  options.size("disk", chosen.disk, "ext4 at /run/oomlab-disk of the guest, in compressed RAM, up to 16G (none)");
  options.list("sysctl", 0, chosen.sysctls, "NAME=VALUE", "set in the guest first; may be given several times");
  options.list("kernel-argument", 0, chosen.kernel_arguments, "WORD",
               "append to the guest's kernel command line (movablecore=128M); may be given several times");
  options.duration("timeout", chosen.timeout, "end the guest after this time");
  options.flag("cold", chosen.cold, "boot, even if there is a snapshot; make none");
  options.flag("bare", chosen.bare, "without the host's files: the only program there is `oomlab`");
  options.group("fetch");
  options.text("mirror", chosen.mirror, "URL", "a Debian mirror, instead of the machine's own apt sources");
  options.list("suite", 0, chosen.suites, "NAME",
               "of that mirror (bookworm and bookworm-security); may be given several times");
  options.list("package", 0, chosen.packages, "FILE", "take a package that is here already; several belong together");
  options.group("clean");
  options.flag("all", chosen.all, "remove the fetched kernels too");

  // The first word is ours; what follows the options of `exec` is the command.
  auto arguments = invocation.arguments;
  std::string verb;
  if (!arguments.empty() && !arguments.front().starts_with('-')) {
    verb = arguments.front();
    arguments.erase(arguments.begin());
  }
  const auto parsed = options.parse(invocation.name, commands::vm, arguments, verb == "exec");
  if (!parsed) {
    return report(parsed.error());
  }
  if (parsed->done) {
    return 0;
  }
  auto words = parsed->words;
  words.insert(words.end(), parsed->after_dashes.begin(), parsed->after_dashes.end());
  if (verb == "exec") {
    return exec_command(words, chosen);
  }
  if (verb == "fetch") {
    return fetch_kernels(words, chosen);
  }
  if (!words.empty()) {
    return report(usage_error(fmt::format("vm {}: unexpected '{}'", verb, base::escape_terminal(words.front()))));
  }
  if (verb == "kernels") {
    return show_kernels();
  }
  if (verb == "info") {
    return show_info();
  }
  if (verb == "clean") {
    return clean(chosen);
  }
  return report(usage_error(verb.empty() ? "vm: expected kernels, fetch, exec, info or clean"
                                         : fmt::format("vm: expected kernels, fetch, exec, info or clean, got '{}'",
                                                       base::escape_terminal(verb))));
}

}  // namespace
}  // namespace cli::commands
