"""What must be seen of a workload: checks of finished runs, each a function of a Run, and the figures that they hold it against."""
from cases import equal, within

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
