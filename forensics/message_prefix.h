#pragma once

#include <string_view>

#include "forensics/record.h"

// What stands between a carrier's time stamp and the kernel's words.
namespace forensics {

// "host kernel: [ 12.345678][ T12] text", "kernel: text", "host sshd[12]: text": fills host, tag, kernel, monotonic_s,
// caller and message. False when there is no tag at all.
bool read_host_and_tag(std::string_view text, Record& record);

// "host [ 12.345678] text", "host : [ 12.345678] text": no tag, but only the kernel stamps so.
bool read_host_and_stamp(std::string_view text, Record& record);

// The text without the CPU and the task that some vendors' kernels print behind the stamp: "[2: kworker/0:1] ",
// "(3)[1234:kworker/u8:1]", "c1   1234 ".
std::string_view without_task(std::string_view text);

// "[ 12.345678][ T12] text", also with "<4>" in front: fills monotonic_s, caller and message.
void read_kernel_message(std::string_view text, Record& record);

}  // namespace forensics
