#!/usr/bin/env python3
"""Things unplugged and words mistyped: each a message of one line, its way out below it, the right exit status, and no run.

usage: unplugged.py OOMLAB
"""
import os
import subprocess
import sys
import tempfile

OOMLAB = os.path.abspath(sys.argv[1])
FAILURES = []


def expect(name, words, status, message, remedy=None, **environment):
    result = subprocess.run([OOMLAB, *words], capture_output=True, text=True, errors="replace", timeout=60, cwd=SCRATCH,
                            stdin=subprocess.DEVNULL, env={**os.environ, "PATH": f"{SCRATCH}/bin", **environment})
    lines = result.stderr.splitlines()
    problems = []
    if result.returncode != status:
        problems.append(f"exit {result.returncode}, expected {status}")
    if not lines or message not in lines[0] or not lines[0].startswith("oomlab: "):
        problems.append(f"first line is not about '{message}'")
    if remedy is not None and (len(lines) < 2 or remedy not in result.stderr):
        problems.append(f"no way out that names '{remedy}'")
    if result.stdout:
        problems.append(f"standard output is not empty: {result.stdout[:200]!r}")
    if problems:
        FAILURES.append(name)
        print(f"{name}: {'; '.join(problems)}\n{result.stderr}")


with tempfile.TemporaryDirectory(prefix="oomlab-unplugged-") as SCRATCH:
    os.mkdir(f"{SCRATCH}/bin")
    os.mkdir(f"{SCRATCH}/cache")
    os.mkdir(f"{SCRATCH}/locked")
    with open(f"{SCRATCH}/not-a-kernel", "wb") as file:
        file.write(b"MZ" + os.urandom(4096))
    with open(f"{SCRATCH}/bad.json", "w", encoding="utf-8") as file:
        file.write('{"schema": "oomlab.postmortem/1", "incidents": 7}')
    with open(f"{SCRATCH}/bin/qemu", "w", encoding="utf-8") as file:
        file.write("#!/bin/sh\n[ \"$1\" = --version ] && echo 'QEMU emulator version 7.2.22'\nexit 1\n")
    os.chmod(f"{SCRATCH}/bin/qemu", 0o755)
    cache = {"OOMLAB_CACHE": f"{SCRATCH}/cache"}

    expect("bad size", ["run", "--memory-max", "12Q", "--", "true"], 2, "--memory-max: '12Q' is not a size")
    expect("bad count", ["run", "--pids-max", "1K", "--", "true"], 2, "--pids-max: '1K' is not a number of processes")
    expect("bad duration", ["run", "--timeout", "soon", "--", "true"], 2, "--timeout: 'soon' is not a duration such as 250ms, 3s or 2m")
    expect("bad score", ["run", "--oom-score-adj", "1001", "--", "true"], 2, "--oom-score-adj: '1001' is not a whole number from -1000 to 1000")
    expect("bad backend", ["run", "--backend", "cloud", "--", "true"], 2, "--backend: 'cloud' is not one of: auto, host, vm")
    expect("unknown option", ["run", "--memory-maximum", "1M", "--", "true"], 2, "--memory-maximum: unknown option")
    expect("no command", ["run", "--memory-max", "1M"], 2, "no command given", "oomlab run --memory-max 256M -- CMD")
    expect("unknown workload", ["stress", "anno", "--memory-max", "1M"], 2, "'anno' is not a workload", "anon, ")
    expect("no workload", ["stress"], 2, "no workload given", "oomlab list")
    expect("hostile workload", ["stress", "\x1b[31mred"], 2, "'\\x1b[31mred' is not a workload")
    expect("bad workload option", ["stress", "anon", "--memory-max", "1M", "--rate", "fast"], 2, "--rate: 'fast' is not a size")
    expect("endless fill", ["stress", "anon"], 2, "neither --memory-max nor --size", "give one of them")
    expect("impossible together", ["run", "--expect", "oom", "--max-peak", "1M", "--", "true"], 2, "--max-peak and --expect oom cannot both be met")
    expect("kernel on the host", ["run", "--backend", "host", "--kernel", "6.1", "--", "true"], 2, "are of the micro-VM", "leave out")
    expect("missing folder", ["run", "-o", "nowhere/p.json", "--", "true"], 2, "the folder 'nowhere' does not exist", "mkdir -p nowhere")
    expect("unknown ending", ["run", "-o", "p.docx", "--", "true"], 2, "the ending of 'p.docx' picks no format")
    expect("unknown format", ["stress", "anon", "--memory-max", "1M", "--format", "docx"], 2, "--format: 'docx' is not one of")
    expect("unknown command", ["strees"], 2, "'strees' is not a command", "oomlab stress")
    expect("no such log", ["analyze", "nothing.log"], 2, "nothing.log: No such file or directory")
    expect("no such report", ["report", "nothing.json"], 2, "nothing.json: No such file or directory")
    expect("broken report", ["report", "bad.json"], 2, "incidents: expected a list")
    expect("no QEMU", ["run", "--backend", "vm", "--", "true"], 3, "QEMU", "qemu-system-x86", **cache)
    expect("no kernel", ["run", "--backend", "vm", "--", "true"], 3, "kernel", "oomlab vm fetch", OOMLAB_QEMU=f"{SCRATCH}/bin/qemu", **cache)
    expect("no such kernel", ["run", "--backend", "vm", "--kernel", "9.9", "--", "true"], 3, "9.9", "oomlab vm fetch",
           OOMLAB_QEMU=f"{SCRATCH}/bin/qemu", **cache)

if FAILURES:
    print(f"{len(FAILURES)} failed: {', '.join(FAILURES)}")
    sys.exit(1)
print("every refusal says what, why and the way out")
