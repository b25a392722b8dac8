#pragma once

#include <string_view>

#include "forensics/record.h"

// What stands between a carrier's time stamp and the kernel's words.
namespace forensics {

// "host kernel: [ 12.345678][ T12] text", "kernel: text", "host sshd[12]: text": fills host, tag, kernel, monotonic_s,
// caller and message. False when there is no tag at all.
bool read_host_and_tag(std::string_view text, Record& record);

// "[ 12.345678][ T12] text": fills monotonic_s, caller and message.
void read_kernel_message(std::string_view text, Record& record);

}  // namespace forensics
