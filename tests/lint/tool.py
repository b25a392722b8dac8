"""Runs a lint tool over the files of its kind: `tool.py format|shellcheck [ROOT]`. Exit 77 (a skip for ctest) when it is not installed."""

import os
import shutil
import subprocess
import sys

import tree


def is_shell_script(root, path):
    if path.endswith(".sh"):
        return True
    if os.path.basename(path).count(".") or not os.access(os.path.join(root, path), os.X_OK):
        return False
    first = (tree.lines(root, path) or [(1, "")])[0][1]
    return first.startswith("#!") and first.split("/")[-1].split()[-1] in ("sh", "bash")


def cpp_files(root):
    return tree.files(root, (".h", ".cpp"))


def shell_files(root):
    return [path for path in tree.files(root) if is_shell_script(root, path)]


TOOLS = {
    "format": (["clang-format-19", "--dry-run", "-Werror"], cpp_files, "clang-format-19 -i mends it"),
    "shellcheck": (["shellcheck", "-x"], shell_files, "https://www.shellcheck.net/wiki/ explains each number"),
}


def main():
    command, pick, remedy = TOOLS[sys.argv[1]]
    root = sys.argv[2] if len(sys.argv) > 2 else "."
    if not shutil.which(command[0]):
        print(f"skipped: {command[0]} is not installed (scripts/bootstrap lint installs it)")
        sys.exit(1 if os.environ.get("OOMLAB_REQUIRE_TOOLS") == "1" else 77)
    paths = pick(root)
    if not paths:
        sys.exit(f"no files to check in {root}")
    status = subprocess.run([*command, *paths], cwd=root, check=False).returncode
    if status:
        print(remedy)
    sys.exit(1 if status else 0)


if __name__ == "__main__":
    main()
