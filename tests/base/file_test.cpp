#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <gtest/gtest.h>

namespace base {
namespace {

namespace fs = std::filesystem;

class FileTest : public testing::Test {
 protected:
  void SetUp() override {
    auto made = ScratchDir::create("base-test");
    ASSERT_TRUE(made);
    scratch_.emplace(std::move(*made));
  }
  [[nodiscard]] fs::path path(const std::string& name) const { return scratch_->path() / name; }
  [[nodiscard]] std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(scratch_->path()), fs::directory_iterator()));
  }

 private:
  std::optional<ScratchDir> scratch_;
};

TEST_F(FileTest, ReadsWhatWasWritten) {
  const std::string bytes = std::string("a\0b", 3) + std::string(100'000, 'x');
  ASSERT_TRUE(write_file_atomic(path("f"), bytes));
  EXPECT_EQ(read_all(path("f")), bytes);
}

TEST_F(FileTest, ReadsAnEmptyFile) {
  ASSERT_TRUE(write_file_atomic(path("f"), ""));
  EXPECT_EQ(read_all(path("f")), "");
}

TEST_F(FileTest, ReadsFilesThatTellNoSize) {
  const auto text = read_all("/proc/self/stat");
  ASSERT_TRUE(text);
  EXPECT_TRUE(text->starts_with(std::to_string(::getpid())));
}

TEST_F(FileTest, NamesTheFileItCouldNotRead) {
  const auto missing = read_all(path("missing"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message, path("missing").native() + ": No such file or directory");
  EXPECT_EQ(missing.error().sys_errno, ENOENT);
  const auto folder = read_all(path(""));
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().message, path("").native() + ": read: Is a directory");
}

TEST_F(FileTest, EscapesTheNameInMessages) {
  EXPECT_EQ(read_all("/nowhere/\x1b[2J").error().message, "/nowhere/\\x1b[2J: No such file or directory");
}

TEST_F(FileTest, ReadsUpToTheLimitAndNoFurther) {
  ASSERT_TRUE(write_file_atomic(path("f"), std::string(5000, 'x')));
  EXPECT_TRUE(read_all(path("f"), 5000));
  const auto more = read_all(path("f"), 4999);
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().message, path("f").native() + ": larger than the 4999 bytes expected at most");
  EXPECT_FALSE(read_all("/dev/zero", 1 << 20));
}

TEST_F(FileTest, WriteAllRetriesShortWrites) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const Fd reader(ends[0]);
  Fd writer(ends[1]);
  const std::string bytes(1 << 20, 'x');  // larger than a pipe holds
  Result<std::string> got;
  std::thread other([&] { got = read_all(reader.get()); });
  EXPECT_TRUE(write_all(writer.get(), bytes));
  writer.reset();
  other.join();
  EXPECT_EQ(got, bytes);
}

TEST_F(FileTest, WriteAllTellsAnErrno) {
  const auto written = write_all(-1, "x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().sys_errno, EBADF);
}

TEST_F(FileTest, ReplacesAsOneStep) {
  ASSERT_TRUE(write_file_atomic(path("f"), "old"));
  const auto before = open_for_reading(path("f"));
  ASSERT_TRUE(write_file_atomic(path("f"), "new"));
  EXPECT_EQ(read_all(before->get()), "old");  // a reader of the old file keeps the whole old file
  EXPECT_EQ(read_all(path("f")), "new");
  EXPECT_EQ(entries(), 1U);  // no temporary file is left
}

TEST_F(FileTest, GivesTheFileItsMode) {
  ASSERT_TRUE(write_file_atomic(path("f"), "x", 0600));
  struct stat status{};
  ASSERT_EQ(::stat(path("f").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(FileTest, HonoursTheUmask) {
  const mode_t before = ::umask(0077);
  ASSERT_TRUE(write_file_atomic(path("f"), "x"));
  (void)::umask(before);
  struct stat status{};
  ASSERT_EQ(::stat(path("f").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
}

TEST_F(FileTest, PassesByWhatAKilledProcessLeft) {
  std::ofstream(path("f." + std::to_string(::getpid()) + "-0")) << "half";
  ASSERT_TRUE(write_file_atomic(path("f"), "whole"));
  EXPECT_EQ(read_all(path("f")), "whole");
}

TEST_F(FileTest, LeavesNothingWhenItCannotWrite) {
  const auto written = write_file_atomic(path("no/such/f"), "x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message, path("no/such/f").native() + ": No such file or directory");
  EXPECT_EQ(written.error().remedy, "mkdir -p " + path("no/such").native());
  EXPECT_EQ(entries(), 0U);
}

TEST_F(FileTest, RefusesAFolderAndLeavesNothing) {
  ASSERT_TRUE(fs::create_directory(path("d")));
  const auto written = write_file_atomic(path("d"), "x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message, path("d").native() + ": Is a directory");
  EXPECT_EQ(entries(), 1U);
}

TEST_F(FileTest, WritesDevicesDirectly) {
  EXPECT_TRUE(write_file_atomic("/dev/null", "x"));
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
  const auto full = write_file_atomic("/dev/full", "x");
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().message, "/dev/full: write: No space left on device");
}

TEST_F(FileTest, KeepsASymbolicLinkToADevice) {
  fs::create_symlink("/dev/null", path("link"));
  EXPECT_TRUE(write_file_atomic(path("link"), "x"));
  EXPECT_TRUE(fs::is_symlink(path("link")));
}

TEST_F(FileTest, PendingFileIsNotThereBeforeTheCommit) {
  ASSERT_TRUE(write_file_atomic(path("f"), "old"));
  auto file = PendingFile::create(path("f"));
  ASSERT_TRUE(file);
  EXPECT_EQ(file->folder(), path("f").parent_path());
  ASSERT_TRUE(file->write("new "));
  ASSERT_TRUE(file->write("words"));
  EXPECT_EQ(read_all(path("f")), "old");
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(read_all(path("f")), "new words");
  file->discard();  // nothing is left to forget
  EXPECT_EQ(read_all(path("f")), "new words");
  EXPECT_EQ(entries(), 1U);
}

TEST_F(FileTest, PendingFileIsForgottenWithoutACommit) {
  ASSERT_TRUE(write_file_atomic(path("f"), "old"));
  {
    auto file = PendingFile::create(path("f"));
    ASSERT_TRUE(file);
    const PendingFile moved = std::move(*file);
    EXPECT_EQ(entries(), 2U);
  }
  EXPECT_EQ(entries(), 1U);
  EXPECT_EQ(read_all(path("f")), "old");
}

TEST_F(FileTest, PendingFileForgetsWhatItHeldWhenMovedOnto) {
  auto first = PendingFile::create(path("a"));
  auto second = PendingFile::create(path("b"));
  ASSERT_TRUE(first && second);
  ASSERT_TRUE(second->write("b"));
  *first = std::move(*second);
  EXPECT_EQ(entries(), 1U);
  ASSERT_TRUE(first->commit());
  EXPECT_EQ(read_all(path("b")), "b");
}

TEST_F(FileTest, PendingFileTellsACommitThatFailsAndLeavesNothing) {
  auto file = PendingFile::create(path("d"));
  ASSERT_TRUE(file);
  ASSERT_TRUE(fs::create_directory(path("d")));  // meanwhile
  const auto committed = file->commit();
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().message, path("d").native() + ": rename: Is a directory");
  EXPECT_EQ(entries(), 1U);
}

TEST_F(FileTest, PendingFileTellsWhichWriteFailed) {
  auto full = PendingFile::create("/dev/full");
  ASSERT_TRUE(full);
  EXPECT_EQ(full->folder(), std::nullopt);
  const auto written = full->write("x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().message, "/dev/full: write: No space left on device");
  EXPECT_TRUE(full->commit());  // nothing to rename
}

TEST_F(FileTest, PendingFileOfARelativePathIsInTheWorkingFolder) {
  const auto before = fs::current_path();
  fs::current_path(path(""));
  auto file = PendingFile::create("f");
  const auto folder = file ? file->folder() : std::nullopt;
  const auto committed = file ? file->commit() : std::unexpected(file.error());
  fs::current_path(before);
  EXPECT_EQ(folder, ".");
  EXPECT_TRUE(committed);
  EXPECT_TRUE(fs::exists(path("f")));
}

TEST_F(FileTest, OpensCloseOnExec) {
  const auto fd = open_for_reading("/dev/null");
  ASSERT_TRUE(fd);
  EXPECT_NE(::fcntl(fd->get(), F_GETFD) & FD_CLOEXEC, 0);
}

TEST(ScratchDirTest, IsRemovedWithAllItHolds) {
  fs::path kept;
  {
    auto scratch = ScratchDir::create("base-test");
    ASSERT_TRUE(scratch);
    kept = scratch->path();
    fs::create_directories(kept / "a/b");
    std::ofstream(kept / "a/b/c") << "x";
    ScratchDir moved = std::move(*scratch);
    EXPECT_EQ(moved.path(), kept);
    EXPECT_TRUE(fs::exists(kept / "a/b/c"));
  }
  EXPECT_FALSE(fs::exists(kept));
}

TEST(ScratchDirTest, MoveAssignmentRemovesWhatWasHeld) {
  auto first = ScratchDir::create("base-test");
  auto second = ScratchDir::create("base-test");
  ASSERT_TRUE(first && second);
  const fs::path gone = first->path();
  const fs::path kept = second->path();
  *first = std::move(*second);
  EXPECT_FALSE(fs::exists(gone));
  EXPECT_TRUE(fs::exists(kept));
}

TEST(FdTest, ClosesOnceAndMovesAway) {
  Fd first(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int number = first.get();
  Fd second(std::move(first));
  EXPECT_EQ(second.get(), number);
  second = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));  // closes what it held
  EXPECT_EQ(::fcntl(number, F_GETFD), -1);
  const int released = second.release();
  EXPECT_FALSE(second);
  EXPECT_EQ(::close(released), 0);
}

}  // namespace
}  // namespace base
