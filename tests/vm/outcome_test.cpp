#include "vm/outcome.h"

#include <gtest/gtest.h>

namespace vm {
namespace {

using End = base::Result<SessionEnd>;
using How = SessionEnd::How;

End ended(How how) {
  return SessionEnd{.how = how, .status = {}, .files = {}};
}

struct Row {
  const char* name;
  End end;
  GuestFate fate;
  bool qemu_runs;
  Outcome outcome;
};

TEST(Outcome, AllEvidenceTogether) {
  const auto error = [](base::ErrorKind kind) { return End(base::fail(kind, "x")); };
  const Row rows[] = {
      {"exit", ended(How::exited), GuestFate::well, true, Outcome::exited},
      {"exit while QEMU ends", ended(How::exited), GuestFate::well, false, Outcome::exited},
      {"exit after an oops", ended(How::exited), GuestFate::crashed, true, Outcome::lab_failure},
      {"panic_on_oom", ended(How::guest_gone), GuestFate::panicked_on_memory, false, Outcome::panicked},
      {"panic_on_oom, streams broken", error(base::ErrorKind::syscall), GuestFate::panicked_on_memory, false,
       Outcome::panicked},
      {"panic", ended(How::guest_gone), GuestFate::crashed, false, Outcome::lab_failure},
      {"power off", ended(How::guest_gone), GuestFate::well, false, Outcome::lab_failure},
      {"second Ctrl-C", ended(How::guest_gone), GuestFate::well, true, Outcome::hung},
      {"QEMU died after a Ctrl-C", End(SessionEnd{.how = How::guest_gone, .told_to_end = true}), GuestFate::well, false,
       Outcome::hung},
      {"time over", ended(How::timed_out), GuestFate::well, true, Outcome::hung},
      {"time over after an oops", ended(How::timed_out), GuestFate::crashed, true, Outcome::lab_failure},
      {"refusal", error(base::ErrorKind::unsupported), GuestFate::well, true, Outcome::refused},
      {"arguments too long", error(base::ErrorKind::usage), GuestFate::well, true, Outcome::refused},
      {"own stdout failed", error(base::ErrorKind::syscall), GuestFate::well, true, Outcome::refused},
      {"broken pipe to a dead QEMU", error(base::ErrorKind::syscall), GuestFate::well, false, Outcome::lab_failure},
      {"garbage on the port", error(base::ErrorKind::parse), GuestFate::well, true, Outcome::lab_failure},
      {"no answer", error(base::ErrorKind::timeout), GuestFate::well, true, Outcome::lab_failure},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(outcome_of(row.end, row.fate, row.qemu_runs), row.outcome) << row.name;
  }
}

}  // namespace
}  // namespace vm
