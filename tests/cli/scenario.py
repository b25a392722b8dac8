#!/usr/bin/env python3
"""`oomlab scenario` as a user calls it, without a machine to run anything on: the library, the format and its schema, kept results, refusals.

usage: scenario.py OOMLAB SOURCE_FOLDER
"""
import copy
import glob
import json
import os
import re
import subprocess
import sys
import tempfile

OOMLAB, SOURCE = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
sys.path.insert(0, os.path.join(SOURCE, "tests", "support"))
import scenario_json  # noqa: E402

FAILURES = []
SCRATCH = tempfile.mkdtemp(prefix="oomlab-cli-scenario-")


def run(*words):
    return subprocess.run([OOMLAB, "scenario", *words], capture_output=True, text=True, errors="replace", timeout=120, cwd=SCRATCH)


def check(name, condition, detail=""):
    if not condition:
        FAILURES.append(name)
        print(f"{name}: {detail}")


def write(name, content):
    path = os.path.join(SCRATCH, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(content if isinstance(content, str) else json.dumps(content))
    return path


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def library():
    """What the folder holds is what the program lists, shows, and accepts again."""
    files = {os.path.basename(path)[:-5]: read(path) for path in sorted(glob.glob(os.path.join(SOURCE, "scenarios", "*.json")))}
    listed = [line.split()[0] for line in run("list").stdout.splitlines() if line and line[0] != " "]
    check("list", sorted(listed) == sorted(files), f"{set(listed) ^ set(files)}")
    checked = run("check", *files)
    check("check", checked.returncode == 0 and len(checked.stdout.splitlines()) == len(files), checked.stderr)
    for name, text in files.items():
        shown = run("show", name)
        check(f"show {name}", shown.returncode == 0 and shown.stdout.endswith(text), shown.stderr)
        check(f"show {name}, a file again", scenario_json.load(shown.stdout) == scenario_json.load(text))
        check(f"show {name}, what it teaches", shown.stdout.startswith("// What it teaches\n// "))
    document = read(os.path.join(SOURCE, "docs", "scenarios.md")).partition("## What the library covers")[2]
    named = set(re.findall(r"`([a-z0-9-]+)`", document))
    check("docs/scenarios.md names every scenario", set(files) <= named, f"not there: {sorted(set(files) - named)}")
    check("docs/scenarios.md names no other", named <= set(files), f"no such: {sorted(named - set(files))}")
    mine = write("mine.json", run("show", "sibling-victim").stdout)
    check("a shown file", run("check", mine).stdout == f"{mine}: 3 groups, 2 tasks, 9 expectations\n", run("check", mine).stdout)
    return {name: scenario_json.load(text) for name, text in files.items()}


def schema(scenarios):
    """The published schema accepts what the program accepts, and refuses what it refuses."""
    path = os.path.join(SOURCE, "docs", "schema", "scenario-1.json")
    check("schema", run("schema").stdout == read(path), "`scenario schema` does not print the file")
    try:
        import jsonschema
        validator = jsonschema.Draft202012Validator(json.loads(read(path)))
    except (ImportError, AttributeError):
        check("jsonschema", os.environ.get("OOMLAB_REQUIRE_TOOLS") != "1", "the Python module jsonschema (4.0 or newer) is missing")
        return
    validator.check_schema(validator.schema)
    for name, scenario in scenarios.items():
        for error in list(validator.iter_errors(scenario))[:3]:
            check(f"schema of {name}", False, f"{'.'.join(map(str, error.absolute_path))}: {error.message[:200]}")

    def changed(edit):
        scenario = copy.deepcopy(scenarios["victim-choice"])
        edit(scenario)
        return scenario
    refused = {
        "a member left out": lambda s: s.pop("expect"),
        "an unknown member": lambda s: s.update(expects={}),
        "no group": lambda s: s.update(groups={}),
        "a path that climbs": lambda s: s.update(groups={"../x": {}}),
        "an unknown limit": lambda s: s["groups"]["box"].update({"memory.maximum": 1}),
        "a size that is none": lambda s: s["groups"]["box"].update({"memory.max": "64Q"}),
        "no task": lambda s: s.update(tasks=[]),
        "neither workload nor command": lambda s: s["tasks"][0].pop("workload"),
        "both": lambda s: s["tasks"][0].update(command=["true"]),
        "a score out of range": lambda s: s["tasks"][0].update(oom_score_adj=2000),
        "copies without number": lambda s: s["tasks"][0].update(count=0),
        "a condition that is none": lambda s: s.update(end="some_kill"),
        "a condition of two kinds": lambda s: s.update(end={"exited": "large", "after": "1s"}),
        "a level without a bound": lambda s: s.update(end={"group": "box", "counter": "memory.current"}),
        "a counter that is none": lambda s: s.update(end={"group": "box", "counter": "memory.level", "at_least": 1}),
        "half of a bound": lambda s: s["expect"].update(reports={"about": 1}),
        "nothing expected": lambda s: s.update(expect={}),
        "an unknown expectation": lambda s: s["expect"].update(victim=["large"]),
        "a wrong type": lambda s: s["expect"].update(victims="large"),
        "not in not": lambda s: s["expect"].update({"not": {"not": {}}}),
        "an action of two kinds": lambda s: s.update(actions=[{"name": "a", "group": "box", "when": "never", "move": "large",
                                                               "write": "memory.max", "value": 1}]),
        "a file that cannot be written": lambda s: s.update(actions=[{"name": "a", "group": "box", "when": "never",
                                                                      "write": "memory.current", "value": 1}]),
        "a time-out that is none": lambda s: s.update(timeout="soon"),
    }
    for what, edit in refused.items():
        scenario = changed(edit)
        check(f"schema: {what}", not validator.is_valid(scenario), "the schema accepts it")
        result = run("check", write("changed.json", scenario))
        check(f"check: {what}", result.returncode == 2 and result.stderr.startswith("oomlab: "), f"exit {result.returncode} {result.stdout}{result.stderr}")
    accepted = {
        "every kind of condition": lambda s: s.update(end={"all": [
            {"any": ["first_kill", "all_exited", "never", "at_once"]}, {"after": "1s"}, {"started": "large", "delay": "1ms"}, {"exited": "large"},
            {"task": "large", "notes": "end"}, {"group": "box", "counter": "memory.pressure:full.total", "at_most": "5ms"},
            {"group": "box", "counter": "memory.current+memory.swap.current", "about": "1M", "within": "5%", "optional": True}], "delay": "2s"}),
        "every limit": lambda s: s["groups"]["box"].update({
            "memory.min": 0, "memory.low": "1K", "memory.high": "max", "memory.swap.high": "max", "memory.zswap.max": "max", "memory.oom.group": 1,
            "pids.max": "max", "cpu.max": "50000 100000", "cpu.weight": 50, "cpuset.cpus": "0", "cpuset.mems": 0, "cgroup.freeze": False,
            "cgroup.max.descendants": 5}),
        "resources, signals and stop": lambda s: s["tasks"][0].update(
            resources={"as": "1G", "nofile": 64, "core": "unlimited"}, signals=[{"send": "USR1", "when": "never"}, {"send": 15, "when": "at_once"}],
            stop={"after": "9s"}),
        "actions": lambda s: s.update(actions=[{"name": "a b", "group": "box", "when": {"after": "1s"}, "write": "cgroup.kill", "value": True},
                                               {"name": "c", "group": "box", "when": {"done": "a b"}, "move": "large"}]),
        "needs": lambda s: s.update(needs={"vm": True, "memory": "1G", "swap": 4096, "disk": "1.5G", "sysctls": {"vm.swappiness": 5}, "files": "memory.peak"}),
    }
    for what, edit in accepted.items():
        scenario = changed(edit)
        errors = [error.message for error in validator.iter_errors(scenario)]
        check(f"schema: {what}", errors == [], errors[:2])
        result = run("check", write("changed.json", scenario))
        check(f"check: {what}", result.returncode == 0, result.stderr)


def kept_results():
    """Recorded findings judged again: as they were met, and with each expectation broken."""
    files = sorted(glob.glob(os.path.join(SOURCE, "tests", "fixtures", "scenarios", "*.json")))
    check("kept results", len(files) > 0, "none in tests/fixtures/scenarios")
    broken = 0
    for path in files:
        judged = run("judge", path, "--all")
        check(f"judge {path}", judged.returncode == 0 and "NOT MET" not in judged.stdout, judged.stdout + judged.stderr)
        document = json.loads(read(path))
        for result in document["results"]:
            changes = list(scenario_json.broken(result["definition"]))
            copies = [dict(result, definition=changed) for _, changed in changes]
            output = os.path.join(SCRATCH, "judged.json")
            again = run("judge", write("broken.json", dict(document, results=copies)), "-o", output)
            check(f"judge {path}, broken", again.returncode == 1, f"exit {again.returncode} {again.stderr}")
            for (where, _), judgement in zip(changes, json.loads(read(output))["results"]):
                broken += 1
                unmet = [each["path"] for each in judgement["expectations"] if not each["met"]]
                check(f"{result['scenario']}: {where}", unmet == [where], f"not met: {unmet}")
    # Other expectations than those it was run with, from a file.
    mine = scenario_json.load(read(os.path.join(SOURCE, "scenarios", "oom-events.json")))
    mine["expect"] = {"verdict": "completed"}
    path = next(path for path in files if "oom-events" in path)
    other = run("judge", path, write("mine.json", mine))
    check("judge with a file", other.returncode == 1 and "expected completed; seen: oom_killed" in other.stdout, other.stdout)
    print(f"{broken} expectations broken on purpose")


MINE = """{
  "name": "mine", "about": "a", "teaches": "t",
  "groups": {
    "pod": {"memory.max": "64M"},
    "pod/a": {}
  },
  "tasks": [
    {"name": "eater", "group": "pod/a", "workload": "anon"},
    {"name": "sleeper", "group": "pod/a", "command": ["sleep", "1"]}
  ],
  "expect": {
    "verdict": "oom_killed"
  }
}
"""


def slips():
    """A mistake in a file is told with its line, what is wrong, and the way out."""
    rows = (
        ("a name twice", '"pod/a": {}', '"pod/a": {},\n    "pod": {}', 6, "'pod' stands twice", "take one of them out"),
        ("swap without swap", '"pod/a": {}', '"pod/a": {"memory.swap.max": "8M"}', 5, "needs.swap names none", '"needs": {"swap"'),
        ("an unknown workload", '"anon"', '"anonn"', 8, "'anonn' is not a workload", "did you mean anon?"),
        ("a command as a text", '["sleep", "1"]', '"sleep 1"', 9, "expected a list", '["sleep", "1"]'),
        ("an empty command", '["sleep", "1"]', "[]", 9, "the list is empty", ""),
        ("a group with groups below", '"group": "pod/a", "workload"', '"group": "pod", "workload"', 8, "has groups below", "pod/a"),
        ("a task that waits for itself", '"workload": "anon"', '"workload": "anon", "start": {"exited": "eater"}', 8, "wait for itself", "another task"),
        ("a command that should note", '"workload": "anon"', '"workload": "anon", "start": {"task": "sleeper", "notes": "end"}', 8, "notes nothing", "level"),
        ("nothing expected", '"verdict": "oom_killed"', "", 11, "nothing is expected", ""),
        ("no expectation", ',\n  "expect": {\n    "verdict": "oom_killed"\n  }', "", 1, "'expect' is missing", "oomlab scenario show"),
        ("an unknown counter", '"verdict": "oom_killed"', '"groups": {"pod": {"memory.events:oomkill": 1}}', 12, "no counter 'oomkill'", "memory.events:oom_kill?"),
        ("an unknown part", '"verdict": "oom_killed"', '"dominant": "annon"', 12, "'annon' is not a part", "did you mean anon?"),
        ("a rule by its other name", '"verdict": "oom_killed"', '"diagnosis": "limit-reached"', 12, "'limit-reached'", "did you mean limit_reached?"),
        ("a mark that is not there", '"verdict": "oom_killed"', '"marks": {"full": {}}', 12, "'full' is not a mark", "there is none in this file"),
        ("half of a tolerance", '"verdict": "oom_killed"', '"groups": {"pod": {"memory.peak": {"about": "1M"}}}', 12, "'within' go together", ""),
        ("a comma too many", '"sleep", "1"]}', '"sleep", "1"]},', 10, "syntax error", ""),
    )
    for name, old, new, line, message, remedy in rows:
        check(f"{name}: the row changes something", old in MINE, old)
        path = write("slip.json", MINE.replace(old, new, 1))
        result = run("check", path)
        place = f"oomlab: {path}:{line}:"
        check(f"slip: {name}", result.returncode == 2 and result.stderr.startswith(place) and message in result.stderr and remedy in result.stderr
              and ("way out: " in result.stderr) == (remedy != ""), f"exit {result.returncode}, expected {place} ... {message} ... {remedy}\n{result.stderr}")
    check("without a slip", run("check", write("slip.json", MINE)).returncode == 0)


def outputs():
    """The table is on standard output whatever files there are, unless --quiet is given."""
    kept = sorted(glob.glob(os.path.join(SOURCE, "tests", "fixtures", "scenarios", "*.json")))[0]
    path = os.path.join(SCRATCH, "again.xml")
    check("a file and the table", run("judge", kept, "-o", path).stdout.startswith("SCENARIO"), run("judge", kept, "-o", path).stdout)
    check("a file and nothing", run("judge", kept, "-o", path, "--quiet").stdout == "")
    check("standard output once", run("judge", kept, "-o", "-", "-o", path).stdout.count("SCENARIO") == 1)


def refusals():
    rows = (
        ("no verb", (), 2, "expected run, list, show, check, judge or schema"),
        ("verb", ("rum",), 2, "did you mean run?"),
        ("no name", ("run",), 2, "expected a name of the library or a file"),
        ("name", ("run", "victim-choise"), 2, "did you mean victim-choice?"),
        ("far name", ("run", "frobnicate"), 2, "oomlab scenario list"),
        ("file", ("run", "./nothing.json"), 2, "nothing.json"),
        ("folder", ("run", "./"), 2, "./"),
        ("too many words", ("list", "all"), 2, "unexpected 'all'"),
        ("two to show", ("show", "oom-events", "unkillable"), 2, "one scenario at a time"),
        ("option", ("run", "all", "--kernal", "6.1"), 2, "did you mean --kernel?"),
        ("jobs", ("run", "all", "--jobs", "0"), 2, "--jobs"),
        ("ending", ("run", "all", "-o", "x.html"), 2, ".json .xml .txt"),
        ("target", ("run", "all", "-o", "/no/such/folder/x.json"), 2, "-o"),
        ("kernel of the host", ("run", "all", "--backend", "host", "--kernel", "6.1"), 2, "micro-VM"),
        ("no result", ("judge", os.path.join(SOURCE, "scenarios", "oom-events.json")), 2, "expected a result"),
        ("missing result", ("judge", "nothing.json"), 2, "nothing.json"),
        ("hostile result", ("judge", write("hostile.json", {"schema": "oomlab.scenario-result/1", "results": [{"kernel": "x", "definition": {}, "findings": []}]})),
         2, "expected a JSON object"),
    )
    for name, words, status, message in rows:
        result = run(*words)
        check(name, result.returncode == status and message in result.stderr, f"exit {result.returncode}, expected {status}\n{result.stdout}{result.stderr}")
        check(f"{name}: nothing on standard output", result.stdout == "", result.stdout)


def main():
    scenarios = library()
    schema(scenarios)
    kept_results()
    slips()
    outputs()
    refusals()
    print(f"{len(FAILURES)} failures")
    return 1 if FAILURES else 0


if __name__ == "__main__":
    sys.exit(main())
