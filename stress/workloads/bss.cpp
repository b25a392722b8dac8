// Global data. A program's .bss has the size that its file says, so a program is written for it: a small ELF file in
// memory with a .bss of the size that is wanted and nine bytes of code that wait. It runs as a child; its pages are
// written from here (process_vm_writev(2)), and are charged and shown as its own.
#include <elf.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <vector>

#include "base/fd.h"
#include "base/file.h"
#include "stress/child.h"
#include "stress/drive.h"
#include "stress/growth.h"
#include "stress/populate.h"
#include "stress/process_memory.h"

namespace stress::workloads {
namespace {

constexpr std::array<unsigned char, 9> kWait{0xb8, 34, 0, 0, 0, 0x0f, 0x05, 0xeb, 0xf7};  // again: pause(); goto again

constexpr Elf64_Addr kCodeAt = 0x400000;
constexpr Elf64_Addr kBssAt = 0x10000000;

// As much as there is: the kernel refuses more at exec (vm.overcommit_memory).
std::uint64_t all_memory() {
  return static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) * page_size();
}

struct Image {
  Elf64_Ehdr header{};
  std::array<Elf64_Phdr, 3> segments{};
  std::array<unsigned char, kWait.size()> code = kWait;
};

Image image_with_bss(std::uint64_t bytes) {
  Image image;
  auto& header = image.header;
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_EXEC;
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_entry = kCodeAt + offsetof(Image, code);
  header.e_phoff = offsetof(Image, segments);
  header.e_ehsize = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = static_cast<Elf64_Half>(image.segments.size());
  image.segments[0] = {.p_type = PT_LOAD,
                       .p_flags = PF_R | PF_X,
                       .p_offset = 0,
                       .p_vaddr = kCodeAt,
                       .p_paddr = kCodeAt,
                       .p_filesz = sizeof image,
                       .p_memsz = sizeof image,
                       .p_align = 4096};
  image.segments[1] = {.p_type = PT_LOAD,
                       .p_flags = PF_R | PF_W,
                       .p_offset = 0,
                       .p_vaddr = kBssAt,
                       .p_paddr = kBssAt,
                       .p_filesz = 0,
                       .p_memsz = bytes,
                       .p_align = 4096};
  image.segments[2].p_type = PT_GNU_STACK;
  image.segments[2].p_flags = PF_R | PF_W;
  return image;
}

class BssPool : public Pool {
 public:
  explicit BssPool(pid_t holder) : holder_(holder), zeros_(std::size_t{1} << 20) {}
  [[nodiscard]] std::uint64_t unit() const override { return page_size(); }
  [[nodiscard]] bool can_shrink() const override { return false; }

 protected:
  base::Result<> add(std::uint64_t bytes) override {
    for (std::uint64_t done = 0; done < bytes;) {
      const auto length = std::min<std::uint64_t>(zeros_.size(), bytes - done);
      const iovec ours{zeros_.data(), length};
      // NOLINTNEXTLINE(performance-no-int-to-ptr): an address of the other process
      const iovec theirs{reinterpret_cast<void*>(kBssAt + held() + done), length};
      const ssize_t written = ::process_vm_writev(holder_, &ours, 1, &theirs, 1, 0);
      if (written <= 0) {
        return base::system_error("process_vm_writev");
      }
      done += static_cast<std::uint64_t>(written);
    }
    return {};
  }
  base::Result<> remove(std::uint64_t) override { return {}; }

 private:
  pid_t holder_;
  std::vector<char> zeros_;
};

base::Result<base::Fd> write_image(std::uint64_t bytes) {
  base::Fd file(::memfd_create("oomlab-bss", MFD_CLOEXEC));
  if (!file) {
    return base::system_error("memfd_create");
  }
  const auto image = image_with_bss(bytes);
  TRY(base::write_all(file.get(), {reinterpret_cast<const char*>(&image), sizeof image}));
  return file;
}

// Waits until the kernel has laid out the program's .bss: it closes our pipe before that, and what is read or written
// in between finds nothing. Returns how the program ended, if it did.
std::optional<base::ExitStatus> wait_for_bss(Child& holder, std::uint64_t bytes) {
  holder.wait_for_exec();
  for (;;) {
    if (auto status = holder.ended(); status || status_bytes("VmData", holder.pid()).value_or(0) >= bytes) {
      return status;
    }
    ::usleep(1000);
  }
}

base::Result<> end_with(const base::ExitStatus& status) {
  end_like(status);
  return base::fail(base::ErrorKind::syscall, "the program with the .bss ended by itself");
}

base::Result<> probe_bss(const Context&) {
#ifdef __x86_64__
  return {};
#else
  return base::fail(base::ErrorKind::unsupported, "bss: its program is written for x86-64 only", "oomlab stress brk");
#endif
}

base::Result<> run_bss(Context& context) {
  const auto asked = context.parameters.has("size") ? context.parameters.size("size") : all_memory();
  const auto size = round_up(std::max<std::uint64_t>(asked, 1), page_size());
  TRY_ASSIGN(const auto file, write_image(size));
  TRY_ASSIGN(Child holder, Child::start([&file] {
               char* const nothing[] = {nullptr};
               (void)::fexecve(file.get(), nothing, nothing);
               return 127;
             }));
  if (const auto status = wait_for_bss(holder, size)) {
    return end_with(*status);
  }
  note_memory(context, "start", {"VmData", "VmRSS"}, holder.pid());
  BssPool pool(holder.pid());
  auto driven = drive(context, pool, "anon");
  if (const auto status = holder.ended()) {
    return end_with(*status);
  }
  note_memory(context, "end", {"VmData", "VmRSS"}, holder.pid());
  return driven;
}

}  // namespace

extern const Workload bss;
constinit const Workload bss{
    .summary = "fills global data (.bss) of a program that is written for it",
    .group = Group::kernel,
    .counter = "anon",
    .seen = "VmData is the whole array from the start, RSS and anon rise as it is written",
    .source = "elf(5), process_vm_writev(2)",
    .example = "oomlab stress bss --memory-max 64M",
    .parameters = kGrowth,
    .probe = probe_bss,
    .run = run_bss,
};

}  // namespace stress::workloads
