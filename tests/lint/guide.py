"""What docs/reading-an-oom-report.md quotes stands in the reports that it names, word for word: `guide.py ROOT`."""

import os
import re

import tree

GUIDE = "docs/reading-an-oom-report.md"
# What is no quotation: commands and formulas.
OWN = ("oomlab ", "points = ")


def messages(root, path):
    """The kernel's lines of a /dev/kmsg fixture, records of several lines taken apart."""
    found = set()
    for _, line in tree.lines(root, path):
        record = re.match(r"\d+,\d+,\d+,[^;]*;(.*)", line)
        if record:
            found.update(record[1].split("\\x0a"))
    return found


def check(root):
    text = tree.lines(root, GUIDE)
    quoted = set()
    for name in sorted(set(re.findall(r"tests/fixtures/logs/[\w./-]+\.kmsg", "\n".join(line for _, line in text)))):
        if not os.path.exists(os.path.join(root, name)):
            return [f"{GUIDE}:1: {name} does not exist"]
        quoted |= messages(root, name)
    findings = []
    fenced = False
    for number, line in text:
        if line.startswith("```"):
            fenced = not fenced
        elif fenced and not line.startswith(OWN):
            start = line.removesuffix(" ...")
            if not any(message == line or (start != line and message.startswith(start)) for message in quoted):
                findings.append(f"{GUIDE}:{number}: not in the reports: {line}")
    return findings


if __name__ == "__main__":
    tree.main(check)
