#include "vm/qemu.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

namespace vm {
namespace {

constexpr const char* kDevices =
    "-display none -no-reboot -nodefaults -no-user-config -device isa-debug-exit,iobase=0x501,iosize=4 "
    "-chardev file,id=console,path=/proc/self/fd/6,append=on -serial chardev:console -device virtio-serial-pci "
    "-chardev socket,id=agent,fd=4 -device virtserialport,chardev=agent,name=oomlab.agent "
    "-chardev socket,id=fs,fd=5 -device virtserialport,chardev=fs,name=oomlab.fs "
    "-chardev socket,id=qmp,fd=3 -mon chardev=qmp,mode=control -kernel /c/vmlinux -initrd /c/i.cpio "
    "-append console=ttyS0 quiet panic=-1 panic_print=32 nokaslr cryptomgr.notests no_timer_check tsc=reliable "
    "rcupdate.rcu_expedited=1 mitigations=off random.trust_cpu=on";

MachineSpec spec(const char* accelerator) {
  return {.accelerator = accelerator,
          .memory_bytes = 512ULL << 20,
          .kernel = "/c/vmlinux",
          .initramfs = "/c/i.cpio",
          .kernel_arguments = {},
          .incoming = false};
}

TEST(QemuArguments, SoftwareEmulation) {
  EXPECT_EQ(fmt::format("{}", fmt::join(qemu_arguments("/usr/bin/q", spec("tcg")), " ")),
            fmt::format("/usr/bin/q -accel tcg -M pc -cpu max,-erms,-fsrm -smp 1 -m 512M {}", kDevices));
}

TEST(QemuArguments, Kvm) {
  EXPECT_EQ(fmt::format("{}", fmt::join(qemu_arguments("/usr/bin/q", spec("kvm")), " ")),
            fmt::format("/usr/bin/q -accel kvm -M pc -cpu host -smp 1 -m 512M {}", kDevices));
}

TEST(QemuArguments, ARestoreDiffersOnlyInWaitingForIt) {
  auto restored = spec("tcg");
  restored.incoming = true;
  auto words = qemu_arguments("/usr/bin/q", spec("tcg"));
  words.insert(words.end(), {"-S", "-incoming", "defer"});
  EXPECT_EQ(qemu_arguments("/usr/bin/q", restored), words);
}

TEST(QemuArguments, KernelArgumentsStandBehindOurs) {
  auto with = spec("tcg");
  with.kernel_arguments = "cma=64M movablecore=128M";
  EXPECT_EQ(fmt::format("{}", fmt::join(qemu_arguments("/usr/bin/q", with), " ")),
            fmt::format("/usr/bin/q -accel tcg -M pc -cpu max,-erms,-fsrm -smp 1 -m 512M {} cma=64M movablecore=128M",
                        kDevices));
}

TEST(QemuVersion, ReadsWhatDistributionsPrint) {
  EXPECT_EQ(parse_qemu_version("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)\nCopyright"), "7.2.22");
  EXPECT_EQ(parse_qemu_version("QEMU emulator version 10.0.2\n"), "10.0.2");
}

TEST(QemuVersion, RefusesAnythingElse) {
  for (const auto* text :
       {"", "QEMU", "version ", "version x", "true (GNU coreutils) GPL version 3", "QEMU emulator version x"}) {
    const auto version = parse_qemu_version(text);
    ASSERT_FALSE(version) << text;
    EXPECT_EQ(version.error().message, fmt::format("expected 'QEMU emulator version N.N.N', got '{}'", text));
  }
}

}  // namespace
}  // namespace vm
