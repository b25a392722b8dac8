"""What every lint check shares: the files of the tree, and how findings are told."""

import os
import sys

SKIPPED_FOLDERS = {".git", "build", "__pycache__"}
# Real logs and control files are kept verbatim: other people's words, not ours.
VERBATIM = ("tests/golden/", "tests/fixtures/", "tests/fuzz/corpus/", "LICENSE")


def files(root, endings=None, verbatim=False):
    """Paths relative to root, sorted; with an ending of `endings` if given."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in SKIPPED_FOLDERS]
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), root)
            if name in SKIPPED_FOLDERS:  # in a worktree .git is a file
                continue
            if endings and not path.endswith(tuple(endings)):
                continue
            if verbatim or not path.startswith(VERBATIM):
                found.append(path)
    return sorted(found)


def lines(root, path):
    """(number, text) of each line; a file that is not text has none."""
    try:
        with open(os.path.join(root, path), encoding="utf-8") as file:
            return list(enumerate(file.read().split("\n"), 1))
    except UnicodeDecodeError:
        return []


def main(check):
    """Runs check(root) -> list of "file:line: message" on the tree given as first argument; exit 1 when it finds any."""
    findings = check(sys.argv[1] if len(sys.argv) > 1 else ".")
    for finding in findings:
        print(finding)
    sys.exit(1 if findings else 0)
