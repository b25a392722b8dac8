#pragma once

#include "base/result.h"
#include "vm/console.h"
#include "vm/session.h"

namespace vm {

// What a session came to, all evidence taken together.
enum class Outcome {
  exited,       // the command ended
  panicked,     // the guest's kernel panicked for want of memory: an incident
  hung,         // the time was over, or the user insisted on the end
  refused,      // the guest or this machine said no: once more will not help
  lab_failure,  // the guest died or its streams are damaged
};

// `end` of the session, the guest's fate as its console tells it, and whether QEMU was still there afterwards.
Outcome outcome_of(const base::Result<SessionEnd>& end, GuestFate fate, bool qemu_runs);

}  // namespace vm
