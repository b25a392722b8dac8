#!/usr/bin/env python3
"""Inside a guest, as root: kills beside `oomlab watch`, and what it told of them.

usage: watch_kills.py OOMLAB CASE
  burst     more kills than the kernel reports in full (10 in 5 s), in cgroups that are gone at once
  restart   kills while the watch runs, while it is dead (SIGKILL) and after its restart
  no_log    an ordinary user who may not read the kernel log
  namespace a watch that sees the cgroups of its own namespace alone, as in a container without the machine's /sys/fs/cgroup
  groups    memory.oom.group, a limit of the cgroup above, a child whose parent lives on
  user_log  an ordinary user who may read the kernel log
  least     root without any right but CAP_SYSLOG, everything mounted read-only, as in compose.yaml
  overrun   a kill while nobody watches, whose report is overwritten in the ring buffer before the next start
  folder    a folder that is missing, removed, full, full to the end, another user's, or no folder
  signals   what ends a watch
  v1_host   the memory controller on cgroup v1, where the kernel has that
Prints one JSON object: the kills that were made, and the post-mortems.
"""
import glob
import json
import os
import shutil
import signal
import subprocess
import sys
import time

ROOT = "/sys/fs/cgroup"
INTO = "/tmp/watched"
OOMLAB = sys.argv[1]
NOBODY = 65534
SMALL = {"memory.swap.max": "0", "memory.max": "12M"}


def program(user):
    """What that user can run: a clone may stand where nobody but its owner may look, such as /root."""
    if user is None:
        return OOMLAB
    copy = "/run/oomlab-for-anybody"
    if not os.path.exists(copy):
        shutil.copy(OOMLAB, copy)
        os.chmod(copy, 0o755)
    return copy


class Watch:
    """One `oomlab watch`; its words are read until it says that it watches."""

    def __init__(self, *words, user=None, prefix=(), into=INTO):
        # Unbuffered: communicate() reads the pipe itself, and would not see a line that readline() had taken along.
        self.child = subprocess.Popen([*prefix, program(user), "watch", "--into", into, "--format", "json", *words], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0, user=user)
        self.words = ""
        self.until("watching")

    def until(self, text):
        """Reads its words until one of them has that text."""
        while text not in self.words:
            line = self.child.stderr.readline().decode()
            if not line:
                raise SystemExit(f"the watch ended without '{text}': {self.words}")
            self.words += line

    def memory_kb(self):
        with open(f"/proc/{self.child.pid}/status", encoding="utf-8") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS:"))

    def end(self, number=signal.SIGTERM):
        self.child.send_signal(number)
        table, words = self.child.communicate(timeout=120)
        self.words += words.decode()
        return table.decode()


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


def user_log():
    os.makedirs(INTO)
    os.chown(INTO, NOBODY, NOBODY)
    write("/proc/sys/kernel/dmesg_restrict", "0")
    watch = Watch(user=NOBODY)
    pids = [kill(), kill()]
    watch.until(str(pids[1]))
    report(pids=pids, table=watch.end(), words=watch.words)


def least():
    os.makedirs(INTO)
    mount = f"mount -o remount,bind,ro /sys/fs/cgroup; mount --bind {INTO} {INTO}; mount -o remount,bind,ro /"
    drop = 'exec setpriv --bounding-set=-all,+syslog --inh-caps=-all --no-new-privs -- "$@"'
    watch = Watch(prefix=("unshare", "--mount", "sh", "-ec", f"{mount}; {drop}", "sh"))
    with open(f"/proc/{watch.child.pid}/status", encoding="utf-8") as file:
        capabilities = next(line.split()[1] for line in file if line.startswith("CapEff:"))
    with open(f"/proc/{watch.child.pid}/mounts", encoding="utf-8") as file:
        writable = [line.split()[1] for line in file if line.split()[1] in ("/", "/sys/fs/cgroup") and line.split()[3].startswith("rw")]
    pids = [kill()]
    watch.until(str(pids[0]))
    report(pids=pids, capabilities=capabilities, writable=writable, table=watch.end(), words=watch.words)


def overrun():
    write("/proc/sys/kernel/printk_devkmsg", "on\n")
    kept = group("kept", SMALL)
    watch = Watch()
    watch.end()
    lost = inside(kept, OOMLAB, "workload", "anon", "--cap=100M")
    lost.wait()
    line = "6," + "x" * 900
    with open("/dev/kmsg", "w", encoding="ascii", buffering=1) as log:
        for _ in range(6000):  # some megabytes: more than the ring buffer of any guest
            log.write(line + "\n")
    watch = Watch()
    seen = kill()
    watch.until(str(seen))
    time.sleep(4)  # what the counters alone tell of waits for a line of the log
    report(lost=lost.pid, seen=seen, table=watch.end(), words=watch.words)


def names(folder):
    return sorted(name for name in os.listdir(folder) if name.startswith("kill-"))


def folder():
    facts = {}
    os.makedirs(INTO)
    gone = Watch(into="/tmp/not/yet")
    subprocess.run(["rm", "-rf", "/tmp/not"], check=True)
    facts["removed_pid"] = kill()
    gone.until(str(facts["removed_pid"]))
    gone.end()
    facts["removed"] = names("/tmp/not/yet")

    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", INTO], check=True)
    ballast = f"{INTO}/ballast"

    def fill():
        subprocess.run(["dd", "if=/dev/zero", f"of={ballast}", "bs=4k"], stderr=subprocess.DEVNULL, check=False)

    full = Watch()
    fill()
    facts["later_pid"] = kill()
    full.until("tried again")
    facts["while_full"] = names(INTO)
    os.unlink(ballast)
    full.until("kept now: kill-")
    facts["room_again"] = names(INTO)
    fill()
    facts["next_start_pid"] = kill()
    full.until(str(facts["next_start_pid"]))
    facts["full_table"], facts["full_words"], facts["full_status"] = full.end(), full.words, full.child.returncode
    os.unlink(ballast)
    again = Watch()
    again.until(str(facts["next_start_pid"]))
    again.end()

    refused = []
    os.makedirs("/tmp/of_root", mode=0o755)
    write("/tmp/file", "")
    for words, user in (("/tmp/of_root", NOBODY), ("/tmp/file", None), ("/tmp/file/below", None), ("/proc/oomlab", None)):
        tried = subprocess.run([program(user), "watch", "--into", words, "--for", "1s"], capture_output=True, text=True, user=user, check=False)
        refused.append([tried.returncode, tried.stderr])
    report(refused=refused, **facts)


def signals():
    ends = {}
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"):
        watch = Watch()
        pid = kill()
        table = watch.end(getattr(signal, name))  # at once: the kill may not be told yet
        ends[name] = [pid, watch.child.returncode, table]
    closed = Watch()
    closed.child.stdout.close()  # nobody reads the table
    kill()
    closed.child.send_signal(signal.SIGTERM)
    closed.words += closed.child.stderr.read().decode()
    closed.child.wait(timeout=120)
    report(ends=ends, closed=[closed.child.returncode, closed.words])


def v1_host():
    """Takes the memory controller from v2, as on a host that boots so. Kernels without CONFIG_MEMCG_V1 have it on v2 alone."""
    write(f"{ROOT}/cgroup.procs", str(os.getpid()))
    for base, _, _ in os.walk(ROOT, topdown=False):
        try:
            write(f"{base}/cgroup.subtree_control", "-memory")
        except OSError:
            pass
    os.makedirs("/tmp/v1")
    mounted = False
    for _ in range(50):  # what was removed lets go of the controller a little later
        mounted = subprocess.run(["mount", "-t", "cgroup", "-o", "memory", "memory", "/tmp/v1"], stderr=subprocess.DEVNULL, check=False).returncode == 0
        if mounted or "memory" not in open("/proc/cgroups", encoding="utf-8").read():
            break
        time.sleep(0.2)
    if not mounted:
        report(mounted=False)
        return
    watch = Watch()
    os.makedirs("/tmp/v1/old")
    write("/tmp/v1/old/memory.limit_in_bytes", "12M")
    child = inside("/tmp/v1/old", OOMLAB, "workload", "anon", "--cap=100M")
    child.wait()
    watch.until(str(child.pid))
    report(mounted=True, pid=child.pid, status=child.returncode, table=watch.end(), words=watch.words)


CASES = {"burst": burst, "restart": restart, "no_log": no_log, "namespace": namespace, "groups": groups, "user_log": user_log, "least": least,
         "overrun": overrun, "folder": folder, "signals": signals, "v1_host": v1_host}

if __name__ == "__main__":
    CASES[sys.argv[2]]()
