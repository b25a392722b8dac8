#!/usr/bin/env python3
"""`oomlab report` as a user calls it: kept post-mortems in every format, several as one, and what it says to other files.

usage: report.py OOMLAB GOLDEN_FOLDER
"""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

OOMLAB = os.path.abspath(sys.argv[1])
GOLDEN = os.path.abspath(sys.argv[2])
FORMATS = {"text": ".txt", "json": ".json", "ndjson": ".ndjson", "html": ".html", "markdown": ".md", "junit": ".xml"}
FAILURES = []


def check(name, condition, detail=""):
    if not condition:
        FAILURES.append(name)
        print(f"{name}: {detail}")


def run(*words, text="", **variables):
    environment = {**{key: value for key, value in os.environ.items() if key != "GITHUB_STEP_SUMMARY"}, **variables}
    return subprocess.run([OOMLAB, "report", *words], input=text, capture_output=True, text=True, timeout=60, cwd=SCRATCH, env=environment)


def golden(name):
    return os.path.join(GOLDEN, f"{name}.json")


def junit(name, text, document):
    """What every consumer of JUnit XML reads: suites, cases, failures and their numbers."""
    root = ET.fromstring(text)
    check(name, root.tag == "testsuites", root.tag)
    cases = root.findall("./testsuite/testcase")
    failures = root.findall("./testsuite/testcase/failure")
    wanted = 1 if document["run"] else max(len(document["incidents"]), 1)
    check(name, len(cases) >= wanted, f"{len(cases)} cases")
    check(name, int(root.get("tests")) == len(cases) and int(root.get("failures")) == len(failures), ET.tostring(root)[:200])
    for suite in root.findall("testsuite"):
        own = suite.findall("testcase")
        check(name, int(suite.get("tests")) == len(own), suite.attrib)
        check(name, int(suite.get("failures")) == len(suite.findall("testcase/failure")), suite.attrib)
        check(name, len({(case.get("classname"), case.get("name")) for case in own}) == len(own), "two cases of one name")
    for case in cases:
        check(name, case.get("name") and case.get("classname") and float(case.get("time")) >= 0, case.attrib)
    if not document["run"] and any(incident["kind"] == "oom_kill" for incident in document["incidents"]):
        check(name, "oom" in {failure.get("type") for failure in failures}, "no failure of type oom")


def readme():
    """The post-mortem that README.md shows is what the text renderer makes of the run that is kept for it."""
    root = os.path.join(GOLDEN, "..", "..")
    with open(os.path.join(root, "README.md"), encoding="utf-8") as file:
        shown = file.read().partition("<!-- post-mortem:begin")[2].partition("<!-- post-mortem:end")[0].partition("```\n")[2].rpartition("```\n")[0]
    made = run(os.path.join(root, "tests/fixtures/readme.json")).stdout
    check("readme", shown and shown == made, f"README.md has another one than this:\n{made}")


def every_format():
    for path in sorted(glob.glob(os.path.join(GOLDEN, "*.json"))):
        name = os.path.basename(path)
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        outputs = [os.path.join(SCRATCH, name + ending) for ending in FORMATS.values()]
        result = run(path, *[word for output in outputs for word in ("-o", output)])
        check(name, result.returncode == 0 and result.stdout == "", result.stderr)
        for (format_name, ending), output in zip(FORMATS.items(), outputs):
            with open(output, encoding="utf-8") as file:
                written = file.read()
            printed = run(path, "--format", format_name)
            check(f"{name} {format_name}", printed.stdout == written, "standard output is not what the file is")
        with open(os.path.join(SCRATCH, name + ".xml"), encoding="utf-8") as file:
            junit(name, file.read(), document)
        with open(os.path.join(SCRATCH, name + ".json"), encoding="utf-8") as file:
            check(name, json.load(file) == document, "JSON changed on its way")
        commands = run(path, "--format", "github").stdout
        check(name, all(re.match(r"::(error|warning|notice) title=[^:,]+::.", line) for line in commands.splitlines()), commands)


def several_files():
    result = run(golden("several"), golden("docker_6mib"), "--format", "json")
    merged = json.loads(result.stdout)
    check("merged", len(merged["incidents"]) == 4 and len(merged["inputs"]) == 1, result.stderr)
    lines = run(golden("several"), "--format", "ndjson").stdout
    check("ndjson", run("-", "--format", "json", text=lines).stdout == run(golden("several"), "--format", "json").stdout, lines[:200])
    refused("a run and more", [golden("stress_anon"), golden("several")], "stands alone")


def refused(name, words, message, text=""):
    result = run(*words, text=text)
    first = result.stderr.splitlines()[0] if result.stderr else ""
    check(name, result.returncode == 2 and message in first and result.stdout == "", f"exit {result.returncode}: {result.stderr}")


def other_files():
    with open(golden("full"), encoding="utf-8") as file:
        whole = file.read()
    refused("nothing", [], "no post-mortem given")
    refused("missing", ["/nonexistent.json"], "/nonexistent.json: No such file or directory")
    refused("cut", ["-"], "standard input: not JSON", whole[:-100])
    refused("foreign", ["-"], 'schema: expected "oomlab.postmortem/1", which is missing', '{"name": "x"}')
    refused("later major version", ["-"], "got \"oomlab.postmortem/2\"", whole.replace("postmortem/1", "postmortem/2"))
    refused("wrong type", ["-"], "incidents: expected a list, got 5", '{"schema": "oomlab.postmortem/1", "incidents": 5}')
    log = run("-", text="[    1.0] a.out invoked oom-killer: order=0\n")
    check("log", "oomlab analyze" in log.stderr, log.stderr)


def job_summary():
    path = os.path.join(SCRATCH, "summary.md")
    result = run(golden("docker_6mib"), "--format", "github", GITHUB_STEP_SUMMARY=path)
    with open(path, encoding="utf-8") as file:
        summary = file.read()
    check("job summary", result.stdout.startswith("::error title=OOM kill::") and summary.startswith("### OOM kill\n"), summary[:100])
    check("job summary", summary.strip() == run(golden("docker_6mib"), "--format", "markdown").stdout.strip(), "not the Markdown")


with tempfile.TemporaryDirectory() as SCRATCH:
    every_format()
    readme()
    several_files()
    other_files()
    job_summary()
print(f"{len(FAILURES)} failures")
sys.exit(1 if FAILURES else 0)
