#include "vm/outcome.h"

namespace vm {

Outcome outcome_of(const base::Result<SessionEnd>& end, GuestFate fate, bool qemu_runs) {
  using How = SessionEnd::How;
  if (fate == GuestFate::panicked_on_memory) {
    return Outcome::panicked;
  }
  if (!end) {
    const bool damaged = end.error().kind == base::ErrorKind::parse || end.error().kind == base::ErrorKind::timeout;
    return damaged || !qemu_runs ? Outcome::lab_failure : Outcome::refused;
  }
  if (end->told_to_end && end->how != How::exited) {
    return Outcome::hung;
  }
  if (fate == GuestFate::crashed) {
    return Outcome::lab_failure;  // an exit status from a damaged kernel is worth nothing
  }
  switch (end->how) {
    case How::exited:
      return Outcome::exited;
    case How::timed_out:
      return Outcome::hung;
    case How::guest_gone:
      break;
  }
  return qemu_runs ? Outcome::hung : Outcome::lab_failure;
}

}  // namespace vm
