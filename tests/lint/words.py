"""No unfinished-work marks, no path of somebody's machine, no file that has grown too long."""

import re

import tree

# The brackets keep this file from finding itself.
UNFINISHED = re.compile(r"\b(TOD[O]|FIXM[E]|HAC[K])\b")
MACHINE = re.compile(r"(?<![\w.$}~-])/(wor[k]|tmp/[k])/")
LONGEST_SOURCE = 600


def check(root):
    findings = []
    for path in tree.files(root):
        lines = tree.lines(root, path)
        for number, text in lines:
            if UNFINISHED.search(text):
                findings.append(f"{path}:{number}: unfinished work belongs in an issue: {text.strip()}")
            if MACHINE.search(text):
                findings.append(f"{path}:{number}: names a path of one machine: {text.strip()}")
        if path.endswith((".h", ".cpp", ".py")) and len(lines) > LONGEST_SOURCE:
            findings.append(f"{path}:{LONGEST_SOURCE}: {len(lines)} lines; split it by its nouns (CONTRIBUTING.md)")
    return findings


if __name__ == "__main__":
    tree.main(check)
