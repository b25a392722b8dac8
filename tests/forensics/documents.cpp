#include "tests/forensics/documents.h"

#include "base/file.h"
#include "forensics/analysis.h"
#include "tests/forensics/examples.h"
#include "tests/forensics/parse_text.h"

namespace forensics::tests {
namespace {

using forensics::testing::joined;
using forensics::testing::parse_text;

const std::string kLogs = OOMLAB_SOURCE_DIR "/tests/fixtures/logs/6.12/";

Postmortem run_without_incident(std::string verdict, std::optional<int> exit_code, std::optional<int> signal) {
  auto document = stress_run();
  document.incidents.clear();
  document.run->workload.reset();
  document.run->command = {"python3", "-c", "x=bytearray(20<<20)"};
  document.run->memory.peak_bytes = 30 << 20;
  document.run->memory.events = cgroup::MemoryEvents{0, 0, 0, 0, 0, 0, {}};
  document.run->outcome = {.verdict = std::move(verdict),
                           .exit_code = exit_code,
                           .signal = signal,
                           .oom_kills = 0,
                           .evidence = {"wait_status"},
                           .reason = {}};
  for (auto& sample : document.run->timeline) {
    sample.memory = *sample.memory / 2;
  }
  return document;
}

// A cgroup v1 of Linux 4.19.
Postmortem memcg_v1() {
  return parse_text(joined(
      {"a.out invoked oom-killer: gfp_mask=0x6000c0(GFP_KERNEL), nodemask=(null), order=0, oom_score_adj=0",
       "a.out cpuset=/ mems_allowed=0", "CPU: 0 PID: 77 Comm: a.out Not tainted 4.19.0-25-amd64 #1 Debian 4.19.289-2",
       "Call Trace:", " mem_cgroup_out_of_memory+0x121/0x130", " do_anonymous_page+0x11c/0x3e0",
       "Task in /box killed as a result of limit of /box", "memory: usage 51200kB, limit 51200kB, failcnt 69",
       "memory+swap: usage 56320kB, limit 102400kB, failcnt 0",
       "kmem: usage 1200kB, limit 9007199254740988kB, failcnt 0",
       "Memory cgroup stats for /box: cache:0KB rss:49900KB rss_huge:0KB shmem:0KB mapped_file:0KB dirty:0KB "
       "writeback:0KB swap:5120KB inactive_anon:0KB active_anon:49900KB inactive_file:0KB active_file:0KB "
       "unevictable:0KB",
       "Tasks state (memory values in pages):",
       "[  pid  ]   uid  tgid total_vm      rss pgtables_bytes swapents oom_score_adj name",
       "[     77]  1000    77    14000    12700   143360     1280             0 a.out",
       "[     78]  1000    78     1200      300    45056        0           500 sh",
       "Memory cgroup out of memory: Kill process 77 (a.out) score 998 or sacrifice child",
       "Killed process 77 (a.out) total-vm:56000kB, anon-rss:49800kB, file-rss:1000kB, shmem-rss:0kB",
       "oom_reaper: reaped process 77 (a.out), now anon-rss:0kB, file-rss:0kB, shmem-rss:0kB"},
      "Oct 12 19:00:20 web1 kernel: [  809.641895] "));
}

Postmortem userspace_kill() {
  return parse_text(
      "Oct 12 19:00:20 web1 earlyoom[600]: mem avail:   400 of  7880 MiB ( 5.08%), swap free:    0 of    0 MiB ( "
      "0.00%)\n"
      "Oct 12 19:00:21 web1 earlyoom[600]: low memory! at or below SIGTERM limits: mem 10.00%, swap 10.00%\n"
      "Oct 12 19:00:21 web1 earlyoom[600]: sending SIGTERM to process 4242 uid 1000 \"python3\": badness 900, VmRSS "
      "800 "
      "MiB\n");
}

// What a real kernel printed.
Postmortem of_log(const std::string& name) {
  return parse_text(base::read_all(kLogs + name).value_or(""));
}

Postmortem run_with_pressure() {
  auto document = stress_run();
  std::chrono::microseconds some{0}, full{0};
  for (auto& sample : document.run->timeline) {
    some += std::chrono::microseconds(sample.t.count() / 2'000'000);
    full += std::chrono::microseconds(sample.t.count() / 8'000'000);
    sample.psi_some = some;
    sample.psi_full = full;
    if (sample.t.count() % 3 == 0) {  // the recorder reads the counters less often than the usage
      sample.anon.reset();
      sample.kernel.reset();
    } else {
      sample.file = 3 << 20;
      sample.shmem = 1 << 20;
    }
  }
  return document;
}

// Names that try to break out of the terminal.
Postmortem hostile() {
  auto incident = docker_6mib();
  const std::string evil =
      "\x1b]0;pwn\x07</script><img src=x onerror=alert(1)>\xff\xe7\x8c\u202e]]>|`a`b @everyone #1 "
      "[x](http://evil.example)\n%0A::error::x,title=y\u00a0" +
      std::string(300, 'A');
  incident.trigger.comm = evil;
  incident.kernel.release = evil;
  incident.time.host = evil;
  incident.cgroup->oom_memcg = "/" + evil;
  incident.cgroup->task_memcg = "/" + evil + "/x\ny";
  for (auto& task : incident.tasks) {
    task.comm = evil;
  }
  incident.victims.front().comm = evil;
  auto document = of_incident(std::move(incident));
  document.inputs.front().name = evil;
  document.warnings = {{.code = "w", .message = evil, .input = 0, .line = 1}};
  auto& run = document.run.emplace();
  run.command = {evil, "a\nb"};
  run.outcome.verdict = "failed";
  run.outcome.reason = evil;
  return document;
}

const NamedDocument kDocuments[] = {
    {"docker_6mib", [] { return of_incident(docker_6mib()); }},
    {"stress_anon", stress_run},
    {"global_no_swap", [] { return of_incident(global_no_swap()); }},
    {"memcg_v1", memcg_v1},
    {"oom_group", [] { return of_log("oom-group.kmsg"); }},
    {"panic", [] { return of_log("panic-memcg.console"); }},
    {"no_victim", [] { return of_log("no-victim.kmsg"); }},
    {"allocation_failure", [] { return of_log("allocation-failure.kmsg"); }},
    {"userspace_kill", userspace_kill},
    {"run_with_pressure", run_with_pressure},
    {"several", several},
    {"nothing_found", nothing_found},
    {"run_completed", [] { return run_without_incident("completed", 0, {}); }},
    {"run_failed", [] { return run_without_incident("failed", 3, {}); }},
    {"run_signaled", [] { return run_without_incident("signaled", {}, 15); }},
    {"run_timed_out", [] { return run_without_incident("timed_out", {}, 9); }},
    {"run_not_started", [] { return run_without_incident("not_started", {}, {}); }},
    {"full", full_document},
    {"sparse", sparse_document},
    {"hostile", hostile},
};

}  // namespace

std::span<const NamedDocument> all_documents() {
  return kDocuments;
}

Postmortem of_incident(Incident incident) {
  explain(incident);
  Postmortem document;
  document.inputs = {{.name = "kern.log", .carrier = "dmesg", .compression = {}, .bytes = 4096, .lines = 62}};
  document.incidents = {std::move(incident)};
  return document;
}

Postmortem several() {
  auto document = of_incident(docker_6mib());
  document.incidents.push_back(global_no_swap());
  document.incidents.push_back(document.incidents.front());
  document.warnings = {{.code = "log_overrun", .message = "records were lost", .input = 0, .line = 12}};
  return document;
}

Postmortem nothing_found() {
  Postmortem document;
  document.inputs = {{.name = "a.log", .carrier = "syslog", .compression = {}, .bytes = 100, .lines = 1234},
                     {.name = "b.bin", .carrier = {}, .compression = {}, .bytes = 10, .lines = 1}};
  return document;
}

}  // namespace forensics::tests
