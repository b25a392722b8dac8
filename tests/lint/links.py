"""Every file that a Markdown page links to or names exists, and so does every heading it points at."""

import glob
import os
import re

import tree

LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"`([^`\s]+)`")
FENCE = re.compile(r"\s*(```|~~~)")


def prose(lines):
    """The lines outside fenced blocks."""
    fenced = False
    for number, text in lines:
        if FENCE.match(text):
            fenced = not fenced
        elif not fenced:
            yield number, text


def anchors(root, path):
    """Headings as GitHub turns them into anchors."""
    found = set()
    for _, text in prose(tree.lines(root, path)):
        if text.startswith("#"):
            title = re.sub(r"[^\w\- ]", "", text.lstrip("#").strip().lower())
            found.add(title.replace(" ", "-"))
    return found


def broken_link(root, path, target):
    """Why the link is broken, or None."""
    if re.match(r"[a-z]+:", target):
        return None
    name, _, anchor = target.partition("#")
    file = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
    if not os.path.exists(os.path.join(root, file)):
        return f"{target} does not exist"
    if anchor and file.endswith(".md") and anchor not in anchors(root, file):
        return f"{file} has no heading #{anchor}"
    return None


def missing_file(root, folders, name):
    """Whether the code span names a file of the tree that is not there. `<name>` stands for anything."""
    name = re.sub(r":\d+$", "", name)
    if not re.fullmatch(r"[\w.<>*/+-]+", name) or name.split("/")[0] not in folders or "/" not in name:
        return False
    pattern = re.sub(r"<\w+>", "*", name)
    return not glob.glob(os.path.join(root, pattern)) and "<" not in name


def check(root):
    findings = []
    folders = {name for name in os.listdir(root) if os.path.isdir(os.path.join(root, name))} - tree.SKIPPED_FOLDERS
    for path in tree.files(root, (".md",)):
        for number, text in prose(tree.lines(root, path)):
            for target in LINK.findall(text):
                why = broken_link(root, path, target)
                if why:
                    findings.append(f"{path}:{number}: {why}")
            for name in CODE.findall(text):
                if missing_file(root, folders, name):
                    findings.append(f"{path}:{number}: {name} does not exist")
    return findings


if __name__ == "__main__":
    tree.main(check)
