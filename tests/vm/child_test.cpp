#include "vm/child.h"

#include <unistd.h>

#include <gtest/gtest.h>

namespace vm {
namespace {

TEST(Child, WhatItPrintsAndHowItEnds) {
  const auto output = run_program({"sh", "-c", "echo out; echo err >&2; exit 7"});
  ASSERT_TRUE(output);
  EXPECT_EQ(output->out, "out\n");
  EXPECT_EQ(output->err, "err\n");
  EXPECT_EQ(output->status.exit_code, 7);
}

TEST(Child, AMissingProgramIsNamed) {
  const auto output = run_program({"/nonexistent/program"});
  ASSERT_FALSE(output);
  EXPECT_EQ(output.error().message, "/nonexistent/program: No such file or directory");
}

TEST(Child, DescriptorsMayCrossEachOther) {
  const auto a = memory_file("a"), b = memory_file("b");
  ASSERT_TRUE(a && b);
  auto child = Child::start({.argv = {"sh", "-c", "echo x >&1; echo y >&2"},
                             .descriptors = {{a->get(), 2}, {b->get(), 1}},
                             .own_group = true});
  ASSERT_TRUE(child);
  EXPECT_EQ(child->wait().exit_code, 0);
  EXPECT_EQ(memory_file_text(a->get(), 0, 100), "y\n");
  EXPECT_EQ(memory_file_text(b->get(), 0, 100), "x\n");
}

TEST(Child, NothingElseIsInherited) {
  const auto extra = memory_file("extra");
  const auto out = memory_file("out");
  ASSERT_TRUE(extra && out);
  auto child = Child::start({.argv = {"sh", "-c", "ls -l /proc/self/fd | grep -c memfd:extra"},
                             .descriptors = {{out->get(), 1}},
                             .own_group = false});
  ASSERT_TRUE(child);
  (void)child->wait();  // grep's status says the same as its count
  EXPECT_EQ(memory_file_text(out->get(), 0, 100), "0\n");
}

TEST(Child, DiesWithItsOwner) {
  int pidfd = -1;
  {
    const auto child = Child::start({.argv = {"sleep", "1000"}, .descriptors = {}, .own_group = true});
    ASSERT_TRUE(child);
    pidfd = ::dup(child->pidfd());
  }
  EXPECT_TRUE(wait_readable(pidfd, std::chrono::steady_clock::now()));
  ::close(pidfd);
}

TEST(MemoryFile, KeepsTheEndOfWhatIsTooMuch) {
  const auto file = memory_file("x");
  ASSERT_TRUE(file);
  ASSERT_EQ(::write(file->get(), "0123456789", 10), 10);
  EXPECT_EQ(memory_file_text(file->get(), 0, 100), "0123456789");
  EXPECT_EQ(memory_file_text(file->get(), 4, 100), "456789");
  EXPECT_EQ(memory_file_text(file->get(), 4, 3), "789");
  EXPECT_EQ(memory_file_text(file->get(), 99, 3), "");
}

}  // namespace
}  // namespace vm
