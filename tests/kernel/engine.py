#!/usr/bin/env python3
"""The engine of the workloads on a real kernel: profiles, signals, stops, seeds, faults, and what is left of it all.

usage: engine.py OOMLAB KERNEL CASE     run one case on that kernel in the micro-VM
       engine.py --list                 the cases' names, one a line
"""
import hashlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from cases import MIB, PAGE, equal, main, within  # noqa: E402


def observed(document, step, name):
    for row in document["run"]["workload"]["observations"]:
        if (row["step"], row["name"]) == (step, name):
            return row["value"]
    raise AssertionError(f"nothing observed as {name} at {step}: {document['run']['workload']['observations']}")


def timeline(document):
    columns = document["run"]["timeline"]["columns"]
    time_at, level_at = columns.index("t_s"), columns.index("memory_bytes")
    return [(row[time_at], row[level_at]) for row in document["run"]["timeline"]["rows"] if row[level_at] is not None]


# ---- Inside of a guest, as root: what has to see the run while it goes on ----

def group_level():
    """memory.current of the one run there is, 0 before it is there."""
    for name in os.listdir("/sys/fs/cgroup"):
        if name.startswith("oomlab-"):
            try:
                with open(f"/sys/fs/cgroup/{name}/memory.current", encoding="ascii") as file:
                    return int(file.read())
            except OSError:
                break
    return 0


def until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("waited in vain")


def guest_paused(oomlab):
    process = subprocess.Popen([oomlab, "stress", "anon", "--backend", "host", "--quiet", "--memory-max", "96M", "--size", "64M", "--rate", "8M/s"])
    until(lambda: group_level() > 10 * MIB)
    process.send_signal(signal.SIGUSR1)
    levels = [group_level()]
    while len(levels) < 40 and levels[-1] < 60 * MIB:  # two seconds, or the growth goes on regardless
        time.sleep(0.05)
        levels.append(group_level())
    assert max(levels) - levels[5] < MIB, f"grows although paused: {levels}"
    process.send_signal(signal.SIGUSR2)
    until(lambda: group_level() > 40 * MIB)
    equal(process.wait(timeout=60), 0, "exit")


def guest_touched(oomlab):
    process = subprocess.Popen([oomlab, "stress", "lazy-malloc", "--backend", "host", "--memory-max", "96M", "--touch-after", "forever", "-o", "/run/p.json"])

    def sizes():
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/status", encoding="utf-8") as file:
                    text = file.read()
            except OSError:
                continue
            if text.startswith("Name:\toomlab-lazy-mal"):
                return {line.split(":")[0]: int(line.split()[1]) << 10 for line in text.splitlines() if line.startswith("Vm")}
        return {}
    until(lambda: sizes().get("VmSize", 0) > 64 * MIB)
    within(sizes()["VmRSS"], 0, 32 * MIB, "RSS before the cue")
    process.send_signal(signal.SIGUSR1)
    equal(process.wait(timeout=60), 0, "exit")
    with open("/run/p.json", encoding="utf-8") as file:
        document = json.load(file)
    within(observed(document, "allocated", "RssAnon"), 0, 2 * MIB, "before the cue")
    within(observed(document, "touched", "RssAnon"), 64 * MIB, 67 * MIB, "after the cue")


def free_memory():
    """What nobody uses: free, on the lists of a CPU (which 6.7 and later let grow to what was just freed), or page cache and slab that can be given
    back (files that are read meanwhile move from the one to the other)."""
    with open("/proc/meminfo", encoding="ascii") as file:
        sizes = {line.split(":")[0]: int(line.split()[1]) << 10 for line in file}
    with open("/proc/zoneinfo", encoding="ascii") as file:
        listed = sum(int(line.split()[1]) for line in file if line.split()[0] == "count:")
    return sum(sizes[name] for name in ("MemFree", "Buffers", "Cached", "SReclaimable")) - sizes["Shmem"] + listed * PAGE


def guest_returned(oomlab):
    words = [oomlab, "stress", "memory-user", "--backend", "host", "--quiet", "--memory-max", "160M", "--size"]
    subprocess.run([*words, "1M"], check=True, timeout=60)  # from now on the program's files are in memory
    before, lowest = free_memory(), []
    process = subprocess.Popen([*words, "128M", "--for", "forever"])
    until(lambda: lowest.append(free_memory()) or before - lowest[-1] > 126 * MIB)
    process.terminate()
    process.wait(timeout=60)
    until(lambda: before - free_memory() < 8 * MIB)


class Filled:
    """A workload that holds what it has filled, and what the kernel says of its memory."""

    def __init__(self, oomlab, *words):
        self.child = subprocess.Popen([oomlab, "workload", "anon", "--size=8M", "--hold=forever", "--shared=yes", *words], stdin=subprocess.DEVNULL)
        until(lambda: self.mapping() is not None)

    def mapping(self):
        """The lines of smaps of the mapping that holds it."""
        with open(f"/proc/{self.child.pid}/comm", encoding="utf-8") as file:
            if file.read() != "oomlab-anon\n":  # before exec it is a copy of this program
                return None
        with open(f"/proc/{self.child.pid}/smaps", encoding="ascii") as file:
            parts = re.split(r"^(?=[0-9a-f]+-[0-9a-f]+ )", file.read(), flags=re.MULTILINE)
        sizes = [(int((re.findall(r"^Anonymous: +([0-9]+) kB$", part, re.MULTILINE) or ["0"])[0]), part) for part in parts]
        return next((part for size, part in sizes if size >= 8192), None)

    def policy(self):
        start = self.mapping().split("-")[0]
        with open(f"/proc/{self.child.pid}/numa_maps", encoding="ascii") as file:
            return next(line.split()[1] for line in file if line.split()[0] == start)

    def contents(self):
        with open(f"/proc/{self.child.pid}/mem", "rb") as file:
            file.seek(int(self.mapping().split("-")[0], 16))
            return hashlib.sha256(file.read(8 * MIB)).hexdigest()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()


def guest_policies(oomlab):
    for words, policy in (((), "default"), (("--node=0",), "prefer:0"), (("--node=0", "--policy=bind"), "bind:0"),
                          (("--node=0", "--policy=interleave"), "interleave:0")):
        with Filled(oomlab, *words) as filled:
            equal(re.sub("=[a-z]+", "", filled.policy()), policy, f"policy with {words}")
            equal(" mg" in filled.mapping(), False, "offered to KSM")
    with Filled(oomlab, "--mergeable=yes") as filled:
        equal(" mg" in filled.mapping(), True, "offered to KSM")


def guest_seeds(oomlab):
    def contents(*words):
        with Filled(oomlab, "--compressible=50", *words) as filled:
            return filled.contents()
    first = contents("--seed=7")
    equal(contents("--seed=7"), first, "contents of the same seed")
    equal(contents("--seed=8") == first, False, "another seed has the same contents")
    words = [oomlab, "stress", "leak", "--backend", "host", "--quiet", "--memory-max", "64M", "--size", "2M", "--seed", "7", "-o", "/run/p.json"]
    equal(subprocess.run(words, check=False, timeout=60).returncode, 0, "exit")
    with open("/run/p.json", encoding="utf-8") as file:
        equal(json.load(file)["run"]["workload"]["parameters"]["seed"], "7", "seed in the report")


def in_guest(lab, function):
    result = lab.guest(sys.executable, os.path.abspath(__file__), "--in-guest", function.__name__, lab.oomlab)
    assert result.returncode == 0, result.stdout + result.stderr


# ---- The cases ----

def paused(lab):
    """SIGUSR1 holds the growth where it is, SIGUSR2 lets it go on to its size."""
    in_guest(lab, guest_paused)


def touched_by_signal(lab):
    """lazy-malloc touches at SIGUSR1, and not before."""
    in_guest(lab, guest_touched)


def user_signals(lab):
    """SIGUSR1 and SIGUSR2 reach the command in the guest, and do not end anything."""
    process = subprocess.Popen([lab.oomlab, "run", "--backend", "vm", "--kernel", lab.kernel, "--quiet", "--", "sh", "-c",
                                "trap 'echo one' USR1; trap 'echo two; exit 6' USR2; echo ready; while :; do sleep 0.1; done"],
                               stdout=subprocess.PIPE, text=True)
    equal(process.stdout.readline(), "ready\n", "started")
    process.send_signal(signal.SIGUSR1)
    equal(process.stdout.readline(), "one\n", "after SIGUSR1")
    process.send_signal(signal.SIGUSR2)
    while (line := process.stdout.readline()) == "one\n":  # from the agent and from the supervisor
        pass
    equal(line, "two\n", "after SIGUSR2")
    process.stdout.read()
    equal(process.wait(timeout=60), 6, "exit")


def memory_returns(lab):
    """memory-user takes free memory from the machine, and its end gives it back."""
    in_guest(lab, guest_returned)


def policies(lab):
    """--node with each --policy, and --mergeable, are what the kernel has for the mapping."""
    in_guest(lab, guest_policies)


def seeds(lab):
    """The same seed fills with the same bytes, another with others; the report has it."""
    in_guest(lab, guest_seeds)


def until_limit(lab):
    document = lab.run(["stress", "anon", "--memory-max", "64M", "--until-limit", "75", "--hold", "300ms"], 0)
    within(max(level for _, level in timeline(document)), 47 * MIB, 49 * MIB, "level")


def until_psi(lab):
    """Under memory.high the growth is throttled: the pressure ends it long before the size."""
    document = lab.run(["stress", "anon", "--memory-high", "24M", "--memory-max", "400M", "--swap-max", "0", "--until-psi", "30", "--size", "300M",
                        "--rate", "100M/s"], 0)
    equal(document["run"]["outcome"]["verdict"], "completed", "verdict")
    within(observed(document, "end", "level"), 20 * MIB, 250 * MIB, "level")
    assert document["run"]["memory"]["events"]["high"] > 0


def compressible(lab):
    """What the contents are shows in swap: noise takes its size in compressed RAM, zeros take nothing."""
    def stored(percent):
        script = f"{lab.oomlab} stress swap --backend host --quiet --memory-max 64M --swap-max 64M --size 16M --compressible {percent} --hold forever & " \
                 "until set -- $(cat /sys/block/zram0/mm_stat) && [ $1 -ge 16000000 ]; do sleep 0.1; done; echo $1 $2; kill $!; wait"
        result = lab.call("vm", "exec", "--kernel", lab.kernel, "--swap", "64M", "--timeout", "120s", "--", "sh", "-c", script)
        original, kept = map(int, result.stdout.split()[:2])
        return kept / original
    within(stored(0), 0.95, 1.1, "share kept of noise")
    within(stored(60), 0.3, 0.5, "share kept of pages that are zeros by 60 %")
    within(stored(95), 0, 0.15, "share kept of pages that are zeros by 95 %")  # whole zeros are not even stored by new kernels


def faults(lab):
    """Any command, told no by its system calls: the program's own handling, no kill."""
    document = lab.run(["run", "--memory-max", "96M", "--fault", "mmap:ENOMEM:size=16M,brk:ENOMEM:size=16M"], 3,
                       ["python3", "-c", "import sys\ntry: bytearray(32 << 20)\nexcept MemoryError: sys.exit(3)"])
    equal(document["run"]["outcome"]["verdict"], "failed", "verdict")
    equal(document["run"]["faults"], "mmap:ENOMEM:size=16M,brk:ENOMEM:size=16M", "the plan is kept")
    equal(document["run"]["memory"]["events"]["oom_kill"], 0, "kills")
    document = lab.run(["run", "--memory-max", "48M", "--fault", "mmap:ENOMEM:after=100000"], 137, ["tail", "/dev/zero"])
    equal(document["run"]["outcome"]["verdict"], "oom_killed", "verdict of a command that no fault has hit")
    equal(document["run"]["outcome"]["signal"], 9, "the supervisor of the faults ends as the command does")
    assert "none of the " in lab.last.stderr, lab.last.stderr


def progress(lab):
    """The live line on a terminal: level against limit, rate, and what the kernel did."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["COLUMNS"] = "120"
        os.execv(lab.oomlab, [lab.oomlab, "stress", "anon", "--memory-max", "48M", "--rate", "16M/s", "--kernel", lab.kernel])
    text = b""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and select.select([terminal], [], [], 60)[0]:
        try:
            text += os.read(terminal, 65536)
        except OSError:  # the other side is closed
            break
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    equal(os.waitstatus_to_exitcode(status), 137, "exit")
    lines = [line for line in text.decode(errors="replace").split("\r\x1b[K") if " of 48 MiB" in line]
    assert len(lines) > 5, text
    assert any(re.search(r"[#.]{20}\] of 48 MiB  \+[\d.]+ [KM]iB/s", line) for line in lines), lines


def cleanup(lab, *ways):
    """Whatever ends a workload, nothing is left of it."""
    swap = [] if "lacking" in ways else ["--swap", "64M"]
    result = lab.call("vm", "exec", "--kernel", lab.kernel, "--disk", "256M", *swap, "--", sys.executable, os.path.join(HERE, "cleanup.py"),
                      lab.oomlab, *ways, timeout=580)
    assert result.returncode == 0, result.stdout + result.stderr
    print(result.stdout, end="")


def cleanup_lacking(lab):
    cleanup(lab, "lacking")


def cleanup_interrupted(lab):
    cleanup(lab, "Ctrl-C")


def cleanup_killed(lab):
    cleanup(lab, "SIGKILL")


def cleanup_ended(lab):
    cleanup(lab, "SIGTERM")


def cleanup_terminal(lab):
    cleanup(lab, "terminal")


CASES = {function.__name__: function for function in (paused, touched_by_signal, user_signals, until_limit, until_psi, compressible, faults,
                                                      progress, memory_returns, policies, seeds, cleanup_lacking, cleanup_interrupted, cleanup_killed,
                                                      cleanup_ended, cleanup_terminal)}


if __name__ == "__main__":
    if sys.argv[1] == "--in-guest":
        globals()[sys.argv[2]](sys.argv[3])
        sys.exit(0)
    sys.exit(main(CASES))
