#include "vm/initramfs.h"

#include <gmock/gmock.h>

#include "base/file.h"

namespace vm {
namespace {

using testing::HasSubstr;
using testing::Not;

// The archive holds whole programs: it is looked at without being printed, which would drown ctest, and has this test's
// own words in it.
bool holds(const std::string& archive, const std::string& text) {
  return archive.find(text) != std::string::npos;
}

TEST(Initramfs, HoldsThisProgramAndItsObjects) {
  const auto objects = loaded_objects();
  ASSERT_GE(objects.size(), 1U);
  EXPECT_EQ(objects.front().path, "");
  EXPECT_EQ(objects.front().file, "/proc/self/exe");
  const auto archive = build_initramfs(objects, {{.name = "zram", .bytes = "module"}});
  ASSERT_TRUE(archive) << archive.error().message;
  EXPECT_TRUE(holds(*archive, std::string("init\0", 5)));
  EXPECT_TRUE(holds(*archive, "modules/zram.ko"));
  EXPECT_TRUE(holds(*archive, "/modules/zram.ko\n"));
  for (std::size_t i = 1; i < objects.size(); ++i) {
    EXPECT_TRUE(holds(*archive, objects[i].path.substr(1))) << objects[i].path;
    EXPECT_THAT(objects[i].path, Not(HasSubstr("linux-vdso")));  // it is the kernel's, and in no file
  }
}

TEST(Initramfs, DebugInformationStaysOutside) {
  const auto whole = base::read_all("/proc/self/exe");
  const auto archive = build_initramfs({{.path = "", .file = "/proc/self/exe", .identity = "x"}}, {});
  ASSERT_TRUE(whole && archive);
  EXPECT_LT(archive->size(), whole->size());
}

TEST(Initramfs, AnObjectElsewhereIsLinkedBesideLibc) {
  auto scratch = base::ScratchDir::create("oomlab-test");
  ASSERT_TRUE(scratch);
  const auto file = scratch->path() / "any";
  ASSERT_TRUE(base::write_file_atomic(file, "bytes"));
  const auto archive = build_initramfs({{.path = "", .file = file, .identity = ""},
                                        {.path = "/lib/x/libc.so.6", .file = file, .identity = ""},
                                        {.path = "/opt/l/libfoo.so.1", .file = file, .identity = ""}},
                                       {});
  ASSERT_TRUE(archive);
  EXPECT_THAT(*archive, HasSubstr(std::string("lib/x/libfoo.so.1\0", 18)));
  EXPECT_THAT(*archive, HasSubstr("/opt/l/libfoo.so.1"));
}

TEST(ProgramIdentity, ChangesWithTheObjects) {
  const std::vector<LoadedObject> one{{.path = "", .file = "", .identity = "a"}};
  const std::vector<LoadedObject> two{{.path = "", .file = "", .identity = "b"}};
  EXPECT_NE(program_identity(one), program_identity(two));
  EXPECT_EQ(program_identity(loaded_objects()), program_identity(loaded_objects()));
}

}  // namespace
}  // namespace vm
