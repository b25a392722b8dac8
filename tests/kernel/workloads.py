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
from checks import (  # noqa: E402
                    advised, arenas, bombed, both, cached, climbed, copied, copied_on_write, doubling, falls, filled, freed_at_once, freed_partly,
                    freed_partly_mapped, grown_with_size, KIB, killed, lazily_freed, lazy, lazy_killed, leaked, MIB, names_reclaimed,
                    one_call_for_several, outside_the_pool, overcommit, own_handling, PAGE, pinned, refused_processes, regions, retention, risen,
                    rss_returns, rss_returns_mapped, Run, sawed, seen, shared, spiked, stairs, stays, swap_untouched, thrashed, thrashed_swap,
                    victim_rss_below, written_back)


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
