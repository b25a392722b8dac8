#!/usr/bin/env python3
"""Checks post-mortems against the published JSON Schema with a validator that is not ours (python3-jsonschema).

usage: validate.py OOMLAB SCHEMA FILE.json...
Each FILE is checked as it is and as OOMLAB renders it again (json and ndjson). The schema is checked too: it must be what `oomlab schema` prints, and refuse
documents that break the contract. Exit 77 (skipped) where the module is missing or knows no draft 2020-12, 1 there with OOMLAB_REQUIRE_TOOLS=1.
"""
import copy
import json
import os
import subprocess
import sys


def unavailable(why):
    print(f"skipped: {why}; install python3-jsonschema 4.0 or newer (Debian 12, Ubuntu 24.04)")
    sys.exit(1 if os.environ.get("OOMLAB_REQUIRE_TOOLS") == "1" else 77)


try:
    import jsonschema
except ImportError:
    unavailable("the Python module jsonschema is missing")
if not hasattr(jsonschema, "Draft202012Validator"):
    unavailable("the Python module jsonschema is too old for draft 2020-12")


def broken(document):
    """Copies of a valid document, each with one thing that the contract forbids."""
    def change(name, edit):
        copied = copy.deepcopy(document)
        edit(copied)
        return name, copied

    yield change("another schema", lambda d: d.update(schema="oomlab.postmortem/2"))
    yield change("a member left out", lambda d: d.pop("run"))
    yield change("an unknown member", lambda d: d.update(extra=1))
    if document["incidents"]:
        yield change("an unknown kind", lambda d: d["incidents"][0].update(kind="oops"))
        yield change("a share above 1", lambda d: d["incidents"][0]["analysis"].update(
            breakdown=[{"part": "anon", "bytes": 1, "share": 1.5}]))
        yield change("a size that is no number", lambda d: d["incidents"][0]["log"].update(first_line="1"))
        yield change("a negative size", lambda d: d["incidents"][0].update(
            cgroup={"oom_memcg": None, "task_memcg": None, "hierarchy": 2, "memory": None, "swap": None, "memsw": None, "kmem": None,
                    "stat": {"anon": -1}, "owner": None}))
    if document["run"]:
        yield change("a short timeline row", lambda d: d["run"]["timeline"].update(rows=[[0.0, 1]]))
        yield change("an unknown verdict", lambda d: d["run"]["outcome"].update(verdict="fine"))


def main():
    tool, schema_path, *files = sys.argv[1:]
    with open(schema_path, encoding="utf-8") as file:
        text = file.read()
    failures = []
    printed = subprocess.run([tool, "schema"], capture_output=True, check=True, timeout=60).stdout.decode()
    if printed != text:
        failures.append("`oomlab schema` does not print the file")
    schema = json.loads(text)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)

    def check(name, document):
        for error in list(validator.iter_errors(document))[:5]:
            failures.append(f"{name}: {'.'.join(map(str, error.absolute_path))}: {error.message[:200]}")

    refused = 0
    for path in files:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        check(path, document)
        for form in ("json", "ndjson"):
            output = subprocess.run([tool, "report", path, "--format", form], capture_output=True, check=True, timeout=60).stdout.decode()
            parts = output.splitlines() if form == "ndjson" else [output]
            for part in parts:
                check(f"{path} as {form}", json.loads(part))
        for what, changed in broken(document):
            refused += 1
            if validator.is_valid(changed):
                failures.append(f"{path}: the schema accepts {what}")
    print("\n".join(failures))
    print(f"{len(files)} documents, {refused} broken copies, {len(failures)} failures")
    return 1 if failures or not files else 0


if __name__ == "__main__":
    sys.exit(main())
