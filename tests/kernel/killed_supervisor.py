#!/usr/bin/env python3
"""Inside a guest, as root: kills oomlab with SIGKILL at random moments and looks for what is left.

usage: killed_supervisor.py OOMLAB [ROUNDS]
After each kill no process of the run may be left (the guard sees to it), and no cgroup after the next start. Every fifth round the guard is killed too, so that
only the next start can sweep.
"""
import os
import random
import signal
import subprocess
import sys
import time

ROOT = "/sys/fs/cgroup"
COMMANDS = (
    ["stress", "anon", "--backend", "host", "--memory-max", "24M", "--size", "8M", "--hold", "forever"],
    ["stress", "anon", "--backend", "host", "--memory-max", "24M"],
    ["run", "--backend", "host", "--memory-max", "24M", "--", "sh", "-c", "sleep 97531 & setsid sleep 97531 & sleep 97531"],
    ["stress", "tmpfs", "--backend", "host", "--memory-max", "24M", "--size", "8M", "--hold", "forever"],
)


def processes():
    """pid -> command line of everything that a run could have left."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read()
            with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
                comm = file.read().strip()
        except OSError:
            continue
        if b"97531" in words and b"sh\0-c" not in words[:5] or b"workload\0" in words or comm == "oomlab-guard":
            found[pid] = (comm, words)
    return found


def groups():
    return [name for name in os.listdir(ROOT) if name.startswith("oomlab-")]


def until(condition, seconds):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def main():
    oomlab = sys.argv[1]
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    random.seed(7)
    started = swept = 0
    for number in range(rounds):
        command = COMMANDS[number % len(COMMANDS)]
        child = subprocess.Popen([oomlab, *command], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if number % 2:  # on a slow machine most moments would be before there is anything to leave
            until(groups, 5)
            time.sleep(random.uniform(0, 0.1))
        else:
            time.sleep(random.uniform(0, 0.35))
        started += bool(groups())
        both = number % 5 == 4
        if both:
            for pid, (comm, _) in processes().items():
                if comm == "oomlab-guard":
                    os.kill(int(pid), signal.SIGKILL)
        child.kill()
        child.wait()
        if both:
            subprocess.run([oomlab, "run", "--backend", "host", "--quiet", "--", "true"], check=True)
        if not until(lambda: not processes(), 5):
            sys.exit(f"round {number} {command}: left running: {processes()}")
        if not until(lambda: not groups(), 2):
            # Killed between making the group and starting its guard: the next start sweeps it.
            swept += 1
            subprocess.run([oomlab, "run", "--backend", "host", "--quiet", "--", "true"], check=True)
        if not until(lambda: not groups(), 5):
            sys.exit(f"round {number} {command}: left cgroups: {groups()}")
    print(f"{rounds} supervisors killed ({started} while their group existed): no process left, {swept} cgroups for the next start to sweep, none after it")
    if swept > rounds // 5:
        sys.exit("the guard is hardly ever there in time")
    if started < rounds // 4:
        sys.exit("the kills came too early to prove anything")


if __name__ == "__main__":
    main()
