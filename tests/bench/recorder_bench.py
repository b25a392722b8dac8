#!/usr/bin/env python3
"""What the recorder costs at 1 kHz, and how soon after a kill its post-mortem is on the disk: `recorder_bench.py OOMLAB WAKE_LOOP`, as root with
cgroups of its own. WAKE_LOOP is what the cost is held against: a bare loop that wakes as often and reads memory.current.

Prints "cpu PERCENT loop PERCENT hz SAMPLES rss KIB" and "kill MEDIAN HIGHEST of ROUNDS" in milliseconds.
"""
import json
import os
import re
import resource
import statistics
import subprocess
import sys
import time

INTO = "/run/recorder-bench.json"
GROUP = "/sys/fs/cgroup/recorder-bench"
SHORT, LONG = 0.3, 1.8  # at 1 kHz the ring is full, and the interval doubled, after two seconds
ROUNDS = 15
OPTIONS = ["--backend", "host", "--quiet", "--memory-max", "32M", "-o", INTO]


def cost(oomlab, seconds):
    """Seconds of processor time of a whole run that waits so long, its samples, and the highest RSS of the supervisor in KiB."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with subprocess.Popen([oomlab, "run", *OPTIONS, "--sample", "1ms", "--", "sleep", str(seconds)]) as run:
        time.sleep(seconds / 2)
        with open(f"/proc/{run.pid}/status", encoding="utf-8") as file:
            rss = int(re.search(r"VmHWM:\s*(\d+) kB", file.read()).group(1))
        if run.wait() != 0:
            raise SystemExit("the run did not end well")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    with open(INTO, encoding="utf-8") as file:
        samples = len(json.load(file)["run"]["timeline"]["rows"])
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, samples, rss


def bare(wake_loop):
    with open("/sys/fs/cgroup/cgroup.subtree_control", "w", encoding="ascii") as file:
        file.write("+memory")
    os.makedirs(GROUP, exist_ok=True)
    done = subprocess.run([wake_loop, f"{GROUP}/memory.current", "2"], check=True, stdout=subprocess.PIPE, text=True)
    os.rmdir(GROUP)
    return done.stdout.strip()


def kill_to_disk(oomlab):
    """Seconds from the kernel's line of the kill to the last writing of the post-mortem; a mark in the log ties its clock to ours."""
    with open("/dev/kmsg", "rb+", buffering=0) as log:
        os.set_blocking(log.fileno(), False)
        os.lseek(log.fileno(), 0, os.SEEK_END)
        marked = time.time()
        os.write(log.fileno(), b"recorder-bench")
        subprocess.run([oomlab, "stress", "anon", *OPTIONS], check=False)
        stamps = []
        while True:
            try:
                record = os.read(log.fileno(), 8192)
            except BlockingIOError:
                break
            if b"recorder-bench" in record or b"Killed process" in record:
                stamps.append(int(record.split(b",")[2]) / 1e6)
    if len(stamps) != 2:
        raise SystemExit(f"{len(stamps) - 1} kills in the log")
    return os.stat(INTO).st_mtime - marked - (stamps[1] - stamps[0])


def main():
    oomlab, wake_loop = sys.argv[1:]
    pairs = [(cost(oomlab, SHORT), cost(oomlab, LONG)) for _ in range(5)]
    percent = statistics.median((long[0] - short[0]) / (LONG - SHORT) * 100 for short, long in pairs)
    rate = statistics.median((long[1] - short[1]) / (LONG - SHORT) for short, long in pairs)
    print(f"cpu {percent:.2f} loop {bare(wake_loop)} hz {rate:.0f} rss {pairs[0][1][2]}")
    times = [kill_to_disk(oomlab) * 1000 for _ in range(ROUNDS)]
    print(f"kill {statistics.median(times):.1f} {max(times):.1f} of {ROUNDS}")


if __name__ == "__main__":
    main()
