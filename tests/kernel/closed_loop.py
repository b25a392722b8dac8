#!/usr/bin/env python3
"""Causes provoked on purpose, and what the post-mortem says they were: its first finding has to name the cause.

usage: closed_loop.py OOMLAB KERNEL BATCH [ROW...]      run one batch (or only these rows of it), check it
       closed_loop.py --list                            the batches' names, one a line
       closed_loop.py OOMLAB --matrix FILE.md [KEPT.json]
                                                        run all batches on both kernels and write the confusion matrix; batches whose
                                                        results KEPT.json holds are not run again, those of the others are added to it

Each row has two witnesses: the document of the run, made from the kernel log and the counters that the recorder read, and the kernel log alone, read by
`oomlab analyze` as one from elsewhere. Exit 0 passed, 1 failed, 77 skipped (no QEMU or no such kernel). With OOMLAB_REQUIRE_KERNEL=1 a skip is a failure.
"""
import json
import os
import shlex
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from cases import Lab, skip  # noqa: E402
from provoked import ALONE, GUESTS, OPTIONS, PRELUDE, PROGRAMS, SCENARIOS, STRESS, SWAP  # noqa: E402

ROOT = os.path.join(HERE, "..", "..")
KERNELS = ("6.1", "6.12")
MARK = "oomlab-closed-loop"
READ_LOG = "dd if=/dev/kmsg bs=8192 iflag=nonblock 2>/dev/null"
# What the programs need that a bare guest has not: a /dev/shm, and their files read before a limit is charged for them.
FOR_PROGRAMS = """mount -t tmpfs -o nr_inodes=0 x /dev/shm
sysctl -qw kernel.msgmni=32000 fs.inotify.max_user_watches=2000000
ip link set lo up
/usr/bin/python3 -ESs -c 'import ctypes, mmap, socket, select, threading'
perl -e 1
"""


def with_options(words, *options):
    at = words.index("--") if "--" in words else len(words)
    return [*words[:at], *options, *words[at:]]


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

    def runs(self, rows, options=(), before=""):
        """All rows in one guest; between their parts of the output stands a mark."""
        script = before + "".join(f"""
            echo {MARK} {row.name} > /dev/kmsg; rm -f /tmp/p.json
            timeout 200 {self.lab.oomlab} {shlex.join(with_options(row.words, "--backend", "host", "--quiet", "-o", "/tmp/p.json"))} >/dev/null 2>&1
            echo {MARK}; cat /tmp/p.json; rm -rf /tmp/p.json /dev/shm/*""" for row in rows)
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
            self.lab.call(*row.words, "--backend", "vm", "--quiet", "--kernel", self.lab.kernel, "-o", output, timeout=600)
            with open(output, encoding="utf-8") as file:
                self.note(row, "run", row.cause, json.load(file))

    def scenarios(self, rows):
        output = self.lab.path("results.json")
        self.lab.call("scenario", "run", *[row.name for row in rows], "--kernel", self.lab.kernel, "--quiet", "-o", output, timeout=1800)
        with open(output, encoding="utf-8") as file:
            results = {result["scenario"]: result for result in json.load(file)["results"]}
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
            self.runs(chosen(STRESS[batch]), ["--memory", "512M"])
        elif batch in SWAP:
            self.runs(chosen(SWAP[batch]), ["--memory", "512M", "--swap", "256M"])
        elif batch in PROGRAMS:
            self.runs(chosen(PROGRAMS[batch]), ["--memory", "512M", "--swap", "256M"], FOR_PROGRAMS)
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


BATCHES = [*STRESS, *SWAP, *PROGRAMS, *ALONE, *SCENARIOS, *GUESTS, *OPTIONS]


def wrong(found):
    return [f"{name} ({witness}): provoked {expected}, found {first}" for name, witness, expected, first in found if first != expected]


def collect(oomlab, kept):
    """What was found on both kernels, batch by batch; what the file KEPT holds is not run again, and what is run is added to it."""
    found = {}
    if kept and os.path.exists(kept):
        with open(kept, encoding="utf-8") as file:
            found = json.load(file)
    for batch in BATCHES:
        for kernel in KERNELS:
            key = f"{kernel} {batch}"
            if key in found:
                continue
            loop = Loop(oomlab, kernel)
            loop.run(batch)
            found[key] = loop.found
            print(f"{key}: {len(loop.found) - len(wrong(loop.found))} of {len(loop.found)} right", *wrong(loop.found), sep="\n  ", flush=True)
            if kept:
                with open(kept, "w", encoding="utf-8") as file:
                    json.dump(found, file)
    return [(key.partition(" ")[0], *row) for key, rows in found.items() for row in rows]


def matrix(found, path, missing=()):
    """Rows are causes, columns first findings, by their numbers. MISSING: the batches that were not run, if any."""
    causes = sorted({expected for *_, expected, _ in found})
    columns = [*causes, *sorted({first for *_, first in found} - set(causes))]
    right = sum(expected == first for *_, expected, first in found)
    lines = [
        "# Provoked causes and first findings",
        "",
        f"Made by `tests/kernel/closed_loop.py OOMLAB --matrix {os.path.relpath(path, ROOT)}` on real kernels ({' and '.join(KERNELS)}) in the micro-VM: every cause",
        "that can be provoked there, by our own workloads and scenarios, by ordinary programs and by hand, and the code of the first finding that the",
        "post-mortem made of it. There are two witnesses: the document of the run (`run`), made from the kernel log and the counters that the recorder read, and",
        "the kernel log alone (`log`), read as one from elsewhere. What a log cannot tell, how memory grew over time, counts there as growth of anonymous memory.",
        "",
        f"The first finding names the cause in {right} of {len(found)}.",
        "",
        "| kernel | witness | right | of |",
        "| --- | --- | ---: | ---: |",
    ]
    for kernel in KERNELS:
        for witness in ("run", "log"):
            of_it = [row for row in found if row[0] == kernel and row[2] == witness]
            lines.append(f"| {kernel} | {witness} | {sum(row[3] == row[4] for row in of_it)} | {len(of_it)} |")
    if missing:
        lines += ["", f"Not run for these figures: {', '.join(missing)}."]
    lines += ["", "## The matrix", "", "Rows: what was provoked. Columns: the first finding, by the number of its row (both kernels, both witnesses).", ""]
    lines.append("| provoked | | " + " | ".join(str(i + 1) for i in range(len(columns))) + " |")
    lines.append("| --- | ---: |" + " ---: |" * len(columns))
    for number, cause in enumerate(columns, 1):
        counts = [sum(row[3] == cause and row[4] == first for row in found) for first in columns]
        lines.append(f"| `{cause}` | {number} | " + " | ".join(str(count) if count else "" for count in counts) + " |")
    lines += ["", "## What was done", "", "| cause | situations | otherwise |", "| --- | --- | --- |"]
    for cause in causes:
        of_it = [row for row in found if row[3] == cause]
        others = sorted(f"`{first}`: {name} ({kernel}, {witness})" for kernel, name, witness, _, first in of_it if first != cause)
        lines.append(f"| `{cause}` | {', '.join(sorted({row[1] for row in of_it}))} | {', '.join(others)} |")
    lines += ["", "What the situations are stands in `tests/kernel/provoked.py`. What cannot be provoked in this micro-VM (CMA, balloons, GPU memory, pages of",
              "64 KiB, cgroup v1) is covered by logs from elsewhere and by examples."]
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return right == len(found)


def main():
    words = sys.argv[1:]
    if words == ["--list"]:
        print("\n".join(BATCHES))
        return 0
    if len(words) in (3, 4) and words[1] == "--matrix":
        return 0 if matrix(collect(words[0], words[3] if len(words) == 4 else None), words[2]) else 1
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
