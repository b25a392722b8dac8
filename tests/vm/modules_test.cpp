#include "vm/modules.h"

#include <elf.h>
#include <zstd.h>

#include <cstring>

#include <gmock/gmock.h>

#include "base/file.h"

namespace vm {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

// A relocatable ELF file with a .modinfo section and nothing else.
std::string fake_module(const std::string& depends) {
  const auto info = std::string("license=GPL") + '\0' + "depends=" + depends + '\0' + "name=x" + '\0';
  const auto names = std::string("\0.modinfo\0.shstrtab\0", 20);
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_shoff = sizeof header;
  header.e_shnum = 3;
  header.e_shstrndx = 2;
  Elf64_Shdr sections[3]{};
  const std::size_t start = sizeof header + sizeof sections;
  sections[1] = {.sh_name = 1, .sh_type = SHT_PROGBITS, .sh_offset = start, .sh_size = info.size()};
  sections[2] = {.sh_name = 10, .sh_type = SHT_STRTAB, .sh_offset = start + info.size(), .sh_size = names.size()};
  std::string elf(start, '\0');
  std::memcpy(elf.data(), &header, sizeof header);
  std::memcpy(elf.data() + sizeof header, sections, sizeof sections);
  return elf + info + names;
}

class Modules : public testing::Test {
 protected:
  void SetUp() override {
    auto scratch = base::ScratchDir::create("oomlab-test");
    ASSERT_TRUE(scratch);
    scratch_.emplace(std::move(*scratch));
  }
  void add(const std::string& file, const std::string& bytes) {
    fs::create_directories((scratch_->path() / file).parent_path());
    ASSERT_TRUE(base::write_file_atomic(scratch_->path() / file, bytes));
  }
  std::vector<std::string> order(const std::vector<std::string>& wanted) {
    const auto modules = resolve_modules(find_modules(scratch_->path()), wanted);
    EXPECT_TRUE(modules) << modules.error().message;
    std::vector<std::string> names;
    for (const auto& module : modules.value_or(std::vector<Module>{})) {
      names.push_back(module.name);
    }
    return names;
  }
  std::optional<base::ScratchDir> scratch_;
};

TEST_F(Modules, DependenciesComeFirstAndOnce) {
  add("kernel/drivers/virtio/virtio_pci.ko", fake_module("virtio_ring,virtio"));
  add("kernel/drivers/virtio/virtio_ring.ko", fake_module("virtio"));
  add("kernel/drivers/virtio/virtio.ko", fake_module(""));
  add("kernel/drivers/char/virtio_console.ko", fake_module("virtio,virtio_ring"));
  EXPECT_THAT(order({"virtio_pci", "virtio_console"}),
              ElementsAre("virtio", "virtio_ring", "virtio_pci", "virtio_console"));
}

TEST_F(Modules, ADashIsAnUnderscore) {
  add("crypto/lzo-rle.ko", fake_module(""));
  add("zram.ko", fake_module("lzo-rle,zs-malloc"));
  EXPECT_THAT(order({"zram"}), ElementsAre("lzo_rle", "zram"));
  EXPECT_THAT(order({"lzo-rle"}), ElementsAre("lzo_rle"));
}

TEST_F(Modules, WithoutAFileItIsBuiltIn) {
  EXPECT_THAT(order({"fuse", "overlay"}), IsEmpty());
}

TEST_F(Modules, ACircleEnds) {
  add("a.ko", fake_module("b"));
  add("b.ko", fake_module("a"));
  EXPECT_THAT(order({"a"}), ElementsAre("b", "a"));
}

TEST_F(Modules, PackedOnesAreUnpacked) {
  const auto module = fake_module("");
  std::string packed(1000, '\0');
  packed.resize(::ZSTD_compress(packed.data(), packed.size(), module.data(), module.size(), 1));
  add("zram.ko.zst", packed);
  const auto modules = resolve_modules(find_modules(scratch_->path()), {"zram"});
  ASSERT_TRUE(modules);
  EXPECT_EQ(modules->at(0).bytes, module);
}

TEST_F(Modules, ADamagedOneIsNamed) {
  add("zram.ko", "not a module");
  const auto modules = resolve_modules(find_modules(scratch_->path()), {"zram"});
  ASSERT_FALSE(modules);
  EXPECT_EQ(modules.error().message,
            (scratch_->path() / "zram.ko").native() + ": not a kernel module: no .modinfo section");
}

TEST_F(Modules, OtherFilesAreNoModules) {
  for (const auto* file : {"modules.dep", "a.kop", "b.ko.bak", "c"}) {
    add(file, "x");
  }
  EXPECT_THAT(find_modules(scratch_->path()), IsEmpty());
  EXPECT_THAT(find_modules(scratch_->path() / "absent"), IsEmpty());
}

TEST(ModuleDependencies, HostileFilesNeverCrash) {
  const auto good = fake_module("a,b");
  ASSERT_THAT(module_dependencies(good).value(), ElementsAre("a", "b"));
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const char byte : {'\xff', '\x7f', '\0'}) {
      auto damaged = good;
      damaged[at] = byte;
      (void)module_dependencies(damaged);
      (void)module_dependencies(std::string_view(damaged).substr(0, at));
    }
  }
}

}  // namespace
}  // namespace vm
