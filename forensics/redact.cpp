#include "forensics/redact.h"

#include <algorithm>
#include <array>

#include "forensics/analysis.h"

namespace forensics {
namespace {

void redact_host(Text& host, Redactor& redactor) {
  host = host ? Text(redactor.host(*host)) : host;
}

void redact_comm(Text& comm, Redactor& redactor) {
  comm = comm ? Text(redactor.comm(*comm)) : comm;
}

void redact_cgroup(Text& path, Redactor& redactor) {
  path = path ? Text(redactor.cgroup(*path)) : path;
}

// What a runtime told; the rest is derived from the path.
void redact_owner(Owner& owner, Redactor& redactor) {
  for (auto* text : {&owner.name, &owner.image, &owner.service}) {
    if (*text) {
      **text = redactor.id(**text);
      **text = redactor.host(**text);
    }
  }
  if (owner.container_id) {
    owner.container_id = redactor.id(*owner.container_id);
  }
}

void redact_names(Incident& incident, Redactor& redactor) {
  redact_host(incident.time.host, redactor);
  redact_comm(incident.trigger.comm, redactor);
  if (incident.kernel.release) {
    redactor.allow(*incident.kernel.release);
  }
  if (incident.cgroup) {
    redact_cgroup(incident.cgroup->oom_memcg, redactor);
    redact_cgroup(incident.cgroup->task_memcg, redactor);
    if (incident.cgroup->owner) {
      redact_owner(*incident.cgroup->owner, redactor);
    }
  }
  for (auto& task : incident.tasks) {
    task.comm = redactor.comm(task.comm);
  }
  for (auto& victim : incident.victims) {
    redact_comm(victim.comm, redactor);
    redact_cgroup(victim.task_memcg, redactor);
  }
}

// Lines without any name: figures, the stack, the machine's make.
bool is_nameless(std::string_view kind) {
  constexpr std::array<std::string_view, 18> kKinds = {
      "stack_start",   "stack_frame",  "stack_detail",  "hardware",   "memcg_usage",  "memcg_counter",
      "memory_info",   "node",         "zone",          "free_lists", "huge_pages",   "lowmem_reserve",
      "page_counters", "memory_total", "memory_detail", "task_table", "task_columns", "slab_table"};
  return std::ranges::find(kKinds, kind) != kKinds.end();
}

void redact_lines(Incident& incident, const Redactor& redactor) {
  for (auto& line : incident.log.unrecognized) {
    line.text = redactor.line(line.text);
  }
  for (auto& line : incident.log.lines) {
    line.text = is_nameless(line.kind) ? line.text : redactor.line(line.text);
  }
  if (incident.memory_info) {
    for (auto& cache : incident.memory_info->slab) {
      const auto group = std::min(cache.name.find('('), cache.name.size());  // "kmalloc-64(123:group)"
      cache.name = cache.name.substr(0, group) + redactor.line(cache.name.substr(group));
    }
  }
}

void redact_episode(Episode& episode, Redactor& redactor) {
  redact_cgroup(episode.cgroup, redactor);
  redact_host(episode.host, redactor);
  redact_host(episode.first.host, redactor);
  redact_host(episode.last.host, redactor);
  episode.name = episode.name ? Text(redactor.sentence(*episode.name)) : episode.name;
  episode.words = redactor.sentence(episode.words);
}

}  // namespace

void redact(Postmortem& document, Redactor& redactor) {
  for (auto& incident : document.incidents) {
    redact_names(incident, redactor);
  }
  for (auto& input : document.inputs) {
    input.name = redactor.file(input.name);
  }
  // With all names in mind.
  for (auto& incident : document.incidents) {
    redact_lines(incident, redactor);
    explain(incident);
  }
  for (auto& episode : document.episodes) {
    redact_episode(episode, redactor);
  }
  for (auto& counted : document.reconciliation) {
    redact_cgroup(counted.cgroup, redactor);
    counted.words = redactor.sentence(counted.words);
  }
  for (auto& warning : document.warnings) {
    warning.message = redactor.sentence(warning.message);
  }
}

}  // namespace forensics
