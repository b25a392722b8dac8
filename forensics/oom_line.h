#pragma once

#include <optional>
#include <string_view>
#include <variant>

#include "forensics/lines/aside.h"
#include "forensics/lines/memcg.h"
#include "forensics/lines/meminfo.h"
#include "forensics/lines/outcome.h"
#include "forensics/lines/tasks.h"
#include "forensics/lines/trace.h"
#include "forensics/lines/trigger.h"

namespace forensics {

// One message of the kernel, read as what it says. Views borrow from the message.
using OomLine =
    std::variant<lines::Trigger, lines::AllocationFailure, lines::ManualOom, lines::Suppressed, lines::Boot,
                 lines::Identity, lines::Hardware, lines::CpusetLine, lines::TraceStart, lines::Frame,
                 lines::TraceDetail, lines::MemcgLimit, lines::UsageLine, lines::StatsHeader, lines::StatCounter,
                 lines::MemInfoStart, lines::PageCounters, lines::NodeLine, lines::ZoneLine, lines::LowmemReserve,
                 lines::BuddyLine, lines::HugepageLine, lines::MemoryTotal, lines::SlabStart, lines::AllocationsStart,
                 lines::MemInfoDetail, lines::ShowMemory, lines::Aside, lines::TaskTitle, lines::TaskHeader,
                 lines::TaskRow, lines::Summary, lines::Decision, lines::Kill, lines::GroupKill, lines::AlreadyExiting,
                 lines::SharedMemory, lines::Reaped, lines::NoKillable, lines::OomPanic>;

// Recognises a message by its own text, whole shape or nothing; the kernel's version plays no part. Rows that only
// their table gives a meaning (slab and allocation rows) are read by whoever knows the table is open.
std::optional<OomLine> parse_oom_line(std::string_view message);

// What people call that kind of line: "trigger", "memcg usage", "task row", "kill".
std::string_view name_of(const OomLine& line);

}  // namespace forensics
