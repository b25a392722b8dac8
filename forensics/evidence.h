#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "forensics/composition.h"
#include "forensics/document.h"
#include "forensics/rule.h"
#include "forensics/verdict.h"

// What several rules share: figures out of an explained incident, and examples.
namespace forensics {

// Bytes of a part of the breakdown; 0 when it is not there.
std::uint64_t part_bytes(const Incident& incident, std::string_view part);
// What the breakdown is a breakdown of: the usage, or the RAM. 0 when there is none.
std::uint64_t whole_bytes(const Incident& incident);
// bytes of the whole, 0 to 1.
double share_of_whole(const Incident& incident, std::uint64_t bytes);

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

bool is_memcg(const Incident& incident);
bool is_machine_wide(const Incident& incident);

// A kill in a cgroup of 64 MiB without swap, v2, one task "app" (pid 100) of that size; counters as given.
Incident memcg_example(cgroup::Counters stat);
// A global kill on a machine of 1 GiB (262144 pages) without swap; page counters as given.
Incident machine_example(cgroup::Counters pages);
// A run of the same size with a timeline of these values at equal distances over one second.
Run run_example(const std::vector<std::uint64_t>& memory);

}  // namespace forensics
