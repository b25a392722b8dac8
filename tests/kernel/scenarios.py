#!/usr/bin/env python3
"""All scenarios of the library on a real kernel: each is met, and each of its expectations is not met once it is broken.

usage: scenarios.py OOMLAB KERNEL [NAME...]     the whole library, or only these

The guests run once; broken expectations are held against what was recorded (`oomlab scenario judge`), and a few in guests of their own. Exit 0 passed,
1 failed, 77 skipped (no QEMU or no such kernel). With OOMLAB_REQUIRE_KERNEL=1 a skip is a failure.
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(0, os.path.join(HERE, "..", "support"))
import scenario_json  # noqa: E402
from cases import Lab, skip  # noqa: E402

FAILURES = []


def check(condition, words):
    if not condition:
        FAILURES.append(words)
        print(f"FAILED: {words}")


def light(result):
    """The result without what no expectation looks at, so that many copies stay small."""
    findings = dict(result["findings"])
    findings["groups"] = [dict(group, timeline=None) for group in findings["groups"]]
    return dict(result, findings=findings)


def judge(lab, results):
    """Judges results (with changed definitions) again; the judged ones."""
    path, output = lab.path("changed.json"), lab.path("judged.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({"schema": "oomlab.scenario-result/1", "tool": {"name": "oomlab", "version": "0"}, "results": results}, file)
    run = lab.call("scenario", "judge", path, "-o", output)
    check(run.returncode in (0, 1), f"judge: exit {run.returncode}\n{run.stderr}")
    with open(output, encoding="utf-8") as file:
        return json.load(file)["results"]


def met(result, path):
    return [each["met"] for each in result["expectations"] if each["path"] == path]


def break_each(lab, result):
    """Every expectation that can be broken is not met then, and no other changes."""
    name, definition = result["scenario"], result["definition"]
    seen = {each["path"]: each["seen"] for each in result["expectations"]}
    # A kernel without a counter meets what is optional, whatever the numbers are.
    changes = [(path, changed) for path, changed in scenario_json.broken(definition) if "no such counter" not in seen[path]]
    check(len(changes) > 0, f"{name}: nothing of it can be broken")
    small = light(result)
    for (path, _), judged in zip(changes, judge(lab, [dict(small, definition=changed) for _, changed in changes])):
        check(met(judged, path) == [False], f"{name}: {path} is met although it is broken")
        others = [each["path"] for each in judged["expectations"] if not each["met"] and each["path"] != path]
        check(others == [], f"{name}: with {path} broken, {others} changed")
    return len(changes)


def turn_each(lab, result):
    """What is met is not met when it must not be, and the other way round."""
    name, definition = result["scenario"], result["definition"]
    judged = judge(lab, [dict(light(result), definition=scenario_json.negated(definition))])[0]
    for each in judged["expectations"]:
        check(not each["met"] or each["path"] in ("end", "kernel"), f"{name}: {each['path']} is met in both directions")
    opposite = scenario_json.positive(definition)
    if opposite:
        judged = judge(lab, [dict(light(result), definition=opposite)])[0]
        for each in judged["expectations"]:
            check(not each["met"] or each["path"] in ("end", "kernel"), f"{name}: {each['path']} is met, and must not be")


def validate(lab, path):
    """The results and all that is in them, by somebody else's validator."""
    try:
        import jsonschema
        validator_of = jsonschema.Draft202012Validator
    except (ImportError, AttributeError):
        check(os.environ.get("OOMLAB_REQUIRE_TOOLS") != "1", "the Python module jsonschema (4.0 or newer) is missing")
        return
    schemas = {}
    for name in ("scenario-1", "scenario-result-1", "postmortem-1"):
        with open(os.path.join(HERE, "..", "..", "docs", "schema", f"{name}.json"), encoding="utf-8") as file:
            schemas[name] = validator_of(json.load(file))
    with open(path, encoding="utf-8") as file:
        document = json.load(file)

    def errors(schema, what, value):
        for error in list(schemas[schema].iter_errors(value))[:3]:
            check(False, f"{what}: {'.'.join(map(str, error.absolute_path))}: {error.message[:200]}")
    errors("scenario-result-1", "results", document)
    for result in document["results"]:
        errors("scenario-1", f"{result['scenario']}, definition", result["definition"])
        errors("postmortem-1", f"{result['scenario']}, post-mortem", result["findings"]["postmortem"])


def run_library(lab, names):
    output, junit = lab.path("results.json"), lab.path("junit.xml")
    started = time.monotonic()
    run = lab.call("scenario", "run", *names, "--kernel", lab.kernel, "-o", output, "-o", junit, "-o", "-", timeout=3000)
    print(run.stdout)
    print(f"{time.monotonic() - started:.0f} s")
    with open(output, encoding="utf-8") as file:
        results = json.load(file)["results"]
    for result in results:
        check(result["outcome"] == "met", f"{result['scenario']}: {result['outcome']} {result['findings']['reason'] or ''}")
    check(run.returncode == 0, f"exit {run.returncode}\n{run.stderr}")
    cases = xml.etree.ElementTree.parse(junit).getroot().findall(".//testcase")
    check([case.get("name") for case in cases] == [result["scenario"] for result in results], "a test case for each scenario")
    check({case.get("classname") for case in cases} == {f"oomlab.scenario.{lab.kernel}"}, "the kernel is in the test cases' class")
    validate(lab, output)
    return results


def broken_in_a_guest(lab, definition, change, status, words):
    """A file of one's own with a change, run for real."""
    path = lab.path("mine.json")
    changed = json.loads(json.dumps(definition))
    change(changed)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(changed, file)
    run = lab.call("scenario", "run", path, "--kernel", lab.kernel)
    check(run.returncode == status and words in run.stdout, f"{words}: exit {run.returncode}, expected {status}\n{run.stdout}{run.stderr}")


def files_of_ones_own(lab, definition):
    def set_expect(**expect):
        return lambda scenario: scenario.update(expect=expect)

    broken_in_a_guest(lab, definition, set_expect(verdict="completed"), 1, "expect.verdict: expected completed; seen: oom_killed")
    broken_in_a_guest(lab, definition, set_expect(groups={"box": {"memory.events:oom_kill": 2}}), 1, "memory.events:oom_kill: expected 2; seen: 1")
    broken_in_a_guest(lab, definition, lambda scenario: scenario.update(end="never", timeout="2s", expect={"victims": ["eater"]}), 1,
                      "end: expected it comes to its end; seen: timed_out")
    broken_in_a_guest(lab, definition, lambda scenario: scenario.update(needs={"files": ["memory.no.such.file"]}), 3, "skipped")
    broken_in_a_guest(lab, definition, lambda scenario: scenario.update(tasks=[{"name": "eater", "command": ["no-such-command"]}]), 1, "not found")
    broken_in_a_guest(lab, definition, lambda scenario: scenario.update(
        tasks=[{"name": "eater", "command": ["sh", "-c", "tail /dev/zero; exit 3"]}],
        expect={"victims": ["eater"], "exits": {"eater": 3}, "survivors": ["eater"]}), 0, "met")


def interrupted(lab):
    """Ctrl-C in the middle: no guest and no folder is left, and the status says so."""
    before = set(os.listdir(tempfile.gettempdir()))
    process = subprocess.Popen([lab.oomlab, "scenario", "run", "all", "--kernel", lab.kernel], stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def descendants(pid):
        found, listing = [pid], subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True).stdout
        pairs = [tuple(map(int, line.split())) for line in listing.splitlines()]
        for parent in found:
            found += [child for child, above in pairs if above == parent]
        return found[1:]
    deadline = time.monotonic() + 120
    while len(descendants(process.pid)) < 4 and time.monotonic() < deadline:  # two workers, each with its machine
        time.sleep(0.05)
    below = descendants(process.pid)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=300)
    check(process.returncode == 130, f"interrupted: exit {process.returncode}")
    deadline = time.monotonic() + 60
    left = [pid for pid in below if os.path.exists(f"/proc/{pid}")]
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = [pid for pid in below if os.path.exists(f"/proc/{pid}")]
    check(left == [], f"interrupted: processes are left: {left}")
    names = {name for name in os.listdir(tempfile.gettempdir()) if name.startswith("oomlab-scenario")} - before
    check(names == set(), f"interrupted: folders are left: {names}")


def main():
    oomlab, kernel, *names = sys.argv[1:]
    lab = Lab(oomlab, kernel)
    probe = lab.call("vm", "exec", "--kernel", kernel, "--", "true")
    if probe.returncode == 3:
        return skip(f"no micro-VM with kernel {kernel}: {probe.stderr.strip()}")
    results = run_library(lab, names or ["all"])
    broken = 0
    for result in results:
        if result["outcome"] == "met":
            broken += break_each(lab, result)
            turn_each(lab, result)
    if not names:
        files_of_ones_own(lab, next(result["definition"] for result in results if result["scenario"] == "oom-events"))
        interrupted(lab)
    print(f"{len(results)} scenarios, {broken} expectations broken on purpose, {len(FAILURES)} failures")
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
