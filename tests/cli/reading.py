#!/usr/bin/env python3
"""How the built program reads logs: sandboxed, following a pipe, in the order of rotated sets, with clear refusals. Usage: reading.py OOMLAB FIXTURES"""
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

OOMLAB, FIXTURES = sys.argv[1], Path(sys.argv[2])
FAILURES = []


def check(what, condition, detail=""):
    if not condition:
        FAILURES.append(what)
    print(f"{'ok  ' if condition else 'FAIL'} {what} {'' if condition else detail}")


def analyze(*arguments, stdin=b""):
    return subprocess.run([OOMLAB, "analyze", *map(str, arguments)], input=stdin, capture_output=True, timeout=60)


def wait_for(condition, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def status_of(pid):
    with open(f"/proc/{pid}/status") as text:
        return dict(line.rstrip("\n").split(":\t", 1) for line in text if ":\t" in line)


def sandboxed(*options):
    """The Seccomp field while it waits for input: "2" is a filter."""
    process = subprocess.Popen([OOMLAB, "analyze", *options, "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: status_of(process.pid).get("Seccomp") == "2", 3)
        return status_of(process.pid)
    finally:
        process.stdin.close()
        process.wait(timeout=20)


def built_with_sanitizers():
    return b"__asan_init" in Path(OOMLAB).read_bytes()


def main():
    log = (FIXTURES / "6.12" / "memcg.kmsg").read_bytes()
    other = (FIXTURES / "6.1" / "memcg.kmsg").read_bytes()

    inherited = status_of(os.getpid()).get("Seccomp")
    if built_with_sanitizers():
        print("skip the sandbox: a build with sanitizers has none")
    else:
        fields = sandboxed()
        check("the parser runs behind a seccomp filter", fields.get("Seccomp") == "2", str(fields.get("Seccomp")))
        check("and can gain no privileges", fields.get("NoNewPrivs") == "1")
        check("--no-sandbox leaves it as it was", sandboxed("--no-sandbox").get("Seccomp") == inherited)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # A pipe that stays open: what is found is shown while it is silent.
        with open(folder / "out", "wb") as out:
            process = subprocess.Popen([OOMLAB, "analyze", "--format", "ndjson", "-"], stdin=subprocess.PIPE, stdout=out)
            process.stdin.write(log)
            process.stdin.flush()
            check("a kill in a pipe that stays open is shown", wait_for(lambda: (folder / "out").read_bytes().count(b"\n") == 1, 20))
            check("while the pipe is still read", process.poll() is None)
            process.stdin.write(other)
            process.stdin.close()
            check("its end is a success", process.wait(timeout=30) == 0)
        lines = [json.loads(line) for line in (folder / "out").read_text().splitlines()]
        check("each incident once", [len(line["incidents"]) for line in lines] == [1, 1], str(len(lines)))

        rotated = folder / "log"
        rotated.mkdir()
        (rotated / "kern.log").write_bytes(log)
        (rotated / "kern.log.1").write_bytes(other)
        (rotated / "kern.log.2.gz").write_bytes(gzip.compress((FIXTURES / "6.12" / "tmpfs.kmsg").read_bytes()))
        (rotated / "kern.log.10.gz").write_bytes(gzip.compress((FIXTURES / "6.1" / "tmpfs.kmsg").read_bytes()))
        expected = ["kern.log.10.gz", "kern.log.2.gz", "kern.log.1", "kern.log"]
        for what, words in (("a folder", [rotated]), ("a shell's list", sorted(rotated.iterdir()))):
            for jobs in ("1", "3"):
                document = json.loads(analyze("--format", "json", "--jobs", jobs, *words).stdout)
                check(f"{what} with {jobs} threads is read oldest first", [Path(i["name"]).name for i in document["inputs"]] == expected,
                      str([i["name"] for i in document["inputs"]]))
                check(f"{what} with {jobs} threads has all incidents", len(document["incidents"]) == 4, str(len(document["incidents"])))
        (rotated / "copy.log").write_bytes(log)
        check("a copy of a report counts once", len(json.loads(analyze("--format", "json", rotated).stdout)["incidents"]) == 4)
        (rotated / "copy.log").unlink()

        cut = folder / "cut.log"
        cut.write_bytes(log[: len(log) // 2])
        check("--require-complete is met by a whole report", analyze("--require-complete", rotated / "kern.log").returncode == 0)
        check("--require-complete is not met by half of one", analyze("--require-complete", cut).returncode == 1)
        check("--exit-code says that there is one", analyze("--exit-code", rotated / "kern.log").returncode == 1)
        check("--exit-code says that there is none", analyze("--exit-code", "-", stdin=b"nothing\n").returncode == 0)

        written = analyze(rotated / "kern.log", "-o", folder / "a.json", "-o", folder / "b.txt")
        check("files are written from within the sandbox", written.returncode == 0 and (folder / "a.json").stat().st_size > 1000 and (folder / "b.txt").stat().st_size > 100,
              written.stderr.decode())
        check("and nothing else is left there", sorted(p.name for p in folder.iterdir()) == ["a.json", "b.txt", "cut.log", "log", "out"],
              str(sorted(p.name for p in folder.iterdir())))

        for what, arguments, words in (
            ("a file that is not there", [folder / "none.log"], "none.log"),
            ("standard input twice", ["-", "-"], "once"),
            ("an unknown carrier", ["--carrier", "pigeon", rotated / "kern.log"], "pigeon"),
            ("no threads", ["--jobs", "0", rotated / "kern.log"], "--jobs"),
            ("an output folder that is not there", [rotated / "kern.log", "-o", folder / "none" / "a.json"], "none"),
        ):
            refused = analyze(*arguments)
            check(f"{what} is refused", refused.returncode == 2 and words in refused.stderr.decode(), f"{refused.returncode} {refused.stderr.decode()}")
            check(f"{what}: nothing on standard output", refused.stdout == b"")
        journal = folder / "x.journal"
        journal.write_bytes(b"LPKSHHRH" + bytes(200))
        refused = subprocess.run([OOMLAB, "analyze", str(journal)], capture_output=True, timeout=60, env={**os.environ, "PATH": "/nonexistent"})
        check("a journal without journalctl says the way out", refused.returncode == 2 and b"journalctl" in refused.stderr, refused.stderr.decode())
    if FAILURES:
        sys.exit(f"{len(FAILURES)} failed: {', '.join(FAILURES)}")


main()
