#!/usr/bin/env python3
"""Causes provoked on purpose, and what the post-mortem says they were: its first finding has to name the cause.

usage: closed_loop.py OOMLAB KERNEL BATCH [ROW...]      run one batch (or only these rows of it), check it
       closed_loop.py --list                            the batches' names, one a line
       closed_loop.py OOMLAB --matrix FILE.md           run all batches on both kernels and write the confusion matrix

Each row has two witnesses: the document of the run, made from the kernel log and the counters that the recorder read, and the kernel log alone, read by
`oomlab analyze` as one from elsewhere. Exit 0 passed, 1 failed, 77 skipped (no QEMU or no such kernel). With OOMLAB_REQUIRE_KERNEL=1 a skip is a failure.
"""
import json
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from cases import Lab, skip  # noqa: E402

ROOT = os.path.join(HERE, "..", "..")
KERNELS = ("6.1", "6.12")
MARK = "oomlab-closed-loop"


class Row:
    """What is run, the code that the first finding must have, and the one by the log alone where a log cannot tell (how memory grew over time)."""

    def __init__(self, name, words, cause, by_log=None):
        self.name, self.words, self.cause, self.by_log = name, words, cause, by_log or cause


def stress(name, words, cause, by_log=None):
    return Row(name, words.split(), cause, by_log)


# One guest for all rows of a batch, each in a cgroup of its own.
STRESS = {
    "own": [
        stress("anon", "anon --memory-max 64M", "anon_growth"),
        stress("anon-thp", "anon-thp --memory-max 64M", "anon_growth"),
        stress("brk", "brk --memory-max 48M --size 96M", "anon_growth"),
        stress("stack", "stack --memory-max 48M --size 96M", "anon_growth"),
        stress("bss", "bss --memory-max 48M --size 96M", "anon_growth"),
        stress("memory-user", "memory-user --memory-max 48M --size 96M", "anon_growth"),
        stress("string-doubling", "string-doubling --memory-max 48M --size 96M", "anon_growth"),
        stress("fork-cow", "fork-cow --memory-max 32M --size 16M --children 6 --share 100", "anon_growth"),
        stress("anon-mlock", "anon-mlock --memory-max 48M", "mlocked"),
        stress("fork-bomb", "fork-bomb --memory-max 32M --count 200", "process_fan_out"),
        stress("threads", "threads --memory-max 48M", "threads"),
        stress("unkillable", "anon --memory-max 32M --oom-score-adj -1000 --thrash-timeout 4s", "unkillable"),
    ],
    "growth": [
        stress("leak", "leak --memory-max 48M", "leak", "anon_growth"),
        stress("leak-slow", "leak --memory-max 32M --rate 6M/s --noise 40", "leak", "anon_growth"),
        stress("leak-other-seed", "leak --memory-max 48M --rate 12M/s --seed 9", "leak", "anon_growth"),
        stress("staircase", "staircase --memory-max 40M --size 64M --steps 8 --period 500ms", "staircase", "anon_growth"),
        stress("staircase-few", "staircase --memory-max 48M --size 80M --steps 6 --period 700ms", "staircase", "anon_growth"),
        stress("filled-at-once", "anon --memory-max 32M", "anon_growth"),
    ],
    "kernel": [
        stress("page-tables", "page-tables --memory-max 48M", "page_tables"),
        stress("slab", "slab --memory-max 48M", "slab"),
        stress("percpu", "percpu --memory-max 48M", "percpu"),
        stress("vmalloc", "vmalloc --memory-max 48M", "vmalloc"),
        stress("fd-leak", "fd-leak --memory-max 32M", "pipes"),
        stress("slab-timers", "slab --memory-max 48M --object timer", "slab"),
        stress("socket-leak-unix", "socket-leak --memory-max 48M --family unix", "sockets"),
        stress("socket-leak", "socket-leak --memory-max 48M", "sockets"),
    ],
    "shared": [
        stress("tmpfs", "tmpfs --memory-max 48M", "tmpfs_charged"),
        stress("tmpfs-fill", "tmpfs-fill --memory-max 48M --size 96M", "tmpfs_charged"),
        stress("memfd-fill", "memfd-fill --memory-max 48M --size 96M", "tmpfs_charged"),
        stress("shm-fill", "shm-fill --memory-max 48M --size 96M", "tmpfs_charged"),
        stress("shared-map", "shared-map --memory-max 32M --size 64M", "tmpfs_charged"),
    ],
}
SWAP = {
    "swap": [
        stress("swap-full", "anon --memory-max 32M --swap-max 32M", "swap_full"),
        stress("swap-small", "anon --memory-max 64M --swap-max 4M", "anon_growth"),
        stress("swap-thrash", "swap-thrash --memory-max 32M --swap-max 48M", "thrashing"),
    ],
}
# What concerns the whole machine, or panics it: a guest for each.
ALONE = {
    "machine": [
        stress("host", "anon", "host_exhausted"),
        stress("host-tmpfs", "tmpfs", "tmpfs_charged"),
        stress("host-mlocked", "anon-mlock", "mlocked"),
        stress("panic", "anon --sysctl vm.panic_on_oom=1", "panic_on_oom"),
    ],
}
# Scenarios of the library.
SCENARIOS = {
    "whose": [
        Row("nested-limit", None, "ancestor_limit"),
        Row("sibling-victim", None, "sibling_victim"),
        Row("sibling-isolated", None, "anon_growth"),
        Row("victim-choice", None, "oom_score_adj_steered"),
        Row("victim-exempt", None, "oom_score_adj_steered"),
        Row("victim-size", None, "anon_growth"),
        Row("oom-group-leaf", None, "oom_group"),
        Row("oom-group-parent", None, "oom_group"),
        Row("unkillable", None, "unkillable"),
        Row("lowered-limit", None, "limit_lowered"),
        Row("swap-killed", None, "swap_full"),
        Row("global-oom", None, "host_exhausted"),
        Row("global-panic", None, "panic_on_oom"),
        Row("oom-events", None, "anon_growth"),
    ],
}
# Situations that are made by hand: a script for a guest of its own, as tests/fixtures/logs/make has them. The log alone is the witness.
GUESTS = {
    "by_hand": [
        Row("dentry-links", "mount -t tmpfs -o nr_inodes=0 x /mnt; group g memory.max=32M; inside g $work links /mnt 100000", "slab_dentry"),
        Row("inodes", "mount -t tmpfs -o nr_inodes=0 x /mnt; group g memory.max=24M; inside g $work empty_files /mnt 100000", "slab_inode"),
        Row("open-files", "group g memory.max=24M; inside g $work open_files 300000", "slab"),
        Row("tmpfs-left", "mount -t tmpfs x /mnt; group g memory.max=40M; inside g $work left_files /mnt 26; inside g $work hog 32", "tmpfs_orphaned"),
        Row("sysv-left", "group g memory.max=32M; inside g $work sysv 24; inside g $work hog 32", "tmpfs_orphaned"),
        Row("sockets-tcp", "group g memory.max=64M; inside g $work tcp 60 64", "sockets"),
        Row("processes", "group g memory.max=48M; inside g $work processes 60 1024", "process_fan_out"),
        Row("file-pinned", "echo 256M > /sys/block/zram0/disksize; /sbin/mkfs.ext4 -q /dev/zram0; mount /dev/zram0 /mnt; head -c 64M /dev/zero > /mnt/data; sync"
            "; echo 3 > /proc/sys/vm/drop_caches; group g memory.max=32M; inside g $work pinned_file /mnt/data", "page_cache_dirty_or_pinned"),
        Row("limit-small", "echo 3 > /proc/sys/vm/drop_caches; group g memory.max=6M; inside g $work hog 20", "limit_far_too_small"),
        Row("sysrq", "$work hog 100 100 & sleep 5; echo f > /proc/sysrq-trigger; sleep 1", "sysrq"),
        Row("hugepages", "echo 150 > /proc/sys/vm/nr_hugepages; tail /dev/zero", "hugepages_reserved"),
        Row("ram-disk", "echo 1G > /sys/block/zram0/disksize; head -c 360M /dev/urandom > /dev/zram0; sync; echo 3 > /proc/sys/vm/drop_caches; $work hog 400",
            "driver_or_unaccounted"),
        Row("fragments", "echo 1048576 > /proc/sys/fs/pipe-max-size; echo 0 > /proc/sys/fs/pipe-user-pages-soft; $work fragments 280 3", "fragmentation"),
    ],
}
# The same with options of the guest.
OPTIONS = {
    "guest_options": [
        (Row("zram", "$work random_hog 380", "zram"), ["--memory", "256M", "--swap", "200M"]),
        (Row("movable", "$work pipes 500", "lowmem_zone"), ["--cold", "--kernel-argument", "movablecore=300M"]),
        (Row("cpuset", "echo +cpuset > $cg/cgroup.subtree_control; group g cpuset.mems=1; inside g tail /dev/zero", "numa_or_cpuset"), ["--cold", "NUMA"]),
        (Row("mempolicy", "$work bound 1 300", "numa_or_cpuset"), ["--cold", "NUMA"]),
    ],
}
PRELUDE = r"""
cg=/sys/fs/cgroup; work="/usr/bin/python3 -ESs {logs}/workload.py"
group() {{ mkdir -p "$cg/$1"; path=$1; shift; for s; do echo "${{s#*=}}" > "$cg/$path/${{s%%=*}}"; done; }}
inside() {{ (echo 0 > "$cg/$1/cgroup.procs"; shift; exec "$@"); }}
$work hog 1
"""
READ_LOG = "dd if=/dev/kmsg bs=8192 iflag=nonblock 2>/dev/null"


class Loop:
    """One kernel, and what was found on it."""

    def __init__(self, oomlab, kernel):
        self.lab = Lab(oomlab, kernel)
        self.found = []  # (row, witness, expected, first finding)

    def note(self, row, witness, expected, document):
        incidents = [i for i in (document or {}).get("incidents", []) if i["kind"] != "allocation_failure"]
        first = incidents[0]["diagnosis"][0]["code"] if incidents and incidents[0]["diagnosis"] else "nothing"
        self.found.append((row.name, witness, expected, first))

    def analyze(self, log):
        with tempfile.NamedTemporaryFile(suffix=".kmsg") as file:
            file.write(log)
            file.flush()
            result = subprocess.run([self.lab.oomlab, "analyze", "--format", "json", file.name], capture_output=True, timeout=60)
        return json.loads(result.stdout)

    def guest(self, script, options=(), timeout=900):
        environment = dict(os.environ)
        if "NUMA" in options:
            environment["OOMLAB_QEMU"] = os.path.join(ROOT, "tests/fixtures/logs/numa-qemu")
        words = [self.lab.oomlab, "vm", "exec", "--kernel", self.lab.kernel, *[o for o in options if o != "NUMA"], "--", "sh", "-c", script]
        return subprocess.run(words, capture_output=True, timeout=timeout, env=environment, stdin=subprocess.DEVNULL).stdout

    def stress(self, rows, options=()):
        """All rows in one guest; between their parts of the output stands a mark."""
        script = "".join(f"""
            echo {MARK} {row.name} > /dev/kmsg
            {self.lab.oomlab} stress {' '.join(row.words)} --backend host --quiet -o /tmp/p.json >/dev/null 2>&1
            echo {MARK}; cat /tmp/p.json; rm -f /tmp/p.json""" for row in rows)
        parts = self.guest(f"{script}\necho {MARK}; {READ_LOG}", options).split(MARK.encode() + b"\n")
        log = parts[-1]
        for row, part in zip(rows, parts[1:-1]):
            self.note(row, "run", row.cause, json.loads(part) if part.strip() else None)
            own = log.partition(f"{MARK} {row.name}\n".encode())[2].partition(MARK.encode())[0]
            if own:  # the ring holds the last rows' at least
                self.note(row, "log", row.by_log, self.analyze(own))

    def alone(self, rows):
        for row in rows:
            output = self.lab.path("p.json")
            self.lab.call("stress", *row.words, "--backend", "vm", "--quiet", "--kernel", self.lab.kernel, "-o", output, timeout=600)
            with open(output, encoding="utf-8") as file:
                self.note(row, "run", row.cause, json.load(file))

    def scenarios(self, rows):
        output = self.lab.path("results.json")
        self.lab.call("scenario", "run", *[row.name for row in rows], "--kernel", self.lab.kernel, "--quiet", "-o", output, timeout=1800)
        with open(output, encoding="utf-8") as file:
            results = {result["scenario"]["name"]: result for result in json.load(file)["results"]}
        for row in rows:
            self.note(row, "run", row.cause, results[row.name]["findings"]["postmortem"])

    def by_hand(self, row, options=()):
        prelude = PRELUDE.format(logs=os.path.abspath(os.path.join(ROOT, "tests/fixtures/logs")))
        log = self.guest(f"{prelude}\necho {MARK} > /dev/kmsg\n{{ {row.words}\n}} >/dev/null 2>&1; {READ_LOG}", options, timeout=600)
        self.note(row, "log", row.cause, self.analyze(log.partition(MARK.encode())[2] or log))

    def run(self, batch, wanted=()):
        """Runs one batch."""
        def chosen(rows):
            return [row for row in rows if not wanted or row.name in wanted]
        if batch in STRESS:
            self.stress(chosen(STRESS[batch]), ["--memory", "512M"])
        elif batch in SWAP:
            self.stress(chosen(SWAP[batch]), ["--memory", "512M", "--swap", "256M"])
        elif batch in ALONE:
            self.alone(chosen(ALONE[batch]))
        elif batch in SCENARIOS:
            self.scenarios(chosen(SCENARIOS[batch]))
        elif batch in GUESTS:
            for row in chosen(GUESTS[batch]):
                self.by_hand(row)
        else:
            for row, options in OPTIONS[batch]:
                if not wanted or row.name in wanted:
                    self.by_hand(row, options)


BATCHES = [*STRESS, *SWAP, *ALONE, *SCENARIOS, *GUESTS, *OPTIONS]


def wrong(found):
    return [f"{name} ({witness}): provoked {expected}, found {first}" for name, witness, expected, first in found if first != expected]


def matrix(oomlab, path):
    """Both kernels, all batches: rows are causes, columns first findings."""
    found = []
    for kernel in KERNELS:
        for batch in BATCHES:
            loop = Loop(oomlab, kernel)
            loop.run(batch)
            found += [(f"{name} on {kernel}", *rest) for name, *rest in loop.found]
            print(f"{kernel} {batch}: {len(loop.found) - len(wrong(loop.found))} of {len(loop.found)} right", *wrong(loop.found), sep="\n  ", flush=True)
    causes = sorted({expected for _, _, expected, _ in found})
    misses = wrong(found)
    lines = [
        "# Provoked causes and first findings",
        "",
        f"Made by `tests/kernel/closed_loop.py OOMLAB --matrix {os.path.relpath(path, ROOT)}` on real kernels ({' and '.join(KERNELS)}) in the micro-VM: every cause",
        "that can be provoked there, and the code of the first finding that the post-mortem made of it, from the kernel log and the counters of the run, and",
        "from the log alone (what a log cannot tell, how memory grew, counts there as growth of anonymous memory). Right is a first finding that names the cause.",
        "",
        f"{len(found) - len(misses)} of {len(found)} are right.",
        "",
        "| cause provoked | situations | seen | right | first finding otherwise |",
        "| --- | --- | ---: | ---: | --- |",
    ]
    for cause in causes:
        of_it = [row for row in found if row[2] == cause]
        right = sum(row[3] == cause for row in of_it)
        names = sorted({row[0].rpartition(" on ")[0] for row in of_it})
        others = sorted({f"`{row[3]}` ({row[0]}, {row[1]})" for row in of_it if row[3] != cause})
        lines.append(f"| `{cause}` | {', '.join(names)} | {len(of_it)} | {right} | {', '.join(others)} |")
    lines += ["", "What cannot be provoked in this micro-VM (CMA, balloons, GPU memory, pages of 64 KiB, cgroup v1) is covered by logs from elsewhere and by examples."]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return misses


def main():
    words = sys.argv[1:]
    if words == ["--list"]:
        print("\n".join(BATCHES))
        return 0
    if len(words) == 3 and words[1] == "--matrix":
        return 1 if matrix(words[0], words[2]) else 0
    if len(words) < 3 or words[2] not in BATCHES:
        print(__doc__)
        return 2
    loop = Loop(words[0], words[1])
    probe = loop.lab.guest("true")
    if probe.returncode == 3:
        return skip(probe.stderr.strip())
    loop.run(words[2], words[3:])
    for name, witness, expected, first in loop.found:
        print(f"{'right' if first == expected else 'WRONG':6} {name:20} {witness:4} {expected} -> {first}")
    return 1 if wrong(loop.found) or not loop.found else 0


if __name__ == "__main__":
    sys.exit(main())
