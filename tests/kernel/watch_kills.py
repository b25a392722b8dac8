#!/usr/bin/env python3
"""Inside a guest, as root: kills beside `oomlab watch`, and what it told of them.

usage: watch_kills.py OOMLAB CASE
  burst     more kills than the kernel reports in full (10 in 5 s), in cgroups that are gone at once
  restart   kills while the watch runs, while it is dead (SIGKILL) and after its restart
  no_log    an ordinary user who may not read the kernel log
  namespace a watch that sees the cgroups of its own namespace alone, as in a container without the machine's /sys/fs/cgroup
  groups    memory.oom.group, a limit of the cgroup above, a child whose parent lives on
Prints one JSON object: the kills that were made, and the post-mortems.
"""
import glob
import json
import os
import signal
import subprocess
import sys
import time

ROOT = "/sys/fs/cgroup"
INTO = "/tmp/watched"
OOMLAB = sys.argv[1]
NOBODY = 65534
SMALL = {"memory.swap.max": "0", "memory.max": "12M"}


class Watch:
    """One `oomlab watch`; its words are read until it says that it watches."""

    def __init__(self, *words, user=None, prefix=()):
        self.child = subprocess.Popen([*prefix, OOMLAB, "watch", "--into", INTO, "--format", "json", *words], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, user=user)
        self.words = ""
        while "watching" not in self.words:
            line = self.child.stderr.readline()
            if not line:
                raise SystemExit(f"the watch ended: {self.words}")
            self.words += line

    def memory_kb(self):
        with open(f"/proc/{self.child.pid}/status", encoding="utf-8") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))

    def end(self, number=signal.SIGTERM):
        self.child.send_signal(number)
        table, words = self.child.communicate(timeout=120)
        self.words += words
        return table


def kill(limit="12M"):
    """One process that is killed by its own limit; its pid. Its cgroup is gone when this returns."""
    subprocess.run([OOMLAB, "stress", "anon", "--backend", "host", "--memory-max", limit, "--quiet", "-o", "/tmp/run.json"],
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    with open("/tmp/run.json", encoding="utf-8") as file:
        run = json.load(file)["run"]
    assert run["outcome"]["verdict"] == "oom_killed", run["outcome"]
    return run["pid"]


def documents():
    found = []
    for path in sorted(glob.glob(f"{INTO}/kill-*.json")):
        with open(path, encoding="utf-8") as file:
            found.append(json.load(file))
    return found


def report(**facts):
    print(json.dumps({**facts, "documents": documents()}))


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def group(name, limits):
    path = f"{ROOT}/{name}"
    os.makedirs(path)
    for file, text in limits.items():
        write(f"{path}/{file}", text)
    return path


def inside(path, *words):
    """A command in that cgroup, from its first instruction on."""
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            preexec_fn=lambda: write(f"{path}/cgroup.procs", "0"))


def burst():
    watch = Watch()
    pids, memory = [], []
    for number in range(3):
        paths = [group(f"burst-{number}-{i}", {**SMALL, "memory.max": "6M"}) for i in range(20)]
        children = [inside(path, OOMLAB, "workload", "anon", "--cap=100M") for path in paths]
        for path, child in zip(paths, children):
            child.wait()
            os.rmdir(path)
            pids.append(child.pid)
        memory.append(watch.memory_kb())
    report(pids=pids, memory_kb=memory, table=watch.end(), words=watch.words)


def restart():
    watch = Watch()
    first = [kill() for _ in range(3)]
    time.sleep(1.5)  # some are told by now, some perhaps not
    watch.end(signal.SIGKILL)
    away = [kill() for _ in range(3)]
    watch = Watch()
    after = [kill() for _ in range(2)]
    tables = [watch.end()]
    watch = Watch()
    tables.append(watch.end())
    report(pids=first + away + after, tables=tables, words=watch.words)


def no_log():
    os.makedirs(INTO)
    os.chown(INTO, NOBODY, NOBODY)
    write("/proc/sys/kernel/dmesg_restrict", "1")
    watch = Watch(user=NOBODY)
    kept = group("kept", SMALL)
    child = inside(kept, OOMLAB, "workload", "anon", "--cap=100M")
    child.wait()
    kill()
    time.sleep(1)
    report(kills=2, status=child.returncode, table=watch.end(), words=watch.words)


def namespace():
    """The watch and a workload in one cgroup namespace, another one outside of it."""
    box = group("box", {"memory.max": "64M", "memory.swap.max": "0"})
    enter = f"echo 0 >{box}/cgroup.procs; exec unshare --cgroup --mount sh -c 'umount /sys/fs/cgroup; mount -t cgroup2 cgroup2 /sys/fs/cgroup; exec \"$@\"' sh \"$@\""
    watch = Watch(prefix=("sh", "-c", enter, "sh"))
    ours = inside(box, OOMLAB, "workload", "anon", "--cap=200M")
    ours.wait()
    other = kill()
    report(pids=[ours.pid, other], table=watch.end(), words=watch.words)


def groups():
    watch = Watch()
    together = group("together", {**SMALL, "memory.max": "16M", "memory.oom.group": "1"})
    holders = [inside(together, OOMLAB, "workload", "anon", "--size=2M", "--hold=forever", "--cap=100M") for _ in range(2)]
    filler = inside(together, OOMLAB, "workload", "anon", "--cap=100M")
    for child in [*holders, filler]:
        child.wait()
    above = group("above", SMALL)
    write(f"{above}/cgroup.subtree_control", "+memory")
    below = group("above/below", {**SMALL, "memory.max": "64M"})
    lower = inside(below, OOMLAB, "workload", "anon", "--cap=100M")
    lower.wait()
    parent = group("parent", SMALL)
    supervisor = inside(parent, OOMLAB, "pid1", "--", "anon")
    supervisor.wait()
    report(together=[child.pid for child in [*holders, filler]], below=lower.pid, supervisor=[supervisor.pid, supervisor.returncode],
           table=watch.end(), words=watch.words)


if __name__ == "__main__":
    {"burst": burst, "restart": restart, "no_log": no_log, "namespace": namespace, "groups": groups}[sys.argv[2]]()
