#include "vm/console.h"

#include <gtest/gtest.h>

namespace vm {
namespace {

TEST(Console, TellsTheGuestsFate) {
  struct Row {
    const char* text;
    GuestFate fate;
  };
  for (const auto& [text, fate] : {
           Row{"", GuestFate::well},
           Row{"[    1.2] Memory cgroup out of memory: Killed process 77 (BUG: x)", GuestFate::well},
           Row{"[    4.1] Kernel panic - not syncing: Out of memory: system-wide panic_on_oom is enabled\r\n",
               GuestFate::panicked_on_memory},
           Row{"[    4.1] Kernel panic - not syncing: Out of memory: compulsory panic_on_oom is enabled\r\n",
               GuestFate::panicked_on_memory},
           Row{"[    4.1] Kernel panic - not syncing: System is deadlocked on memory\r\n",
               GuestFate::panicked_on_memory},
           Row{"[    4.1] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000009", GuestFate::crashed},
           Row{"[    2.0] int3: 0000 [#1] PREEMPT\n[    2.0] Oops: int3: 0000 [#1]", GuestFate::crashed},
           Row{"[    2.0] BUG: unable to handle page fault for address: ffff", GuestFate::crashed},
           Row{"[    2.0] kernel BUG at mm/slub.c:3!", GuestFate::crashed},
           Row{"[    2.0] general protection fault, probably for non-canonical address", GuestFate::crashed},
       }) {
    EXPECT_EQ(read_console(text), fate) << text;
  }
}

TEST(Console, ARepeatedLogIsTakenOnce) {
  const std::string panic =
      "[    9.1] Kernel panic - not syncing: Out of memory: system-wide panic_on_oom is enabled\n";
  const std::string report = "[    9.0] tail invoked oom-killer: gfp_mask=0x0\n[    9.0] Mem-Info:\n";
  const std::string boot = "[    0.000000] Linux version 6.1.0\n[    1.0] Run /init\n";
  EXPECT_EQ(without_repetition(report + panic + boot + report + panic), report + panic);
  EXPECT_EQ(without_repetition(panic + boot + report + panic), boot + report + panic);
  EXPECT_EQ(without_repetition(report + panic), report + panic);
  EXPECT_EQ(without_repetition(boot + report), boot + report);
  EXPECT_EQ(without_repetition(""), "");
}

TEST(Console, LastLines) {
  EXPECT_EQ(last_lines("", 3), "");
  EXPECT_EQ(last_lines("a\r\n\r\nb\nc\n", 2), "b\nc");
  EXPECT_EQ(last_lines("a\n\x1b[31mb", 5), "a\n\\x1b[31mb");
  EXPECT_EQ(last_lines("a\n", 0), "");
}

}  // namespace
}  // namespace vm
