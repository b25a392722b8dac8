#include "vm/ext_format.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/file.h"

namespace vm {
namespace {

class Ext4 : public testing::TestWithParam<std::uint64_t> {};

// Somebody else's program is to find nothing wrong in it.
TEST_P(Ext4, IsSoundByE2fsck) {
  if (std::system("PATH=$PATH:/sbin:/usr/sbin e2fsck -V >/dev/null 2>&1") != 0) {
    GTEST_SKIP() << "e2fsck is not installed: apt-get install e2fsprogs";
  }
  const auto pieces = format_ext4(GetParam(), "0123456789abcdef");
  ASSERT_TRUE(pieces);
  const auto folder = base::ScratchDir::create("oomlab-ext");
  ASSERT_TRUE(folder);
  const auto path = folder->path() / "disk";
  const base::Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  ASSERT_EQ(::ftruncate(file.get(), static_cast<off_t>(GetParam())), 0);
  for (const auto& [place, bytes] : *pieces) {
    ASSERT_EQ(::pwrite(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(place)),
              static_cast<ssize_t>(bytes.size()));
  }
  const auto log = folder->path() / "log";
  const auto command = fmt::format("PATH=$PATH:/sbin:/usr/sbin e2fsck -f -n {} >{} 2>&1", path.native(), log.native());
  EXPECT_EQ(std::system(command.c_str()), 0) << base::read_all(log).value_or("");
}

INSTANTIATE_TEST_SUITE_P(Sizes, Ext4, testing::Values(kExtGroupBytes, 8 * kExtGroupBytes, 128 * kExtGroupBytes));

TEST(Ext4Sizes, OtherSizesAreRefused) {
  for (const std::uint64_t bytes :
       {std::uint64_t{0}, kExtGroupBytes - 1, kExtGroupBytes + 4096, 129 * kExtGroupBytes}) {
    const auto pieces = format_ext4(bytes, "");
    ASSERT_FALSE(pieces) << bytes;
    EXPECT_EQ(pieces.error().kind, base::ErrorKind::usage);
  }
}

}  // namespace
}  // namespace vm
