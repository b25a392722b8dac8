#include "tests/forensics/examples.h"

#include "forensics/analysis.h"

namespace forensics::tests {
namespace {

constexpr std::uint64_t kKib = 1024, kMib = kKib * 1024, kPage = 4096;

Task task(std::int64_t pid, std::uint64_t total_vm, std::uint64_t rss, std::uint64_t pgtables, std::uint64_t swap,
          std::int64_t adj, std::string comm, std::int64_t uid = 0) {
  return {.pid = pid,
          .uid = uid,
          .tgid = pid,
          .total_vm_bytes = total_vm * kPage,
          .rss_bytes = rss * kPage,
          .pgtables_bytes = pgtables,
          .swap_bytes = swap * kPage,
          .oom_score_adj = adj,
          .comm = std::move(comm)};
}

MemoryInfo full_memory_info() {
  return {.counters = {{"active_anon", 10}, {"free", 3}},
          .nodes = {{.node = 1, .counters = {{"shmem", 4096}}, .all_unreclaimable = true}},
          .zones = {{.node = 1,
                     .name = "Normal",
                     .counters = {{"free", 8192}, {"min", 4096}},
                     .lowmem_reserve_pages = {0, 3191},
                     .buddy = {{.size_bytes = 4096, .free = 2, .types = "UME"}, {.size_bytes = 8192, .free = 0}},
                     .buddy_total_bytes = 8192,
                     .all_unreclaimable = false}},
          .hugepages = {{.node = 1, .total = 4, .free = 2, .surplus = 1, .size_bytes = 2 * kMib}},
          .pagecache_pages = 11,
          .swapcache_pages = 12,
          .swap_free_bytes = 13,
          .swap_total_bytes = 14,
          .ram_pages = 15,
          .highmem_pages = 16,
          .reserved_pages = 17,
          .cma_reserved_pages = 18,
          .hwpoisoned_pages = 19,
          .slab = {{.name = "dentry", .used_bytes = 1, .total_bytes = 2}},
          .allocations = {{.bytes = 100, .calls = 3, .location = "mm/slub.c:1 func:x"}}};
}

Owner full_owner() {
  return {.runtime = "kubernetes",
          .container_id = "cafe",
          .pod_uid = "1-2",
          .qos = "Burstable",
          .unit = "a.service",
          .job = "7.batch",
          .user = "1000",
          .name = "container cafe",
          .image = "web:3",
          .service = "web",
          .nested = {{.cgroup = "/a", .runtime = "systemd", .kind = "slice", .id = "a", .name = "slice a"}}};
}

Analysis full_analysis() {
  return {.page_size_bytes = 4096,
          .breakdown = {{.part = "anon", .bytes = 5, .share = 0.5}},
          .breakdown_error_bytes = 6,
          .dominant = Dominant{.part = "anon", .share = 0.5},
          .unlisted = Unlisted{.anon_bytes = 7, .shmem_bytes = 8, .words = "w"},
          .request = Request{.order = 2,
                             .bytes = 16384,
                             .atomic = false,
                             .nofs = true,
                             .noio = false,
                             .nofail = true,
                             .noretry = false,
                             .movable = true,
                             .zone = "DMA32",
                             .words = "r"},
          .allocation_path = "slab",
          .zones = {{.node = 0,
                     .name = "DMA32",
                     .allowed = true,
                     .free_bytes = 9,
                     .usable_bytes = 8,
                     .watermark = "low",
                     .watermark_bytes = 10,
                     .lowmem_reserve_bytes = 11,
                     .short_bytes = 12,
                     .highatomic_bytes = 13,
                     .cma_free_bytes = 14,
                     .largest_free_bytes = 15,
                     .fragmentation = {0, 0.5}}},
          .why_now = Reason{.code = "limit", .words = "y"},
          .ranking = {{.pid = 1, .comm = "x", .points = -7, .share = 0.25, .oom_score_adj = -3, .eligible = false}},
          .score = Score{.rule = "f", .total_pages = 16, .printed = 17, .recomputed = 18},
          .victim_rank = 1,
          .victim_explained = true,
          .victim_reason = Reason{.code = "highest_badness", .words = "z"},
          .margin_points = -19,
          .next_victim = Candidate{.pid = 20, .comm = "n", .points = 21},
          .without_oom_score_adj = Candidate{.pid = 22, .comm = "o", .points = 23},
          .bystander = true,
          .freed_bytes = 24,
          .thrashing = Thrashing{.refault_bytes = 25, .limit_bytes = 26, .pressure_full_share = 0.75, .words = "t"},
          .growth = GrowthShape{.shape = "leak",
                                .source = "timeline",
                                .bytes_per_s = 27.5,
                                .fit = 0.99,
                                .duration_s = 2,
                                .first_bytes = 28,
                                .highest_bytes = 29,
                                .words = "g"},
          .limit_owner = LimitOwner{.cgroup = "/a", .levels_above_victim = 2, .owner = full_owner()},
          .processes = 1};
}

Incident full_incident() {
  Incident incident = docker_6mib();
  incident.manual = true;
  incident.missing = {"tasks"};
  incident.repeats = 3;
  incident.time = {.monotonic_s = 809.641895, .realtime = "2026-01-02T03:04:05+01:00", .host = "node-7"};
  incident.kernel.hardware = "QEMU Standard PC";
  incident.trigger.nodemask = "0-1";
  incident.memory_info = full_memory_info();
  incident.cgroup->memsw = Usage{.usage_bytes = 1, .unlimited = true, .failcnt = 2};
  incident.cgroup->kmem = Usage{.usage_bytes = 3, .limit_bytes = 4, .failcnt = 5};
  incident.cgroup->owner = full_owner();
  incident.tasks.front().rss_anon_bytes = 1;
  incident.tasks.front().rss_file_bytes = 2;
  incident.tasks.front().rss_shmem_bytes = 3;
  incident.victims.front().score = 905;
  incident.victims.front().reaped = true;
  incident.analysis = full_analysis();
  incident.verdict = "a sentence with \"quotes\"";
  incident.diagnosis = {{.code = "c",
                         .title = "t",
                         .confidence = 0.9,
                         .role = "circumstance",
                         .evidence = {"e"},
                         .advice = {"a", "b"},
                         .will_not_help = {"n"},
                         .lines = {{.line = 2, .text = "memory: usage"}}}};
  incident.log = {.input = 1,
                  .first_line = 2,
                  .last_line = 3,
                  .suppressed = 4,
                  .unrecognized = {{.line = 5, .text = "?"}},
                  .lines = {{.line = 2, .kind = "trigger", .text = "a.out invoked oom-killer: order=0"}},
                  .lines_left_out = 6};
  return incident;
}

std::vector<cgroup::Sample> rising_timeline(std::uint64_t limit, unsigned steps) {
  std::vector<cgroup::Sample> samples;
  for (unsigned i = 0; i <= steps; ++i) {
    const auto used = limit * i / steps;
    samples.push_back({.t = std::chrono::milliseconds(20 * i),
                       .memory = used,
                       .swap = 0,
                       .anon = used * 9 / 10,
                       .file = 0,
                       .shmem = 0,
                       .kernel = used / 20,
                       .psi_some = std::chrono::microseconds(10 * i),
                       .psi_full = std::chrono::microseconds(5 * i)});
  }
  return samples;
}

}  // namespace

Incident docker_6mib() {
  const std::string group = "/docker/ad6c46b550523f9a7b6d6796621f9e7ccaa3eaf87a044eaa6c9d21f0a52ce21f";
  Incident incident;
  incident.scope = "memcg";
  incident.complete = true;
  incident.time.monotonic_s = 809.641895;
  incident.kernel = {.release = "5.15.49-linuxkit-pr", .tainted = "G           O    T", .hardware = {}};
  incident.trigger = {
      .comm = "a.out",
      .pid = 3652,
      .cpu = 4,
      .order = 0,
      .oom_score_adj = 0,
      .nodemask = {},
      .gfp_mask = GfpMask{.value = 0x1100cca, .text = "GFP_HIGHUSER_MOVABLE", .flags = {"GFP_HIGHUSER_MOVABLE"}}};
  incident.call_trace = {"dump_stack_lvl",
                         "dump_header",
                         "oom_kill_process",
                         "out_of_memory",
                         "mem_cgroup_out_of_memory",
                         "try_charge_memcg",
                         "charge_memcg",
                         "__mem_cgroup_charge",
                         "__add_to_page_cache_locked",
                         "add_to_page_cache_lru",
                         "pagecache_get_page",
                         "filemap_fault",
                         "__do_fault",
                         "__handle_mm_fault",
                         "handle_mm_fault",
                         "do_user_addr_fault",
                         "exc_page_fault",
                         "asm_exc_page_fault"};
  auto& report = incident.cgroup.emplace();
  report.oom_memcg = group;
  report.task_memcg = group;
  report.hierarchy = 2;
  report.memory = Usage{.usage_bytes = 6144 * kKib, .limit_bytes = 6144 * kKib, .failcnt = 29899};
  report.swap = Usage{.usage_bytes = 6144 * kKib, .limit_bytes = 6144 * kKib, .failcnt = 152};
  report.stat = {{"anon", 4771840},
                 {"file", 0},
                 {"kernel_stack", 32768},
                 {"pagetables", 126976},
                 {"percpu", 0},
                 {"sock", 0},
                 {"shmem", 0},
                 {"file_mapped", 0},
                 {"file_dirty", 0},
                 {"file_writeback", 0},
                 {"swapcached", 950272},
                 {"inactive_anon", 4833280},
                 {"active_anon", 811008},
                 {"inactive_file", 0},
                 {"active_file", 0},
                 {"unevictable", 0},
                 {"slab_reclaimable", 138520},
                 {"slab_unreclaimable", 123744},
                 {"slab", 262264}};
  incident.tasks = {task(1981, 621, 0, 45056, 25, 0, "sleep"), task(2011, 1047, 23, 49152, 116, 0, "bash"),
                    task(3652, 17000, 1075, 65536, 1238, 0, "a.out")};
  incident.victims = {{.pid = 3652,
                       .comm = "a.out",
                       .uid = 0,
                       .total_vm_bytes = 68000 * kKib,
                       .anon_rss_bytes = 4300 * kKib,
                       .file_rss_bytes = 0,
                       .shmem_rss_bytes = 0,
                       .pgtables_bytes = 64 * kKib,
                       .oom_score_adj = 0,
                       .reaped = {},
                       .task_memcg = group}};
  incident.log = {.first_line = 1, .last_line = 62};
  return incident;
}

Postmortem full_document() {
  Postmortem document;
  document.inputs = {
      {.name = "kern.log.1.gz", .carrier = "syslog", .compression = "gzip", .bytes = 12, .lines = 3},
      {.name = "hostile \x1b[31m \xff </script>", .carrier = {}, .compression = {}, .bytes = 0, .lines = 0}};
  auto& run = document.run.emplace();
  run.command = {"./app", "--serve", "a b"};
  run.workload = Workload{.name = "anon",
                          .parameters = {{"size", "128M"}, {"rate", "64M"}},
                          .observations = {{"start", "arena", 135168, "bytes"},
                                           {"start", "mapped chunks", 0, ""},
                                           {"end", "arena", 12410880, "bytes"},
                                           {"end", "growth", 1234.5, "bytes/s"},
                                           {"hostile \x1b[31m\xff", "</script>", -1234567, "|"}}};
  run.faults = "mmap:ENOMEM:after=100";
  run.backend = "vm";
  run.kernel = "6.12.117+deb12-cloud-amd64";
  run.duration_s = 1.23;
  run.cpu_s = 0.75;
  run.pid = 1234;
  run.limits = {64 * kMib, 60 * kMib, 1 * kMib, 2 * kMib, 0, 3 * kMib, 100, true};
  run.outcome = {.verdict = "oom_killed",
                 .exit_code = 3,
                 .signal = 9,
                 .oom_kills = 2,
                 .evidence = {"memory.events", "kernel_log", "wait_status"},
                 .reason = "why"};
  run.memory = {.peak_bytes = 64 * kMib,
                .swap_peak_bytes = 5,
                .events = cgroup::MemoryEvents{1, 2, 35, 1, 1, 0, {{"sock_throttled", 4}}},
                .events_local = cgroup::MemoryEvents{0, 0, 35, 1, 1, 0, {}},
                .swap_events = cgroup::SwapEvents{1, 2, 3, {}},
                .stat_at_peak = {{"anon", 60 * kMib}, {"new_counter", 7}},
                .pressure_some_total_s = 0.25,
                .pressure_full_total_s = 0.125};
  run.timeline = rising_timeline(64 * kMib, 3);
  run.expectation = Expectation{.expect = "oom", .met = true, .reason = "an OOM kill was expected"};
  run.vm = Vm{.accelerator = "tcg",
              .boot = "snapshot",
              .memory_bytes = 512 * kMib,
              .lab_failures = 1,
              .console_tail = {"Linux"}};
  document.incidents = {full_incident()};
  document.episodes = {{.code = "crash_loop",
                        .incidents = {0},
                        .cgroup = "/a",
                        .name = "slice a",
                        .host = "node-7",
                        .first = {.monotonic_s = 1, .realtime = "2026-01-02T03:04:05+01:00", .host = "node-7"},
                        .last = {.monotonic_s = 3, .realtime = {}, .host = {}},
                        .duration_s = 2,
                        .reports = 4,
                        .kills = 5,
                        .kills_freed_nothing = 1,
                        .slope = Slope{.of = "anon", .unit = "bytes/s", .value = -1.5, .fit = 0.5, .points = 4},
                        .words = "e"}};
  document.reconciliation = {
      {.source = "memory.events", .cgroup = "/a", .logged = 1, .counted = 2, .code = "log_misses_kills", .words = "r"}};
  document.warnings = {{.code = "log_overrun", .message = "records were lost", .input = 0, .line = 12}};
  return document;
}

Postmortem sparse_document() {
  Postmortem document;
  document.inputs.emplace_back();
  document.run.emplace();
  document.incidents.resize(2);
  auto& incident = document.incidents[1];
  incident.cgroup.emplace().memory.emplace().unlimited = true;
  incident.memory_info.emplace().zones.emplace_back();
  incident.tasks.emplace_back();
  incident.victims.emplace_back();
  incident.diagnosis.emplace_back().code = "x";
  incident.trigger.gfp_mask.emplace();
  document.warnings.emplace_back().code = "x";
  return document;
}

Postmortem stress_run() {
  Postmortem document;
  auto& run = document.run.emplace();
  run.workload = Workload{.name = "anon", .parameters = {{"size", "128M"}}};
  run.backend = "vm";
  run.kernel = "6.12.117+deb12-cloud-amd64";
  run.duration_s = 0.62;
  run.pid = 312;
  run.limits.memory_max_bytes = 64 * kMib;
  run.limits.memory_swap_max_bytes = 0;
  run.limits.oom_group = false;
  run.outcome = {.verdict = "oom_killed",
                 .exit_code = {},
                 .signal = 9,
                 .oom_kills = 1,
                 .evidence = {"memory.events", "kernel_log", "wait_status"},
                 .reason = {}};
  run.memory.peak_bytes = 64 * kMib;
  run.memory.swap_peak_bytes = 0;
  run.memory.events = cgroup::MemoryEvents{0, 0, 35, 1, 1, 0, {}};
  run.memory.swap_events = cgroup::SwapEvents{0, 0, 0, {}};
  run.memory.pressure_some_total_s = 0.0031;
  run.memory.pressure_full_total_s = 0.0029;
  run.timeline = rising_timeline(64 * kMib, 31);
  run.vm =
      Vm{.accelerator = "tcg", .boot = "snapshot", .memory_bytes = 512 * kMib, .lab_failures = 0, .console_tail = {}};
  Incident incident;
  incident.scope = "memcg";
  incident.complete = true;
  incident.time.monotonic_s = 12.345;
  incident.kernel.release = run.kernel;
  incident.trigger.comm = "oomlab";
  incident.trigger.pid = 312;
  incident.trigger.order = 0;
  incident.call_trace = {"mem_cgroup_out_of_memory", "try_charge_memcg",  "charge_memcg",   "__mem_cgroup_charge",
                         "do_anonymous_page",        "__handle_mm_fault", "handle_mm_fault"};
  auto& report = incident.cgroup.emplace();
  report.oom_memcg = "/oomlab-312-1";
  report.task_memcg = "/oomlab-312-1";
  report.hierarchy = 2;
  report.memory = Usage{.usage_bytes = 64 * kMib, .limit_bytes = 64 * kMib, .failcnt = 35};
  report.swap = Usage{.usage_bytes = 0, .limit_bytes = 0, .failcnt = 0};
  report.stat = {{"anon", 65273856},           {"file", 0},  {"kernel", 1507328}, {"kernel_stack", 16384},
                 {"pagetables", 172032},       {"shmem", 0}, {"sock", 0},         {"slab_reclaimable", 12288},
                 {"slab_unreclaimable", 98304}};
  auto row = task(312, 34000, 16200, 172032, 0, 0, "oomlab", 1000);
  row.rss_anon_bytes = 15936 * kPage;
  row.rss_file_bytes = 264 * kPage;
  row.rss_shmem_bytes = 0;
  incident.tasks = {row};
  incident.victims = {{.pid = 312,
                       .comm = "oomlab",
                       .uid = 1000,
                       .total_vm_bytes = 34000 * kPage,
                       .anon_rss_bytes = 15936 * kPage,
                       .file_rss_bytes = 264 * kPage,
                       .shmem_rss_bytes = 0,
                       .pgtables_bytes = 172032,
                       .oom_score_adj = 0,
                       .reaped = {},
                       .task_memcg = "/oomlab-312-1"}};
  document.incidents = {std::move(incident)};
  explain(document.incidents.front(), &run);
  return document;
}

Incident global_no_swap() {
  Incident incident;
  incident.scope = "global";
  incident.complete = true;
  incident.time = {.monotonic_s = 4711.5, .realtime = {}, .host = "web-1"};
  incident.kernel.release = "6.1.0-18-amd64";
  incident.trigger = {
      .comm = "nginx", .pid = 640, .cpu = 0, .order = 0, .oom_score_adj = 0, .nodemask = {}, .gfp_mask = {}};
  incident.call_trace = {"out_of_memory",   "__alloc_pages_slowpath", "__alloc_pages",  "__folio_alloc",
                         "vma_alloc_folio", "__handle_mm_fault",      "handle_mm_fault"};
  auto& info = incident.memory_info.emplace();
  info.counters = {{"active_anon", 30000},
                   {"inactive_anon", 180000},
                   {"isolated_anon", 0},
                   {"active_file", 100},
                   {"inactive_file", 200},
                   {"isolated_file", 0},
                   {"unevictable", 0},
                   {"dirty", 0},
                   {"writeback", 0},
                   {"slab_reclaimable", 4000},
                   {"slab_unreclaimable", 9000},
                   {"mapped", 500},
                   {"shmem", 2000},
                   {"pagetables", 1500},
                   {"free", 11000},
                   {"free_pcp", 100},
                   {"free_cma", 0}};
  info.swap_total_bytes = 0;
  info.swap_free_bytes = 0;
  info.ram_pages = 262144;
  info.reserved_pages = 12144;
  info.zones = {{.node = 0,
                 .name = "DMA32",
                 .counters = {{"free", 44000 * kKib}, {"min", 45056 * kKib}},
                 .buddy = {{.size_bytes = 4096, .free = 100, .types = "UME"}}}};
  incident.tasks = {task(1, 5000, 300, 65536, 0, 0, "systemd"), task(500, 4000, 600, 65536, 0, -1000, "sshd"),
                    task(640, 20000, 4000, 131072, 0, 0, "nginx", 33),
                    task(801, 400000, 190000, 1646592, 0, 0, "java", 1000),
                    task(802, 30000, 9000, 131072, 0, 300, "worker", 1000)};
  incident.victims = {{.pid = 801,
                       .comm = "java",
                       .uid = 1000,
                       .total_vm_bytes = 400000 * kPage,
                       .anon_rss_bytes = 189000 * kPage,
                       .file_rss_bytes = 1000 * kPage,
                       .shmem_rss_bytes = 0,
                       .pgtables_bytes = 1646592,
                       .oom_score_adj = 0,
                       .reaped = true,
                       .task_memcg = "/system.slice/app.service"}};
  auto& report = incident.cgroup.emplace();
  report.task_memcg = "/system.slice/app.service";
  explain(incident);
  return incident;
}

}  // namespace forensics::tests
