"""Includes point down only (docs/architecture.md), and third-party headers stay out of ours."""

import os
import re

import tree

# Folder -> what it may include beside itself: whole folders, or single headers.
ALLOWED = {
    "base": set(),
    "cgroup": {"base"},
    "stress": {"base"},
    "forensics": {"base", "cgroup/model.h", "cgroup/parse.h"},
    "vm": {"base"},
    "cli": {"base", "cgroup", "stress", "forensics", "vm"},
}
THIRD_PARTY = re.compile(r"(boost|fmt|nlohmann|gtest|gmock|benchmark)/|(seccomp|zlib|lzma|zstd)\.h$")
INCLUDE = re.compile(r'\s*#\s*include\s*([<"])([^>"]+)[>"]')


def check(root):
    findings = []
    for path in tree.files(root, (".h", ".cpp")):
        folder = path.split("/")[0]
        if folder not in ALLOWED:
            continue
        for number, text in tree.lines(root, path):
            match = INCLUDE.match(text)
            if not match:
                continue
            bracket, name = match.groups()
            target = name.split("/")[0]
            if bracket == '"' and not os.path.exists(os.path.join(root, name)):
                findings.append(f'{path}:{number}: "{name}" is not a path from the root of the tree')
            elif target in ALLOWED and target != folder and not {target, name} & ALLOWED[folder]:
                findings.append(f"{path}:{number}: {folder}/ may not include {name}")
            elif path.endswith(".h") and bracket == "<" and THIRD_PARTY.match(name):
                findings.append(f"{path}:{number}: third-party header <{name}> in a header of ours")
    return findings


if __name__ == "__main__":
    tree.main(check)
