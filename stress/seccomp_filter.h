#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

// The part of stress that knows libseccomp: a filter that asks a supervisor about some calls, and what is asked.
namespace stress {

// Puts this thread, and all it will start, under a filter that asks about those calls. The result is the supervisor's
// end.
base::Result<base::Fd> install_asking_filter(std::span<const std::string> calls);

// Whether there is a system call of that name on this machine.
bool is_system_call(const std::string& name);

// The name of a system call by its number, "" for an unknown one.
std::string system_call_name(int number);

}  // namespace stress
