#include "vm/snapshot.h"

#include <cstdlib>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/file.h"

namespace vm {
namespace {

namespace fs = std::filesystem;

TEST(SnapshotKey, ChangesWithEveryPart) {
  const std::vector<std::string> arguments{"qemu", "-m", "512M"};
  std::set<std::string> keys{
      snapshot_key("7.2", arguments, "kernel", "initramfs", ""),
      snapshot_key("7.3", arguments, "kernel", "initramfs", ""),
      snapshot_key("7.2", {"qemu", "-m", "1024M"}, "kernel", "initramfs", ""),
      snapshot_key("7.2", {"qemu", "-m 512M"}, "kernel", "initramfs", ""),
      snapshot_key("7.2", arguments, "kernel2", "initramfs", ""),
      snapshot_key("7.2", arguments, "kernel", "initramfs2", ""),
      snapshot_key("7.2", arguments, "kernel", "initramfs", "a processor"),
      snapshot_key("7.2", arguments, "kernelinitramfs", "", ""),
  };
  EXPECT_EQ(keys.size(), 8U);
}

TEST(SnapshotKey, IsStable) {
  EXPECT_EQ(snapshot_key("7.2", {"qemu", "-m", "512M"}, "kernel", "initramfs", ""), "e2967da6ea8c78e2ab26c2a659edb9bc");
}

class SnapshotCache : public testing::Test {
 protected:
  void SetUp() override {
    auto scratch = base::ScratchDir::create("oomlab-test");
    ASSERT_TRUE(scratch);
    scratch_.emplace(std::move(*scratch));
    ::setenv("OOMLAB_CACHE", scratch_->path().c_str(), 1);
  }
  void TearDown() override { ::unsetenv("OOMLAB_CACHE"); }
  static base::Result<> keep(const std::string& key, const std::string& initramfs = "i") {
    return keep_snapshot(key, {.kernel = "6.1", .initramfs = initramfs, .memory_bytes = 512, .accelerator = "tcg"},
                         [](const fs::path& path) { return base::write_file_atomic(path, "state"); });
  }
  std::optional<base::ScratchDir> scratch_;
};

TEST_F(SnapshotCache, KeepsAndFinds) {
  EXPECT_FALSE(find_snapshot("k"));
  ASSERT_TRUE(keep("k"));
  const auto found = find_snapshot("k");
  ASSERT_TRUE(found);
  EXPECT_EQ(base::read_all(found->state), "state");
  EXPECT_EQ(found->info.kernel, "6.1");
  EXPECT_EQ(found->info.memory_bytes, 512U);
  remove_snapshot("k");
  EXPECT_FALSE(find_snapshot("k"));
}

TEST_F(SnapshotCache, AFailedOneLeavesNothing) {
  const auto kept = keep_snapshot("k", {}, [](const fs::path& path) -> base::Result<> {
    TRY(base::write_file_atomic(path, "half"));
    return base::fail(base::ErrorKind::syscall, "disk full");
  });
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().message, "disk full");
  EXPECT_FALSE(find_snapshot("k"));
  EXPECT_TRUE(fs::is_empty(scratch_->path() / "snapshots"));
}

TEST_F(SnapshotCache, AnEmptyStateIsAFailure) {
  const auto kept = keep_snapshot("k", {}, [](const fs::path& path) { return base::write_file_atomic(path, ""); });
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().message, "the guest's state was not written");
}

TEST_F(SnapshotCache, WhatAKilledMakerLeftIsWrittenOver) {
  fs::create_directories(scratch_->path() / "snapshots" / ".unfinished");
  ASSERT_TRUE(base::write_file_atomic(scratch_->path() / "snapshots" / ".unfinished" / "state", "half"));
  ASSERT_TRUE(keep("k"));
  EXPECT_EQ(base::read_all(find_snapshot("k")->state), "state");
}

TEST_F(SnapshotCache, SixAreKept) {
  for (int i = 0; i < 9; ++i) {
    ASSERT_TRUE(keep(fmt::format("k{}", i)));
    const auto info = scratch_->path() / "snapshots" / fmt::format("k{}", i) / "info.json";
    fs::last_write_time(info, fs::file_time_type::clock::now() - std::chrono::hours(20 - i));
  }
  ASSERT_TRUE(keep("last"));
  EXPECT_EQ(list_snapshots().size(), 6U);
  EXPECT_TRUE(find_snapshot("last"));
  EXPECT_TRUE(find_snapshot("k8"));
  EXPECT_FALSE(find_snapshot("k3"));
}

TEST_F(SnapshotCache, ArchivesThatNobodyNeedsGo) {
  const auto folder = scratch_->path() / "initramfs";
  fs::create_directories(folder);
  for (const auto* name : {"needed.cpio", "old.cpio", "young.cpio"}) {
    ASSERT_TRUE(base::write_file_atomic(folder / name, "x"));
    fs::last_write_time(folder / name, fs::file_time_type::clock::now() - std::chrono::hours(2));
  }
  fs::last_write_time(folder / "young.cpio", fs::file_time_type::clock::now());
  ASSERT_TRUE(keep("k", "needed"));
  EXPECT_TRUE(fs::exists(folder / "needed.cpio"));
  EXPECT_TRUE(fs::exists(folder / "young.cpio"));
  EXPECT_FALSE(fs::exists(folder / "old.cpio"));
}

TEST_F(SnapshotCache, DamagedNotesAreNoSnapshot) {
  ASSERT_TRUE(keep("k"));
  for (const auto* text : {"", "{", "[]", "\xff"}) {
    ASSERT_TRUE(base::write_file_atomic(scratch_->path() / "snapshots" / "k" / "info.json", text));
    EXPECT_FALSE(find_snapshot("k")) << text;
  }
}

}  // namespace
}  // namespace vm
