#!/usr/bin/env python3
"""Every workload on a real kernel, held against what `oomlab list NAME` says must be seen of it.

usage: workloads.py OOMLAB KERNEL BATCH [ROW...]   run one batch (or only these rows of it) in one guest
       workloads.py --list                         the batches' names, one a line
       workloads.py --complete OOMLAB              is there a row for each workload?

A batch is a table of runs that share a guest, each in a fresh cgroup of it: a guest costs more than most runs. Without a guest (None) each has its
own. Exit 0 passed, 1 failed, 77 skipped (no QEMU or no such kernel). With OOMLAB_REQUIRE_KERNEL=1 a skip is a failure.
"""
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from cases import Lab, equal, skip, within  # noqa: E402

KIB, MIB, PAGE = 1 << 10, 1 << 20, 4096

# What /proc/PID/status may say too little of a process's resident pages. Up to 6.1 each thread keeps what it has faulted in to itself and adds it up
# every 66th fault (SPLIT_RSS_COUNTING: mm/memory.c, TASK_RSS_EVENTS_THRESH 64, compared before it is counted); from 6.2 on each CPU keeps fewer than
# max(32, 2 x CPUs) pages, either way (percpu_counter_batch). Unmapping adds up what the thread has. A fault on a file may map 16 pages at once, so VmRSS
# also moves with code that runs for the first time; four such faults were never seen between two steps. proc(5) says it too, and that smaps_rollup (Rss,
# Pss, Anonymous, LazyFree here) is exact. What memory.stat says is exact once added up, see cli/meter.cpp.
RSS_DRIFT = {"VmRSS": (66 + 4 * 16) * PAGE, "RssAnon": 66 * PAGE, "RssFile": 66 * 16 * PAGE}


class Run:
    """One finished run: its document, its exit status, and what the checks ask of them."""

    def __init__(self, status, document, errors):
        self.status, self.document, self.errors = status, document, errors
        self.run = document["run"] if document else None

    def observed(self, step, name):
        for row in self.run["workload"]["observations"]:
            if (row["step"], row["name"]) == (step, name):
                return row["value"]
        raise AssertionError(f"nothing observed as '{name}' at '{step}': {self.run['workload']['observations']}")

    def peak_stat(self, counter):
        """The counter when memory was highest, as the recorder saw it: a witness other than the workload."""
        return self.run["memory"]["stat_at_peak"].get(counter)

    def kill_stat(self, counter):
        """The counter in the kernel's own report of the kill."""
        assert len(self.document["incidents"]) >= 1, f"no kill: {self.run['outcome']} {self.errors}"
        return self.document["incidents"][0]["cgroup"]["stat"].get(counter, 0)

    def highest(self, column):
        index = self.run["timeline"]["columns"].index(column)
        return max((row[index] for row in self.run["timeline"]["rows"] if row[index] is not None), default=None)


# ---- Checks, each a function of a Run ----

def killed(counter, share, of=48 * MIB):
    """OOM killed with that counter being at least that share of the limit in the kernel's report."""
    def check(run):
        equal(run.run["outcome"]["verdict"], "oom_killed", f"verdict ({run.errors})")
        equal(run.status, 137, "exit status")
        within(run.kill_stat(counter), share * of, of, counter)
    return check


def filled(counter, size, unit=PAGE):
    """Completed, and the counter was within 3 % or a unit (and what the kernel keeps back in batches) of the size."""
    def check(run):
        equal(run.status, 0, f"exit status ({run.errors})")
        slack = max(0.03 * size, unit)
        within(run.observed("end", "level"), size - slack, size + slack, f"{counter} by the workload")
        batch = 64 * PAGE
        within(run.peak_stat(counter), size - slack - batch, size + slack + batch, f"{counter} by the recorder")
        equal(run.document["incidents"], [], "incidents")
    return check


def both(*checks):
    def check(run):
        for one in checks:
            one(run)
    return check


def victim_rss_below(size):
    """What filled the limit is in no RSS."""
    def check(run):
        victim = run.document["incidents"][0]["victims"][0]
        within(victim["anon_rss_bytes"] + victim["shmem_rss_bytes"], 0, size, "the victim's anon-rss + shmem-rss")
    return check


def completed(run):
    equal(run.run["outcome"]["verdict"], "completed", f"verdict ({run.errors})")
    equal(run.document["incidents"], [], "incidents")


def levels(run):
    """Memory over time, as the recorder saw it."""
    columns = run.run["timeline"]["columns"]
    at = columns.index("memory_bytes")
    return [row[at] for row in run.run["timeline"]["rows"] if row[at] is not None]


def seen(*facts):
    """Completed, with each (step, name) observed within low and high; numbers alone are exact."""
    def check(run):
        completed(run)
        for step, name, low, *high in facts:
            within(run.observed(step, name), low, high[0] if high else low, f"{name} at '{step}'")
    return check


def risen(first, then, name, low, high):
    """Completed, with the difference of one thing at two steps within low and high, and what either of them may say too little."""
    def check(run):
        completed(run)
        drift = RSS_DRIFT.get(name, 0)
        within(run.observed(then, name) - run.observed(first, name), low - drift, high + drift, f"{name} from '{first}' to '{then}'")
    return check


# ---- The figures of the project's source documents, on glibc 2.36 ----

HEAP = (("start", "arena", 135168), ("allocated", "arena", 9551872), ("allocated", "heap", 9551872), ("allocated", "mapped chunks", 0),
        ("all freed", "arena", 135168), ("all freed", "heap", 135168), ("allocated", "mmap", 0), ("all freed", "munmap", 0))
MAPPED = (("allocated", "mapped chunks", 1010), ("allocated", "mapped", 12410880), ("allocated", "mmap", 1010), ("all freed", "mapped chunks", 0))


def freed_partly(run):
    seen(*HEAP, ("4 of 5 freed", "in use", 1.85e6, 1.95e6), ("4 of 5 freed", "free", 7.55e6, 7.7e6), ("4 of 5 freed", "free chunks", 200, 210),
         ("4 of 5 freed", "arena", 9551872))(run)
    risen("allocated", "4 of 5 freed", "VmRSS", 0, 64 * KIB)(run)
    unused = run.observed("allocated", "arena") - run.observed("allocated", "in use")  # nobody has touched the heap's end
    risen("4 of 5 freed", "all freed", "VmRSS", 135168 - 9551872, 135168 - 9551872 + unused)(run)


def freed_partly_mapped(run):
    seen(*MAPPED, ("4 of 5 freed", "mapped chunks", 202), ("4 of 5 freed", "munmap", 808), ("all freed", "munmap", 202))(run)
    risen("allocated", "4 of 5 freed", "VmRSS", -808 * 12288, -808 * 12288 + 64 * KIB)(run)


def lazy(run):
    completed(run)
    risen("start", "allocated", "VmSize", 64 * MIB, 64 * MIB + 64 * KIB)(run)
    risen("start", "allocated", "VmRSS", 0, 64 * KIB)(run)
    risen("allocated", "touched", "RssAnon", 64 * MIB, 64 * MIB + 64 * KIB)(run)


def lazy_killed(run):
    equal(run.run["outcome"]["verdict"], "oom_killed", "verdict")
    victim = run.document["incidents"][0]["victims"][0]
    within(victim["total_vm_bytes"], run.observed("start", "VmSize") + 64 * MIB, run.observed("start", "VmSize") + 65 * MIB, "total-vm")
    within(victim["anon_rss_bytes"], 4.5 * MIB, 6 * MIB, "anon-rss")


def regions(run):
    completed(run)
    page = PAGE
    for region, grown in (("local array", 0.85 * MIB), ("array in a function", MIB), ("malloc", MIB), ("private file mapping", 0.9 * MIB)):
        before = {"local array": "global array touched", "array in a function": "local array touched", "malloc": "array in a function returned",
                  "private file mapping": "program end"}[region]
        within(run.observed(f"{region} defined", "VmSize") - run.observed(before, "VmSize"), grown, 1.1 * MIB, f"VmSize by {region}")
    for region in ("local array", "array in a function", "malloc", "private file mapping", "mapping without reserve"):
        for name in ("Rss", "Anonymous"):
            within(run.observed(f"{region} touched", name) - run.observed(f"{region} defined", name), 19 * page, 23 * page, f"{name} of {region}")
    within(run.observed("global array touched", "Anonymous") - run.observed("program started", "Anonymous"), 20 * page, 23 * page, "global array")
    equal(run.observed("array in a function returned", "VmStk"), run.observed("array in a function touched", "VmStk"), "the stack stays")


def overcommit(plain, noreserve, mode):
    return seen(("vm.overcommit_memory", "mode", mode), ("plain mapping", "works", plain), ("MAP_NORESERVE", "works", noreserve))


def one_call_for_several(run):
    seen(("small allocated", "brk", 8, 20), ("small allocated", "mmap", 0), ("large allocated", "mmap", 64), ("large freed", "munmap", 64),
         ("large allocated", "mapped chunks", 64))(run)


def doubling(run):
    completed(run)
    for size in (4, 8, 16):
        within(run.observed(f"{size} MiB", "Anonymous"), 1.5 * size * MIB, 1.5 * size * MIB + MIB, f"old + new at {size} MiB")
        within(run.observed(f"{size} MiB", "Anonymous then"), size * MIB, size * MIB + MIB, f"new at {size} MiB")


def copied(mapped):
    def check(run):
        completed(run)
        risen("start", "copied", "file", 31 * MIB, 34 * MIB)(run)
        low, high = (32 * MIB, 32 * MIB + 512 * KIB) if mapped else (0, 512 * KIB)
        risen("start", "copied", "file_mapped", low, high)(run)
        risen("start", "copied", "RssFile", low, high)(run)
        risen("start", "copied", "VmSize", low, high)(run)
    return check


def own_handling(run):
    equal(run.run["outcome"]["verdict"], "failed", f"verdict ({run.errors})")
    equal(run.status, 7, "exit status: the program's own")
    equal(run.run["memory"]["events"]["oom_kill"], 0, "kills")
    equal(run.observed("refused", "errno"), 12, "errno")
    within(run.observed("refused", "blocks"), 10, 12, "blocks before the refusal")


# ---- Why RSS stays high ----

def retention(run):
    completed(run)
    for step in ("all freed", "idle"):
        within(run.observed(step, "Anonymous"), 31 * MIB, 34 * MIB, f"Anonymous {step}")
        within(run.observed(step, "in use"), 0, MIB, f"in use {step}")
    within(run.observed("trimmed", "Anonymous"), 0, 2 * MIB, "Anonymous trimmed")


def pinned(trimmed_low, trimmed_high):
    def check(run):
        completed(run)
        within(run.observed("freed below", "Anonymous"), 31 * MIB, 34.5 * MIB, "Anonymous freed below")
        within(run.observed("freed below", "in use"), 0, 9 * MIB, "in use")
        within(run.observed("trimmed", "Anonymous"), trimmed_low, trimmed_high, "Anonymous trimmed")
        within(run.observed("trimmed", "arena"), 32 * MIB, 35 * MIB, "arena trimmed")
    return check


def arenas(low, high):
    def check(run):
        completed(run)
        within(run.observed("most freed", "arenas of threads"), low, high, "arenas")
        within(run.observed("most freed", "Anonymous"), 30 * MIB, 37 * MIB, "Anonymous most freed")
        within(run.observed("most freed", "in use"), 0, 4 * MIB, "in use")
    return check


def stairs(run):
    completed(run)
    rows = levels(run)
    quarters = [rows[len(rows) * i // 8] for i in (2, 4, 6)]
    assert quarters[0] < quarters[1] < quarters[2], f"no staircase: {quarters}"
    within(run.observed("last cycle", "Anonymous"), 48 * MIB, 50 * MIB, "Anonymous")


def falls(run, low, high):
    """How often memory went from above the one level to below the other."""
    count, is_up = 0, False
    for level in levels(run):
        if is_up and level < low:
            count += 1
        is_up = level > high or (is_up and level >= low)
    return count


def lazily_freed(run):
    completed(run)
    risen("filled", "given back", "Rss", -MIB, MIB)(run)
    within(run.observed("given back", "LazyFree"), 23 * MIB, 25 * MIB, "LazyFree")
    risen("start", "given back", "pglazyfree", 5800, 6400)(run)
    risen("given back", "pressed", "pglazyfreed", 500, 6400)(run)


def freed_at_once(run):
    completed(run)
    risen("filled", "given back", "Rss", -25 * MIB, -23 * MIB)(run)
    risen("filled", "given back", "anon", -25 * MIB, -23 * MIB)(run)
    risen("start", "pressed", "pglazyfree", 0, 0)(run)


def cached(run):
    completed(run)
    within(run.observed("read", "file"), 24 * MIB, 48 * MIB, "file")
    within(run.observed("read", "inactive_file"), 20 * MIB, 48 * MIB, "inactive_file")
    within(run.run["memory"]["events"]["max"], 1, 10**6, "events.max")


def advised(run):
    completed(run)
    within(run.observed("read", "file"), 0, 8 * MIB, "file")


def thrashed(run):
    completed(run)
    reads = run.observed("end", "reads")  # however few a busy machine gets done: half of them miss
    risen("start", "end", "workingset_refault_file", reads / 4, reads)(run)
    risen("start", "end", "pgmajfault", reads / 4, reads)(run)
    assert run.observed("end", "stalled") > run.observed("start", "stalled"), "no PSI"


def shared(run):
    completed(run)
    within(run.observed("all touched", "sum of Rss"), 64 * MIB, 96 * MIB, "sum of Rss")
    within(run.observed("all touched", "sum of Pss"), 16 * MIB, 24 * MIB, "sum of Pss")
    risen("start", "all touched", "shmem", 15.5 * MIB, 16.5 * MIB)(run)


def names_reclaimed(run):
    """At the limit names are reclaimed: nobody is killed, and the level stays near it."""
    completed(run)
    within(run.peak_stat("slab_reclaimable"), 6 * MIB, 16 * MIB, "slab_reclaimable")


def stays(run):
    completed(run)
    within(run.observed("writer gone", "shmem"), 15.5 * MIB, 16.5 * MIB, "shmem when the writer is gone")
    within(run.observed("file removed", "shmem"), 0, MIB, "shmem when the file is removed")


def spiked(run):
    completed(run)
    rows = levels(run)
    within(max(rows), 31 * MIB, 34 * MIB, "peak")
    at = rows.index(max(rows))
    within(min(rows[at:]), 0, 6 * MIB, "after the spike")


def sawed(run):
    completed(run)
    within(max(levels(run)), 30 * MIB, 34 * MIB, "peak")
    within(falls(run, 8 * MIB, 24 * MIB), 3, 3, "falls")


def climbed(run):
    completed(run)
    rows = levels(run)
    for step in (8, 16, 24, 32):
        near = sum(1 for level in rows if abs(level - step * MIB) < 2.5 * MIB)
        assert near >= 5, f"{near} samples near {step} MiB of {len(rows)}"
    within(falls(run, 6 * MIB, 30 * MIB), 0, 1, "falls but for the end")


def leaked(run):
    killed("anon", 0.9)(run)
    rows = levels(run)
    half = rows[len(rows) // 2]
    within(half, 12 * MIB, 36 * MIB, "half way")
    equal(run.run["workload"]["parameters"]["seed"], "7", "the seed is kept")


def thrashed_swap(run):
    equal(run.run["outcome"]["verdict"], "oom_killed", f"verdict ({run.errors})")
    within(run.observed("thrashing", "swap"), 4 * MIB, 32 * MIB, "swap while thrashing")
    assert run.observed("thrashing", "stalled") > 0, "no PSI"
    within(run.document["incidents"][0]["cgroup"]["swap"]["usage_bytes"], 28 * MIB, 32 * MIB, "swap at the kill")


def copied_on_write(run):
    completed(run)
    for child in (1, 2, 3, 4):
        before = f"child {child - 1} wrote" if child > 1 else "parent filled"
        risen(before, f"child {child} wrote", "anon", 3.8 * MIB, 5.2 * MIB)(run)
        risen(before, f"child {child} wrote", "sum of Rss", 15 * MIB, 22 * MIB)(run)


def bombed(run):
    equal(run.run["outcome"]["verdict"], "oom_killed", f"verdict ({run.errors})")
    incident = run.document["incidents"][0]
    assert len(incident["tasks"]) > 40, f"{len(incident['tasks'])} rows"
    biggest = max(task["rss_bytes"] for task in incident["tasks"])
    assert biggest < 8 * MIB, f"a task of {biggest}"


def refused_processes(run):
    completed(run)
    within(run.observed("refused", "processes"), 20, 49, "processes below pids.max 50")


def outside_the_pool(run):
    completed(run)
    equal([run.observed(step, "HugetlbPages") for step in ("mapped", "touched", "unmapped")], [0, 16 * MIB, 0], "HugetlbPages")
    within(run.observed("touched", "VmRSS") - run.observed("start", "VmRSS"), 0, MIB, "RSS")
    within(run.run["memory"]["peak_bytes"] or max(levels(run)), 1, 7 * MIB, "memory.peak, below the limit")


def written_back(run):
    completed(run)
    within(run.observed("end", "level"), 7.7 * MIB, 8.3 * MIB, "file_dirty by the workload")
    within(run.highest("memory_bytes"), 8 * MIB, 20 * MIB, "memory by the recorder")


def grown_with_size(name, all_at_start=False):
    """What a process has of the kind in /proc/PID/status rises by the 16 MiB that it fills; or it has them from the start and RSS rises."""
    def check(run):
        completed(run)
        risen("start", "end", name, *((0, PAGE) if all_at_start else (15 * MIB, 16.5 * MIB)))(run)  # less what was there
        if all_at_start:
            within(run.observed("start", name), 16 * MIB, 17 * MIB, f"{name} from the start")
        risen("start", "end", "VmRSS", 14 * MIB, 16.5 * MIB)(run)
        within(run.observed("end", "level"), 15.5 * MIB, 16.5 * MIB, "anon")
    return check


def swap_untouched(run):
    within(run.document["incidents"][0]["cgroup"]["swap"]["usage_bytes"], 0, MIB, "swap at the kill: the program's own, although there is more")


def rss_returns(run):
    seen(*HEAP)(run)
    unused = run.observed("allocated", "arena") - run.observed("allocated", "in use")
    risen("allocated", "all freed", "VmRSS", 135168 - 9551872, 135168 - 9551872 + unused)(run)


def rss_returns_mapped(run):
    seen(*MAPPED, ("all freed", "munmap", 1010))(run)
    risen("allocated", "all freed", "VmRSS", -12410880, -12410880 + 64 * KIB)(run)


def fill_rows(size_mib):
    """`fill --kind K --size N` for every kind there is; the list is the program's own."""
    counters = {"anon": "anon", "thp": "anon_thp", "mlock": "unevictable", "shmem": "shmem", "cache": "file", "dirty": "file_dirty",
                "dentry": "slab_reclaimable", "slab": "slab_unreclaimable", "sock": "sock", "pipe": "kernel", "pagetables": "pagetables",
                "kstack": "kernel_stack", "percpu": "percpu", "vmalloc": "vmalloc"}
    units = {"thp": 2 * MIB, "kstack": 16 * KIB, "percpu": 12 * KIB, "vmalloc": 128 * KIB, "sock": 64 * KIB}
    rows = {}
    for kind, counter in counters.items():
        words = f"fill --kind {kind} --size {size_mib}M --memory-max 224M --hold 300ms"
        rows[f"fill_{kind}"] = (words, filled(counter, size_mib * MIB, units.get(kind, PAGE)))

    def swap(run):
        equal(run.status, 0, f"exit status ({run.errors})")
        within(run.observed("end", "level"), 0.97 * size_mib * MIB, 1.03 * size_mib * MIB, "swap by the workload")
        within(run.highest("swap_bytes"), 0.97 * size_mib * MIB, 1.03 * size_mib * MIB, "swap by the recorder")
    rows["fill_swap"] = (f"fill --kind swap --size {size_mib}M --memory-max 64M --swap-max 64M --hold 300ms", swap)
    return rows


def object_rows():
    """Each kind of kernel object, far below what its own limits allow."""
    return {f"slab_{word}": (f"slab --object {word} --size {size}K --memory-max 64M --hold 300ms",
                             filled("slab_unreclaimable", size * KIB, unit))
            for word, size, unit in (("eventfd", 4096, PAGE), ("epoll", 4096, 64 * 256), ("timer", 4096, PAGE), ("mapping", 4096, PAGE),
                                     ("inotify", 1024, 128 * 256))}


BATCHES = {
    "fill": {"guest": ["--disk", "1G", "--swap", "128M"], "rows": fill_rows(24)},
    "fill_little": {"guest": ["--disk", "1G", "--swap", "128M"], "rows": fill_rows(5)},
    "objects": {"guest": ["--sysctl", "fs.inotify.max_user_watches=65536"], "rows": object_rows()},
    "kill": {"guest": [], "rows": {
        "anon": ("anon --memory-max 48M", killed("anon", 0.95)),
        "anon_thp": ("anon-thp --memory-max 48M", both(killed("anon", 0.9), killed("anon_thp", 0.8))),
        "brk": ("brk --memory-max 48M", killed("anon", 0.95)),
        "stack": ("stack --memory-max 48M", killed("anon", 0.95)),
        "bss": ("bss --memory-max 48M", killed("anon", 0.9)),
        "memfd": ("memfd-fill --memory-max 48M", both(killed("shmem", 0.95), victim_rss_below(4 * MIB))),
        "tmpfs": ("tmpfs --memory-max 48M", both(killed("shmem", 0.95), victim_rss_below(4 * MIB))),
        "posix": ("shm-fill --api posix --memory-max 48M", both(killed("shmem", 0.95), victim_rss_below(4 * MIB))),
        "sysv": ("shm-fill --memory-max 48M", killed("shmem", 0.95)),
    }},
    "kill_kernel": {"guest": ["--swap", "128M"], "rows": {
        "page_tables": ("page-tables --memory-max 48M", killed("pagetables", 0.9)),
        "threads": ("threads --memory-max 48M", killed("kernel_stack", 0.3)),
        "slab": ("slab --memory-max 48M", killed("slab_unreclaimable", 0.85)),
        "eventfd": ("slab --object eventfd --memory-max 16M", killed("slab_unreclaimable", 0.4, 16 * MIB)),
        "percpu": ("percpu --memory-max 48M", killed("percpu", 0.8)),
        "vmalloc": ("vmalloc --memory-max 48M", killed("vmalloc", 0.9)),
        "fd_leak": ("fd-leak --memory-max 48M", both(killed("kernel", 0.9), victim_rss_below(4 * MIB))),
        "socket_leak": ("socket-leak --memory-max 48M", both(killed("sock", 0.8), victim_rss_below(4 * MIB))),
        "anon_mlock": ("anon-mlock --memory-max 48M --swap-max 64M", both(killed("unevictable", 0.9), swap_untouched)),
    }},
    "process": {"guest": ["--disk", "256M", "--swap", "64M"], "rows": {
        "memory_user": ("memory-user --memory-max 96M --size 48M", both(risen("start", "allocated", "RssAnon", 48 * MIB, 48 * MIB + 64 * KIB),
                                                                        risen("start", "allocated", "MemFree", -56 * MIB, -40 * MIB))),
        "brk": ("brk --memory-max 64M --size 16M", grown_with_size("VmData")),
        "stack": ("stack --memory-max 64M --size 16M", grown_with_size("VmStk")),
        "bss": ("bss --memory-max 64M --size 16M", grown_with_size("VmData", all_at_start=True)),
        "malloc_small": ("malloc-small --memory-max 64M", rss_returns),
        "malloc_small_mapped": ("malloc-small --memory-max 64M --mmap-threshold 8192", rss_returns_mapped),
        "malloc_small_free": ("malloc-small-free --memory-max 64M", freed_partly),
        "malloc_small_free_mapped": ("malloc-small-free --memory-max 64M --mmap-threshold 8192", freed_partly_mapped),
        "alloc_size": ("alloc-size --memory-max 64M", one_call_for_several),
        "mixed_size": ("mixed-size --memory-max 64M", seen(("round 1", "mapped chunks", 2), ("round 2", "mapped chunks", 0), ("round 3", "mmap", 0),
                                                           ("round 3", "arena", 2 * MIB, 3 * MIB))),
        "lazy_malloc": ("lazy-malloc --memory-max 96M", lazy),
        "lazy_malloc_killed": ("lazy-malloc --memory-max 6M --swap-max 6M", lazy_killed),
        "regions": ("regions --memory-max 64M", regions),
        "overcommit_0": ("overcommit", overcommit(0, 1, 0)),
        "overcommit_1": ("overcommit", overcommit(1, 1, 1), "echo 1 >/proc/sys/vm/overcommit_memory"),
        "overcommit_2": ("overcommit --size 4G", overcommit(0, 0, 2), "echo 2 >/proc/sys/vm/overcommit_memory"),
        "string_doubling": ("string-doubling --memory-max 64M", doubling, "echo 0 >/proc/sys/vm/overcommit_memory"),
        "copy_readwrite": ("copy-readwrite --memory-max 96M", copied(False)),
        "copy_mmap": ("copy-mmap --memory-max 96M", copied(True)),
        "enomem_rlimit": ("enomem --memory-max 64M --size 12M --status 7", own_handling),
        "enomem_fault": ("enomem --memory-max 64M --way fault --after 11 --status 7", own_handling),
    }},
    "misbehaviour": {"guest": ["--disk", "512M"], "rows": {
        "allocator_retention": ("allocator-retention --memory-max 96M", retention),
        "heap_pin": ("heap-pin --memory-max 96M", pinned(31 * MIB, 34.5 * MIB)),
        "heap_pin_top": ("heap-pin --memory-max 96M --pin top", pinned(0, 2 * MIB)),
        "arena_frag": ("arena-frag --memory-max 96M", arenas(7, 8)),
        "arena_frag_2": ("arena-frag --memory-max 96M --arena-max 2", arenas(1, 2)),
        "gc_delay": ("gc-delay --memory-max 96M", stairs),
        "gc_delay_late": ("gc-delay --memory-max 96M --return late", lambda run: within(falls(run, 8 * MIB, 14 * MIB), 2, 4, "falls")),
        "madv_free": ("madv-free --memory-max 48M --pressure 32M", lazily_freed),
        "madv_dontneed": ("madv-dontneed --memory-max 48M --pressure 16M", freed_at_once),
        "page_cache_seq": ("page-cache-seq --memory-max 48M", cached),
        "page_cache_seq_advised": ("page-cache-seq --memory-max 48M --advice yes", advised),
        "page_cache_thrash": ("page-cache-thrash --memory-max 32M --size 64M", thrashed),
        "shared_map": ("shared-map --memory-max 64M", shared),
        "dentry_growth": ("dentry-growth --memory-max 16M --size 24M", names_reclaimed),
        "dentry_files": ("dentry-growth --names files --memory-max 16M", killed("slab", 0.9, 16 * MIB)),
        "tmpfs_fill": ("tmpfs-fill --memory-max 64M --size 16M", stays),
        "tmpfs_fill_killed": ("tmpfs-fill --memory-max 48M", killed("shmem", 0.95)),
        "dirty_cache": ("dirty-cache --memory-max 96M --size 8M --hold 300ms", written_back),
    }},
    "shapes": {"guest": ["--swap", "64M"], "rows": {
        "spike": ("spike --memory-max 64M", spiked),
        "sawtooth": ("sawtooth --memory-max 64M", sawed),
        "staircase": ("staircase --memory-max 64M", climbed),
        "leak": ("leak --memory-max 48M --rate 24M/s --seed 7", leaked),
        "swap": ("swap --memory-max 32M --swap-max 48M --size 16M --hold 300ms",
                 lambda run: within(run.highest("swap_bytes"), 15.5 * MIB, 16.5 * MIB, "swap by the recorder")),
        "swap_thrash": ("swap-thrash --memory-max 32M --swap-max 32M --for 2s", thrashed_swap),
        "fork_cow": ("fork-cow --memory-max 96M", copied_on_write),
        "fork_bomb": ("fork-bomb --memory-max 32M", bombed),
        "fork_bomb_pids": ("fork-bomb --memory-max 64M --pids-max 50 --each 16K", refused_processes),
    }},
    # Refused anywhere but in a machine of their own.
    "own_machine": {"guest": None, "rows": {
        "ramfs": ("ramfs --memory-max 48M", both(killed("file", 0.9), killed("unevictable", 0.9),
                                                 victim_rss_below(8 * MIB))),  # the buffer that it writes from
        "hugetlb": ("hugetlb --memory-max 8M --size 16M --sysctl vm.nr_hugepages=12", outside_the_pool),
    }},
}


def script(oomlab, rows):
    """Runs all rows and prints for each a line "### NAME STATUS", its document and what it said on standard error."""
    lines = []
    for name, (words, _, *before) in rows.items():
        lines += before
        words = words if re.match(r"(run|stress|[a-z-]+=)", words) else "stress " + words
        lines.append(f"{oomlab} {words} --backend host --quiet -o /run/p.json 2>/run/errors </dev/null >/dev/null")
        lines.append(f"echo '### {name}' $?; cat /run/p.json 2>/dev/null; echo '### errors'; cat /run/errors; rm -f /run/p.json")
    return "\n".join(lines)


def parse(text):
    runs = {}
    for part in re.split(r"^### (?=\w+ \d+$)", text, flags=re.M)[1:]:
        head, _, rest = part.partition("\n")
        name, status = head.split()
        document, _, errors = rest.partition("### errors\n")
        runs[name] = Run(int(status), json.loads(document) if document.strip() else None, errors.strip())
    return runs


def run_together(lab, guest, rows):
    result = lab.call("vm", "exec", "--kernel", lab.kernel, *guest, "--", "sh", "-c", script(lab.oomlab, rows), timeout=540)
    return parse(result.stdout), f"{result.stdout[-2000:]}{result.stderr[-2000:]}"


def run_alone(lab, rows):
    runs, path = {}, lab.path("own.json")
    for name, (words, *_) in rows.items():
        result = lab.call("stress", *words.split(), "--backend", "vm", "--kernel", lab.kernel, "--quiet", "-o", path, timeout=270)
        document = None
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                document = json.load(file)
            os.remove(path)
        runs[name] = Run(result.returncode, document, result.stderr.strip())
    return runs, ""


def run_batch(lab, batch, only):
    rows = {name: row for name, row in batch["rows"].items() if not only or name in only}
    runs, said = run_alone(lab, rows) if batch["guest"] is None else run_together(lab, batch["guest"], rows)
    failures = 0
    for name, (words, check, *_) in rows.items():
        try:
            assert name in runs, f"did not run\n{said}"
            assert runs[name].document is not None, f"no post-mortem, exit {runs[name].status}: {runs[name].errors}"
            with open(lab.path("p.json"), "w", encoding="utf-8") as file:
                json.dump(runs[name].document, file)
            lab.validate(lab.path("p.json"))
            check(runs[name])
            print(f"passed: {name}: {words}")
        except AssertionError as error:
            failures += 1
            print(f"FAILED: {name}: {words}: {error}")
    return failures


def complete(oomlab):
    """Each workload that the program lists has a row in a batch."""
    listed = subprocess.run([oomlab, "list"], capture_output=True, text=True, check=True).stdout.partition("diagnosis rules")[0]
    names = set(re.findall(r"^  ([a-z-]+)  ", listed, re.M))
    rows = {words.split()[0] for batch in BATCHES.values() for words, *_ in batch["rows"].values()}
    print(f"{len(names)} workloads; without a row: {sorted(names - rows) or 'none'}")
    return 0 if names and names <= rows else 1


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(BATCHES))
        return 0
    if sys.argv[1:2] == ["--complete"]:
        return complete(sys.argv[2])
    oomlab, kernel, batch = sys.argv[1:4]
    lab = Lab(oomlab, kernel)
    probe = lab.call("vm", "exec", "--kernel", kernel, "--", "true")
    if probe.returncode == 3:
        return skip(f"no micro-VM with kernel {kernel}: {probe.stderr.strip()}")
    failures = run_batch(lab, BATCHES[batch], sys.argv[4:])
    print(f"{failures} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
