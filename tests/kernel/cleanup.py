#!/usr/bin/env python3
"""Inside a guest, as root: ends workloads in every way there is and looks for what is left of them.

usage: cleanup.py OOMLAB [WAY...]
No process, no cgroup, no mount, no System V object, no file in /dev/shm or on the disk, no space used there. The ways: Ctrl-C,
SIGTERM, SIGKILL of oomlab, the end of its terminal, and what a machine may lack ("lacking"): space on the disk, a /dev/shm, a disk at all. The workloads
are those that make such things; ramfs and hugetlb run in a guest of their own only, which goes as a whole.
"""
import os
import pty
import signal
import subprocess
import sys
import time

ROOT = "/sys/fs/cgroup"
DISK = "/run/oomlab-disk"
HELD = ("--memory-max", "64M", "--size", "8M", "--hold", "forever")
HOLD = ("--hold", "forever")
WORKLOADS = {
    "anon": HELD,
    "stack": HELD,  # executes itself again
    "tmpfs": HELD,
    "tmpfs-fill": HELD,
    "shm-fill": HELD,
    "shm-fill posix": (*HELD, "--api", "posix"),
    "memfd-fill": HELD,
    "bss": HELD,
    "dirty-cache": HELD,
    "page-cache-seq": HELD,
    "page-cache-thrash": ("--memory-max", "32M", "--size", "48M", "--for", "forever"),
    "copy-mmap": ("--memory-max", "64M", *HOLD),
    "copy-readwrite": ("--memory-max", "64M", *HOLD),
    "dentry-growth": (*HELD, "--names", "files"),
    "threads": HELD,
    "socket-leak": HELD,
    "fd-leak": HELD,
    "percpu": HELD,
    "slab": HELD,
    "swap": (*HELD, "--swap-max", "32M"),
    "malloc-small": ("--memory-max", "64M", "--hold", "10m"),  # executes itself for a heap of its own
    "fork-bomb": ("--memory-max", "64M", "--count", "20", *HOLD),
    "fork-cow": ("--memory-max", "64M", *HOLD),
    "shared-map": ("--memory-max", "64M", *HOLD),
}


def processes():
    """Everything that belongs to a run, by its name or its words."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read()
            with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
                comm = file.read().strip()
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                state = file.read().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if state != "Z" and (comm.startswith("oomlab-") or b"\0workload\0" in words):
            found[pid] = (comm, words)
    return found


def left():
    """What should be as it was: compared before and after."""
    with open("/proc/self/mounts", encoding="utf-8") as file:
        mounts = file.read()
    objects = {}
    for kind in ("shm", "sem", "msg"):
        with open(f"/proc/sysvipc/{kind}", encoding="utf-8") as file:
            objects[kind] = file.read().count("\n") - 1
    space = os.statvfs(DISK)
    return {"cgroups": [name for name in os.listdir(ROOT) if name.startswith("oomlab-")], "mounts": mounts, "System V objects": objects,
            "files in /dev/shm": os.listdir("/dev/shm") if os.path.isdir("/dev/shm") else [], "files on the disk": os.listdir(DISK),
            "files in /tmp": os.listdir("/tmp"), "blocks used": space.f_blocks - space.f_bfree}


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def is_filled():
    """The workload's group is there and holds some of what it is to hold, in memory or in swap."""
    for name in os.listdir(ROOT):
        if name.startswith("oomlab-"):
            try:
                held = 0
                for counter in ("memory.current", "memory.swap.current"):
                    with open(f"{ROOT}/{name}/{counter}", encoding="ascii") as file:
                        held += int(file.read())
                return held > 5 << 20
            except OSError:
                return False
    return False


def start(command):
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


def by_signal(number):
    """Ends the supervisor alone: the others must follow."""
    def end(command):
        child = start(command)
        assert until(is_filled, 240), "was not filled"
        child.send_signal(number)
        child.wait(timeout=60)
    return end


def by_ctrl_c(command):
    """The whole foreground group gets SIGINT."""
    child = start(command)
    assert until(is_filled, 240), "was not filled"
    os.killpg(child.pid, signal.SIGINT)
    child.wait(timeout=60)


def by_terminal(command):
    """The terminal goes away: SIGHUP to its foreground group, and nobody to write to any more."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(command[0], command)
    assert until(is_filled, 240), "was not filled"
    os.close(terminal)
    assert until(lambda: os.waitpid(pid, os.WNOHANG)[0] == pid), "did not end with its terminal"


WAYS = {"Ctrl-C": by_ctrl_c, "SIGKILL": by_signal(signal.SIGKILL), "SIGTERM": by_signal(signal.SIGTERM), "terminal": by_terminal}


def check(name, before, act):
    try:
        act()
    except AssertionError as error:
        sys.exit(f"{name}: {error}; running: {processes()}, {left()}")
    if not until(lambda: not processes(), 20):
        sys.exit(f"{name}: left running: {processes()}")
    if not until(lambda: left() == before, 20):
        now = left()
        sys.exit(f"{name}: " + "; ".join(f"{key}: {before[key]!r} before, {now[key]!r} now" for key in before if before[key] != now[key]))


def ending(oomlab, words, *options):
    return subprocess.run([oomlab, "stress", *words, "--backend", "host", *options], capture_output=True, text=True, timeout=120)


def lacking(oomlab, before):
    """What the machine has not is said, in one line with the way out, and nothing is left either."""
    def full_disk():
        for words in (["page-cache-seq"], ["page-cache-thrash"], ["dirty-cache"], ["copy-readwrite"], ["copy-mmap"]):
            result = ending(oomlab, words, "--memory-max", "64M", "--size", "300M")
            assert result.returncode == 1 and "No space left on device" in result.stderr, f"{words}: {result.returncode} {result.stderr}"
    check("full disk", before, full_disk)

    def no_disk():
        result = ending(oomlab, ["dirty-cache"], "--memory-max", "64M", "--size", "8M", "--folder", "/dev/shm")
        assert result.returncode == 3 and "is in memory" in result.stderr and "way out: " in result.stderr, result.stderr
    check("no disk", before, no_disk)

    def hidden_memory():  # an overlay whose upper layer is a tmpfs: only the counter tells
        result = ending(oomlab, ["dirty-cache"], "--memory-max", "64M", "--size", "8M", "--folder", "/var/tmp")
        assert result.returncode == 3 and "did not follow" in result.stderr and "way out: " in result.stderr, result.stderr
    check("a disk that is none", before, hidden_memory)

    def no_swap():
        result = ending(oomlab, ["swap"], "--memory-max", "64M", "--swap-max", "64M", "--size", "8M")
        assert result.returncode == 3 and "no swap" in result.stderr and "way out: " in result.stderr, result.stderr
    check("no swap", before, no_swap)

    def no_shared_memory():
        bare_dev = "mount -t tmpfs none /dev && mknod /dev/null c 1 3 && mknod /dev/kmsg c 1 11 && exec "
        words = f"{oomlab} stress shm-fill --backend host --memory-max 64M --size 8M --api"
        result = subprocess.run(["unshare", "-m", "sh", "-c", bare_dev + words + " posix"], capture_output=True, text=True, timeout=120)
        assert result.returncode == 3 and "shm_open" in result.stderr and "way out: " in result.stderr, result.stderr
        result = subprocess.run(["unshare", "-m", "sh", "-c", bare_dev + words + " sysv"], capture_output=True, text=True, timeout=120)
        assert result.returncode == 0, result.stderr
    check("no /dev/shm", before, no_shared_memory)


def main():
    oomlab = sys.argv[1]
    if not oomlab.startswith("/tmp/"):  # below the guest's layer is the host's, where others come and go
        subprocess.run(["mount", "-t", "tmpfs", "none", "/tmp"], check=True)
    before = left()
    for way in sys.argv[2:] or [*WAYS, "lacking"]:
        if way == "lacking":
            lacking(oomlab, before)
            continue
        for name, options in WORKLOADS.items():
            command = [oomlab, "stress", name.split()[0], "--backend", "host", "--quiet", *options]
            check(f"{way}, {name}", before, lambda way=way, command=command: WAYS[way](command))
        print(f"{way}: nothing left of {len(WORKLOADS)} workloads")


if __name__ == "__main__":
    main()
