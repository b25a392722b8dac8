#include "vm/cpio.h"

#include <gtest/gtest.h>

namespace vm {
namespace {

std::string header(const char* inode, const char* mode, const char* links, const char* size, const char* device,
                   const char* name_size) {
  return std::string("070701") + inode + mode + "0000000000000000" + links + "00000000" + size + "0000000000000000" +
         device + name_size + "00000000";
}

TEST(Cpio, Bytes) {
  CpioWriter cpio;
  cpio.file("/lib/a.so", "hello", 0755);
  cpio.link("/b", "lib");
  cpio.character_device("/dev/console", 5, 1);
  using namespace std::string_literals;
  EXPECT_EQ(cpio.finish(),
            header("00000001", "000041ed", "00000002", "00000000", "0000000000000000", "00000004") + "lib\0\0\0"s +
                header("00000002", "000081ed", "00000001", "00000005", "0000000000000000", "00000009") +
                "lib/a.so\0\0"s + "hello\0\0\0"s +
                header("00000003", "0000a1ff", "00000001", "00000003", "0000000000000000", "00000002") + "b\0lib\0"s +
                header("00000004", "000041ed", "00000002", "00000000", "0000000000000000", "00000004") + "dev\0\0\0"s +
                header("00000005", "00002180", "00000001", "00000000", "0000000500000001", "0000000c") +
                "dev/console\0\0\0"s +
                header("00000000", "00000000", "00000001", "00000000", "0000000000000000", "0000000b") +
                "TRAILER!!!\0\0\0\0"s);
}

TEST(Cpio, APathComesOnce) {
  CpioWriter once, twice;
  once.file("/x", "1");
  twice.file("/x", "1");
  twice.file("/x", "2");
  twice.folder("/x");
  EXPECT_EQ(once.finish(), twice.finish());
}

TEST(Cpio, TheSameContentIsTheSameBytes) {
  CpioWriter cpio;
  cpio.file("/x", "1");
  const auto first = cpio.finish();
  cpio.file("/x", "1");
  EXPECT_EQ(cpio.finish(), first);
}

}  // namespace
}  // namespace vm
