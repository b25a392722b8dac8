#include "vm/qemu.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/escape.h"
#include "base/file.h"
#include "base/scanner.h"
#include "vm/cache.h"
#include "vm/child.h"
#include "vm/qmp.h"

namespace vm {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

constexpr const char* kRemedy =
    "install it (Debian, Ubuntu: apt-get install qemu-system-x86; Fedora: dnf install qemu-system-x86-core), or name "
    "one in OOMLAB_QEMU";

// What makes the guest quick and steady under software emulation:
//   quiet, cryptomgr.notests, no_timer_check, tsc=reliable, rcupdate.rcu_expedited=1   0.5 to 0.9 s less of booting
//   nokaslr, mitigations=off, random.trust_cpu=on                                      nothing to defend, entropy at
//   once panic=-1, panic_print=32                                                           a panic prints the whole
//   log and ends QEMU
constexpr const char* kKernelCommandLine =
    "console=ttyS0 quiet panic=-1 panic_print=32 nokaslr cryptomgr.notests no_timer_check tsc=reliable "
    "rcupdate.rcu_expedited=1 "
    "mitigations=off random.trust_cpu=on";

std::optional<fs::path> qemu_path() {
  if (const char* own = std::getenv("OOMLAB_QEMU"); own != nullptr && *own != '\0') {
    return fs::path(own);
  }
  const char* search = std::getenv("PATH");
  std::string_view rest = search != nullptr ? search : "/usr/bin:/bin";
  while (!rest.empty()) {
    const auto end = std::min(rest.find(':'), rest.size());
    auto candidate = fs::path(rest.substr(0, end)) / "qemu-system-x86_64";
    if (candidate.is_absolute() && ::access(candidate.c_str(), X_OK) == 0) {
      return candidate;
    }
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  constexpr const char* kFedora = "/usr/libexec/qemu-kvm";
  return ::access(kFedora, X_OK) == 0 ? std::optional<fs::path>(kFedora) : std::nullopt;
}

// host.json: {"qemu": {"stamp": ..., "version": ...}, "kvm": {"stamp": ..., "boot": ..., "works": ...}}. Damaged or
// missing: empty.
Json load_memory() {
  const auto text = base::read_all(cache_folder() / "host.json");
  auto memory = text ? Json::parse(*text, nullptr, false) : Json::object();
  return memory.is_object() ? memory : Json::object();
}

void keep_memory(const char* key, Json value) {
  auto memory = load_memory();
  memory[key] = std::move(value);
  if (const auto folder = make_cache_folder("")) {
    (void)base::write_file_atomic(*folder / "host.json", memory.dump() + "\n", 0600);  // asked again next time
  }
}

std::string boot_id() {
  return base::read_all("/proc/sys/kernel/random/boot_id").value_or("");
}

Json kvm_memory(const Qemu& qemu, bool works) {
  return {{"stamp", file_stamp(qemu.path)}, {"boot", boot_id()}, {"works", works}};
}

// Runs an empty machine under KVM for a moment: a QEMU that cannot set up its processor is gone by then.
bool probe_kvm(const Qemu& qemu) {
  constexpr auto kLongest = std::chrono::seconds(5);
  constexpr auto kMoment = std::chrono::milliseconds(300);
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
    return false;
  }
  base::Fd ours(pair[0]);
  base::Fd theirs(pair[1]);
  auto child = Child::start({.argv = {qemu.path.native(),
                                      "-accel",
                                      "kvm",
                                      "-M",
                                      "pc",
                                      "-cpu",
                                      "host",
                                      "-smp",
                                      "1",
                                      "-m",
                                      "64M",
                                      "-display",
                                      "none",
                                      "-nodefaults",
                                      "-no-user-config",
                                      "-S",
                                      "-chardev",
                                      fmt::format("socket,id=qmp,fd={}", kQmpFd),
                                      "-mon",
                                      "chardev=qmp,mode=control"},
                             .descriptors = {{theirs.get(), kQmpFd}},
                             .own_group = true});
  theirs.reset();
  if (!child) {
    return false;
  }
  auto qmp = Qmp::connect(std::move(ours), Clock::now() + kLongest);
  if (!qmp || !qmp->execute("cont", "{}", Clock::now() + kLongest) || child->wait(Clock::now() + kMoment)) {
    return false;
  }
  const auto state = qmp->execute("query-status", "{}", Clock::now() + kLongest);
  return state && state->find("\"running\"") != std::string::npos;
}

}  // namespace

base::Result<std::string> parse_qemu_version(std::string_view text) {
  base::Scanner in(text);
  if (in.literal("QEMU emulator version ")) {
    if (const auto word = in.word(); word && !word->empty() && word->front() >= '0' && word->front() <= '9') {
      return std::string(*word);
    }
  }
  return base::expected_but_got("'QEMU emulator version N.N.N'", text);
}

base::Result<Qemu> find_qemu() {
  const auto path = qemu_path();
  if (!path) {
    return base::fail(base::ErrorKind::unsupported, "QEMU is not installed: no qemu-system-x86_64 in PATH", kRemedy);
  }
  const auto stamp = file_stamp(*path);
  const auto memory = load_memory();
  if (const auto kept = memory.find("qemu");
      kept != memory.end() && kept->value("stamp", "") == stamp && !stamp.empty()) {
    return Qemu{.path = *path, .version = kept->value("version", "")};
  }
  const auto said = run_program({path->native(), "--version"});
  if (!said) {
    return base::fail(base::ErrorKind::unsupported, fmt::format("QEMU cannot be run: {}", said.error().message),
                      kRemedy);
  }
  auto version = parse_qemu_version(said->out);
  if (!version) {
    return base::fail(base::ErrorKind::unsupported,
                      fmt::format("{} --version: {}", base::escape_terminal(path->native()), version.error().message),
                      kRemedy);
  }
  keep_memory("qemu", {{"stamp", stamp}, {"version", *version}});
  return Qemu{.path = *path, .version = *version};
}

std::string accelerator_of(const Qemu& qemu) {
  if (const base::Fd kvm(::open("/dev/kvm", O_RDWR | O_CLOEXEC)); !kvm) {
    return "tcg";
  }
  const auto memory = load_memory();
  if (const auto kept = memory.find("kvm"); kept != memory.end() && kept->value("stamp", "") == file_stamp(qemu.path) &&
                                            kept->value("boot", "") == boot_id()) {
    return kept->value("works", false) ? "kvm" : "tcg";
  }
  const bool works = probe_kvm(qemu);
  keep_memory("kvm", kvm_memory(qemu, works));
  return works ? "kvm" : "tcg";
}

void distrust_kvm(const Qemu& qemu) {
  keep_memory("kvm", kvm_memory(qemu, false));
}

std::vector<std::string> qemu_arguments(const fs::path& qemu, const MachineSpec& spec) {
  // ERMS and FSRM make the kernel clear pages by `rep stosb`, which TCG emulates byte by byte: 4 to 8 times slower.
  const std::string processor = spec.accelerator == "kvm" ? "host" : "max,-erms,-fsrm";
  std::vector<std::string> words{
      qemu.native(), "-accel", spec.accelerator, "-M", "pc", "-cpu", processor, "-smp", "1", "-m",
      fmt::format("{}M", spec.memory_bytes >> 20), "-display", "none", "-no-reboot", "-nodefaults", "-no-user-config",
      "-device", "isa-debug-exit,iobase=0x501,iosize=4",
      // opened anew through /proc, because the descriptor is a file in memory
      "-chardev", fmt::format("file,id=console,path=/proc/self/fd/{},append=on", kConsoleFd), "-serial",
      "chardev:console", "-device", "virtio-serial-pci", "-chardev", fmt::format("socket,id=agent,fd={}", kAgentFd),
      "-device", "virtserialport,chardev=agent,name=oomlab.agent", "-chardev",
      fmt::format("socket,id=fs,fd={}", kFileServerFd), "-device", "virtserialport,chardev=fs,name=oomlab.fs",
      "-chardev", fmt::format("socket,id=qmp,fd={}", kQmpFd), "-mon", "chardev=qmp,mode=control", "-kernel",
      spec.kernel.native(), "-initrd", spec.initramfs.native(), "-append",
      spec.kernel_arguments.empty() ? kKernelCommandLine
                                    : fmt::format("{} {}", kKernelCommandLine, spec.kernel_arguments)};
  if (spec.incoming) {
    words.insert(words.end(), {"-S", "-incoming", "defer"});
  }
  return words;
}

}  // namespace vm
