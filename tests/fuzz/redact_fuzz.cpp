// Any bytes as a log, read and redacted. No name of a process or host stays where names stand, cgroups keep their
// depth, figures stay, the same names get the same pseudonyms, and the document can be written and read.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "forensics/analyze.h"
#include "forensics/json.h"
#include "forensics/redact.h"
#include "tests/fuzz/check.h"

namespace {

using forensics::Text;
using fuzz::check;

bool is_pseudonym(const Text& before, const Text& after, std::string_view prefix) {
  constexpr std::size_t kLength = 10;
  return before.has_value() == after.has_value() &&
         (!after || (before->empty() && after->empty()) || (after->starts_with(prefix) && after->size() == kLength));
}

bool has_same_depth(const Text& before, const Text& after) {
  return before.has_value() == after.has_value() &&
         (!after || std::ranges::count(*before, '/') == std::ranges::count(*after, '/'));
}

void check_incident(const forensics::Incident& before, const forensics::Incident& after) {
  check(is_pseudonym(before.time.host, after.time.host, "h-"), "the host has a pseudonym");
  check(is_pseudonym(before.trigger.comm, after.trigger.comm, "p-"), "who asked has a pseudonym");
  check(before.tasks.size() == after.tasks.size() && before.victims.size() == after.victims.size(), "nobody is lost");
  for (std::size_t i = 0; i < before.tasks.size(); ++i) {
    check(is_pseudonym(before.tasks[i].comm, after.tasks[i].comm, "p-"), "a task has a pseudonym");
    check(before.tasks[i].rss_bytes == after.tasks[i].rss_bytes, "figures stay");
  }
  for (std::size_t i = 0; i < before.victims.size(); ++i) {
    check(is_pseudonym(before.victims[i].comm, after.victims[i].comm, "p-"), "a victim has a pseudonym");
    check(has_same_depth(before.victims[i].task_memcg, after.victims[i].task_memcg), "a path keeps its depth");
  }
  if (before.cgroup) {
    check(has_same_depth(before.cgroup->oom_memcg, after.cgroup->oom_memcg), "a path keeps its depth");
  }
  check(before.kind == after.kind && before.scope == after.scope && before.missing == after.missing,
        "what happened stays");
  check(before.log.lines.size() == after.log.lines.size(), "no line is lost");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<forensics::Source> sources;
  sources.push_back({.name = "fuzz", .fd = {}, .bytes = std::string(fuzz::text_of(data, size)), .carrier = {}});
  const auto before = forensics::analyze(sources);
  check(before.has_value(), "bytes in memory can be read");
  auto after = *before;
  forensics::Redactor redactor("key");
  forensics::redact(after, redactor);
  check(before->incidents.size() == after.incidents.size(), "no incident is lost");
  for (std::size_t i = 0; i < after.incidents.size(); ++i) {
    check_incident(before->incidents[i], after.incidents[i]);
  }
  auto again = *before;
  forensics::Redactor same("key");
  forensics::redact(again, same);
  const auto json = forensics::to_json(after);
  check(json == forensics::to_json(again), "the key alone decides");
  check(forensics::from_json(json).has_value(), "the document can be read");
  return 0;
}
