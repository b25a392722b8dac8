#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "forensics/composition.h"
#include "forensics/document.h"
#include "forensics/rule.h"
#include "forensics/verdict.h"

// What several rules share: figures out of an explained incident, the log lines behind them, and examples.
namespace forensics {

// Bytes of a part of the breakdown; 0 when it is not there.
std::uint64_t part_bytes(const Incident& incident, std::string_view part);
// What the breakdown is a breakdown of: the usage, or the RAM. 0 when there is none.
std::uint64_t whole_bytes(const Incident& incident);
// bytes of the whole, 0 to 1.
double share_of_whole(const Incident& incident, std::uint64_t bytes);

// How sure a rule may be that what it names is the cause, by its share of what was used up: surer where it is the
// largest part.
double cause_confidence(const Incident& incident, std::string_view part, double share);
bool is_dominant(const Incident& incident, std::string_view part);

// "62.3 MiB = 97 % of the limit of 64 MiB", "… of the RAM of 1 GiB", "… of the usage of …" where no limit is set.
std::string of_whole(const Incident& incident, std::uint64_t bytes);

// The listed task that holds most memory (rss and swap); nullptr without a table.
const Task* largest_task(const Incident& incident);
// rss + swap.
std::uint64_t held_bytes(const Task& task);
// "a.out (pid 3652)".
std::string task_name(const Task& task);

// "12 MiB = usage 6 MiB + swap 6 MiB": what the group held when it was stopped, which is less than it wanted.
std::string held_formula(const Incident& incident);

// Swap that could be used, and was: of the memory cgroup (memory+swap minus memory on v1), or of the machine. Nothing
// where the log does not say, and for a group without a swap limit.
struct SwapUse {
  std::uint64_t used_bytes = 0, total_bytes = 0;
  bool memsw = false;  // told by cgroup v1's limit of memory and swap together
};
std::optional<SwapUse> swap_use(const Incident& incident);

// Whether a frame of the call trace begins with one of these function names.
bool trace_has(const Incident& incident, std::initializer_list<std::string_view> functions);

// Add the lines of the report that evidence rests on, each once: the first that begins so, or holds that text anywhere;
// the line of a counter (memory.stat or Mem-Info); usage and limit; swap; the trigger; kills; a task's row; zones.
void quote_start(Diagnosis& found, const Incident& incident, std::string_view start);
void quote_text(Diagnosis& found, const Incident& incident, std::string_view text);
void quote_counters(Diagnosis& found, const Incident& incident, std::initializer_list<std::string_view> names);
void quote_usage(Diagnosis& found, const Incident& incident);
void quote_swap(Diagnosis& found, const Incident& incident);
void quote_kills(Diagnosis& found, const Incident& incident);
void quote_task(Diagnosis& found, const Incident& incident, std::int64_t pid);
void quote_zones(Diagnosis& found, const Incident& incident);

bool is_memcg(const Incident& incident);
bool is_machine_wide(const Incident& incident);

// A kill in a cgroup of 64 MiB without swap, v2, one task "app" (pid 100) of that size; counters as given.
Incident memcg_example(cgroup::Counters stat);
// A global kill on a machine of 1 GiB (262144 pages) without swap; page counters as given.
Incident machine_example(cgroup::Counters pages);
// A run of the same size with a timeline of these values at equal distances over so many seconds.
Run run_example(const std::vector<std::uint64_t>& memory, unsigned seconds = 1);

}  // namespace forensics
