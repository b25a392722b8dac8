#include "vm/kernel.h"

#include <cstdlib>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/file.h"

namespace vm {
namespace {

namespace fs = std::filesystem;

TEST(KernelName, MeansAReleaseByWholeNumbers) {
  struct Row {
    const char *name, *release;
    bool means;
  };
  for (const auto& [name, release, means] :
       {Row{"6.1", "6.1.0-56-cloud-amd64", true}, Row{"6.1", "6.12.117+deb12-cloud-amd64", false},
        Row{"6.12", "6.12.117+deb12-cloud-amd64", true}, Row{"6.12.11", "6.12.117+deb12-cloud-amd64", false},
        Row{"6.12.117", "6.12.117+deb12-cloud-amd64", true}, Row{"6.", "6.12.117", true}, Row{"6", "6.1.0", true},
        Row{"6.1.0-56-cloud-amd64", "6.1.0-56-cloud-amd64", true}, Row{"6.1.0-56-cl", "6.1.0-56-cloud-amd64", true},
        Row{"", "6.1.0", false}, Row{"cloud", "cloud", false}, Row{"6.1.0", "6.1", false}}) {
    EXPECT_EQ(names_release(name, release), means) << name << " " << release;
  }
}

TEST(KernelReleases, AreOrderedAsPeopleDo) {
  const char* ascending[] = {
      "5.10.0-43-cloud-amd64", "6.1.0-9-cloud-amd64", "6.1.0-056-a",           "6.1.0-56-cloud-amd64", "6.12.9",
      "6.12.107+deb13-cloud",  "6.12.117+deb12",      "18446744073709551617.1"};
  for (const auto& left : ascending) {
    for (const auto& right : ascending) {
      const auto order = compare_releases(left, right);
      EXPECT_EQ(order < 0, &left < &right) << left << " " << right;
      EXPECT_EQ(order == 0, &left == &right) << left << " " << right;
    }
  }
}

// A bzImage's first sectors with that version.
std::string fake_image(const std::string& version) {
  std::string bytes(2048, '\0');
  bytes.replace(0x202, 4, "HdrS");
  bytes[0x206] = 0x0f;
  bytes[0x207] = 0x02;
  bytes[0x20e] = 0x00;  // text at 0x400 + 0x200
  bytes[0x20f] = 0x04;
  bytes.replace(0x600, version.size(), version);
  return bytes;
}

class KernelCache : public testing::Test {
 protected:
  void SetUp() override {
    auto scratch = base::ScratchDir::create("oomlab-test");
    ASSERT_TRUE(scratch);
    scratch_.emplace(std::move(*scratch));
    ::setenv("OOMLAB_CACHE", scratch_->path().c_str(), 1);
  }
  void TearDown() override { ::unsetenv("OOMLAB_CACHE"); }
  void add(const std::string& release) {
    const auto folder = scratch_->path() / "kernels" / release;
    fs::create_directories(folder / "modules");
    ASSERT_TRUE(base::write_file_atomic(folder / "image", fake_image(release + " (builder) #1")));
  }
  std::optional<base::ScratchDir> scratch_;
};

TEST_F(KernelCache, TheNewestOfAName) {
  add("6.1.0-9-cloud-amd64");
  add("6.1.0-56-cloud-amd64");
  add("6.12.117+deb12-cloud-amd64");
  add(".fetch-abcdef");
  EXPECT_EQ(find_kernel("6.1")->release, "6.1.0-56-cloud-amd64");
  EXPECT_EQ(find_kernel("6.1.0-9-cloud-amd64")->release, "6.1.0-9-cloud-amd64");
  EXPECT_EQ(find_kernel(std::nullopt)->release, "6.12.117+deb12-cloud-amd64");
}

TEST_F(KernelCache, AnUnknownNameSaysWhatThereIsAndHowToGetIt) {
  add("6.1.0-56-cloud-amd64");
  const auto kernel = find_kernel("9.9");
  ASSERT_FALSE(kernel);
  EXPECT_EQ(kernel.error().kind, base::ErrorKind::unsupported);
  EXPECT_TRUE(kernel.error().message.starts_with("no kernel '9.9' here; there are: 6.1.0-56-cloud-amd64"))
      << kernel.error().message;
  EXPECT_EQ(kernel.error().remedy, "oomlab vm fetch 9.9");
}

TEST_F(KernelCache, AHostileNameIsEscaped) {
  const auto kernel = find_kernel("\x1b[2J");
  ASSERT_FALSE(kernel);
  EXPECT_TRUE(kernel.error().message.starts_with("no kernel '\\x1b[2J' here")) << kernel.error().message;
  EXPECT_EQ(kernel.error().remedy, "oomlab vm fetch 6.12");
}

TEST_F(KernelCache, APathWithItsModulesBesideIt) {
  const auto boot = scratch_->path() / "tree" / "boot";
  const auto modules = scratch_->path() / "tree" / "lib" / "modules" / "6.9.1-x";
  fs::create_directories(boot);
  fs::create_directories(modules);
  ASSERT_TRUE(base::write_file_atomic(boot / "vmlinuz", fake_image("6.9.1-x (builder) #1")));
  const auto kernel = find_kernel((boot / "vmlinuz").native());
  ASSERT_TRUE(kernel) << kernel.error().message;
  EXPECT_EQ(kernel->release, "6.9.1-x");
  EXPECT_EQ(kernel->modules, modules);
  EXPECT_EQ(kernel->source, Kernel::Source::file);
}

TEST_F(KernelCache, AFileThatIsNoKernel) {
  const auto path = scratch_->path() / "notes.txt";
  ASSERT_TRUE(base::write_file_atomic(path, "nothing of the kind"));
  const auto kernel = find_kernel(path.native());
  ASSERT_FALSE(kernel);
  EXPECT_EQ(kernel.error().message, path.native() + ": not a bzImage kernel: too short");
}

}  // namespace
}  // namespace vm
