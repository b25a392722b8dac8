#!/usr/bin/env python3
"""Every workload on a real kernel, held against what `oomlab list NAME` says must be seen of it.

usage: workloads.py OOMLAB KERNEL BATCH [ROW...]   run one batch (or only these rows of it) in one guest
       workloads.py --list                         the batches' names, one a line

A batch is a table of runs that share a guest, each in a fresh cgroup of it: a guest costs more than most runs. Exit 0 passed, 1 failed, 77 skipped (no
QEMU or no such kernel). With OOMLAB_REQUIRE_KERNEL=1 a skip is a failure.
"""
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from cases import Lab, equal, skip, within  # noqa: E402

KIB, MIB, PAGE = 1 << 10, 1 << 20, 4096


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


def fill_rows():
    """`fill --kind K --size N` for every kind there is; the list is the program's own."""
    counters = {"anon": "anon", "thp": "anon_thp", "mlock": "unevictable", "shmem": "shmem", "cache": "file", "dirty": "file_dirty",
                "dentry": "slab_reclaimable", "slab": "slab_unreclaimable", "sock": "sock", "pipe": "kernel", "pagetables": "pagetables",
                "kstack": "kernel_stack", "percpu": "percpu", "vmalloc": "vmalloc"}
    units = {"thp": 2 * MIB, "kstack": 16 * KIB, "percpu": 12 * KIB, "vmalloc": 128 * KIB, "sock": 64 * KIB}
    rows = {}
    for kind, counter in counters.items():
        size = 8 if kind == "dentry" else 16
        words = f"fill --kind {kind} --size {size}M --memory-max 224M --hold 300ms"
        rows[f"fill_{kind}"] = (words, filled(counter, size * MIB, units.get(kind, PAGE)))

    def swap(run):
        equal(run.status, 0, f"exit status ({run.errors})")
        within(run.observed("end", "level"), 15.5 * MIB, 16.5 * MIB, "swap by the workload")
        within(run.highest("swap_bytes"), 15.5 * MIB, 16.5 * MIB, "swap by the recorder")
    rows["fill_swap"] = ("fill --kind swap --size 16M --memory-max 64M --swap-max 64M --hold 300ms", swap)
    return rows


def object_rows():
    """Each kind of kernel object, far below what its own limits allow."""
    return {f"slab_{word}": (f"slab --object {word} --size {size}K --memory-max 64M --hold 300ms",
                             filled("slab_unreclaimable", size * KIB, unit))
            for word, size, unit in (("eventfd", 4096, PAGE), ("epoll", 4096, 64 * 256), ("timer", 4096, PAGE), ("mapping", 4096, PAGE),
                                     ("inotify", 1024, 128 * 256))}


BATCHES = {
    "fill": {"guest": ["--disk", "1G", "--swap", "128M"], "rows": fill_rows()},
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
        "fd_leak": ("fd-leak --memory-max 48M", killed("kernel", 0.9)),
        "socket_leak": ("socket-leak --memory-max 48M", killed("sock", 0.8)),
        "anon_mlock": ("anon-mlock --memory-max 48M --swap-max 64M", killed("unevictable", 0.9)),
    }},
}


def script(oomlab, rows):
    """Runs all rows and prints for each a line "### NAME STATUS", its document and what it said on standard error."""
    lines = []
    for name, (words, _) in rows.items():
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


def run_batch(lab, batch, only):
    rows = {name: row for name, row in batch["rows"].items() if not only or name in only}
    result = lab.call("vm", "exec", "--kernel", lab.kernel, *batch["guest"], "--", "sh", "-c", script(lab.oomlab, rows), timeout=540)
    runs = parse(result.stdout)
    failures = 0
    for name, (words, check) in rows.items():
        try:
            assert name in runs, f"did not run\n{result.stdout[-2000:]}{result.stderr[-2000:]}"
            if runs[name].document is not None:
                with open(lab.path("p.json"), "w", encoding="utf-8") as file:
                    json.dump(runs[name].document, file)
                lab.validate(lab.path("p.json"))
            check(runs[name])
            print(f"passed: {name}: {words}")
        except AssertionError as error:
            failures += 1
            print(f"FAILED: {name}: {words}: {error}")
    return failures


def main():
    if sys.argv[1:] == ["--list"]:
        print("\n".join(BATCHES))
        return 0
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
