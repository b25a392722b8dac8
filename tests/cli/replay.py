#!/usr/bin/env python3
"""`oomlab replay` as far as it goes without a machine: the scenario that it prints, and what it refuses.

usage: replay.py OOMLAB FOLDER_OF_LOGS
"""
import json
import os
import subprocess
import sys
import tempfile

OOMLAB, LOGS = sys.argv[1:]
FAILURES = []


def log(name):
    return os.path.join(LOGS, "6.12", name)


def call(*words, stdin=b""):
    return subprocess.run([OOMLAB, "replay", *words], input=stdin, capture_output=True, timeout=60, check=False)


def check(condition, words):
    if not condition:
        FAILURES.append(words)
        print(f"FAILED: {words}")


def refused(words, *expected):
    result = call(*words)
    said = result.stderr.decode()
    check(result.returncode == 2 and all(word in said for word in expected) and result.stdout == b"",
          f"{words}: exit {result.returncode}, said {said!r}, expected {expected}")


def understood(text, words):
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        file.write(text)
        file.flush()
        result = subprocess.run([OOMLAB, "scenario", "check", file.name], capture_output=True, timeout=60, check=False)
        check(result.returncode == 0, f"{words}: {result.stderr.decode()}")


def main():
    printed = call(log("nested.kmsg"), "--dry-run")
    check(printed.returncode == 0, f"--dry-run: {printed}")
    understood(printed.stdout, "nested.kmsg")
    scenario = json.loads(printed.stdout)
    check(list(scenario["groups"]) == ["limit", "limit/inner"], f"groups: {scenario['groups']}")
    with open(log("nested.kmsg"), "rb") as file:
        check(call("-", "--dry-run", stdin=file.read()).stdout == printed.stdout, "standard input is another scenario")
    fourth = json.loads(call(log("crash-loop.kmsg"), "--dry-run", "--incident", "4").stdout)
    check(fourth["tasks"][0]["name"] == "tail 130", f"--incident 4: {fourth['tasks']}")
    quarter = json.loads(call(log("nested.kmsg"), "--dry-run", "--scale", "25%").stdout)
    check(quarter["groups"]["limit"]["memory.max"] == 8 << 20, f"--scale 25%: {quarter['groups']}")
    hostile = call(log("names-each.kmsg"), "--dry-run", "--incident", "5")
    check(b"\x1b" not in hostile.stdout, "an escape of a process's name is printed")
    with open(log("nested.kmsg"), "rb") as file:
        steering = call("-", "--dry-run", stdin=file.read().replace(b"tail", b"t\xc2\x9bl"))
    check(steering.returncode == 0 and b"\xc2\x9b" not in steering.stdout, f"a C1 control of a process's name is printed: {steering}")
    understood(hostile.stdout, "names-each.kmsg")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "kept.json")
        check(call(log("nested.kmsg"), "--dry-run", "--save", path).returncode == 0, "--save")
        with open(path, "rb") as file:
            check(file.read() == printed.stdout, "what is saved is not what is printed")

    refused([], "no log given")
    refused([log("nested.kmsg"), log("memcg.kmsg")], "one log at a time")
    refused(["/nowhere/kern.log"], "/nowhere/kern.log")
    refused([log("nested.kmsg"), "--incident", "2"], "1 OOM kill", "number 2 was asked for")
    refused([log("allocation-failure.kmsg")], "no OOM kill")
    refused([log("no-task-dump.kmsg")], "lists no tasks", "way out", "--incident")
    refused([log("nested.kmsg"), "--scale", "12"], "'12'", "1% to 100%")
    refused([log("nested.kmsg"), "--scale", "0%"], "'0%'")
    refused([log("nested.kmsg"), "--scale", "101%"], "'101%'")
    refused([log("nested.kmsg"), "-o", "again.docx"], "docx")
    refused([log("nested.kmsg"), "--save", "/nowhere/mine.json", "--dry-run"], "/nowhere/mine.json")
    print(f"{len(FAILURES)} failures")
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
