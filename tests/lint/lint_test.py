"""The checks find what they are there to find: each is run on a small tree with one mistake, and on the same tree without it."""

import os
import tempfile
import unittest

import guide
import include_direction
import links
import tree
import words

GOOD = {
    "base/fd.h": "#include <unistd.h>\n",
    "cgroup/model.h": '#include "base/fd.h"\n',
    "cgroup/group.h": '#include "cgroup/model.h"\n',
    "forensics/rule.h": '#include "cgroup/model.h"\n',
    "forensics/rule.cpp": '#include "forensics/rule.h"\n#include <fmt/format.h>\n',
    "stress/fill.cpp": '#include "base/fd.h"\n',
    "vm/vm.h": "#include <string>\n",
    "cli/app.cpp": '#include "vm/vm.h"\n#include "cgroup/group.h"\n#include "forensics/rule.h"\n',
    "cli/app.h": "",
    "README.md": "# Title\n\n## Two words\n[a](docs/a.md) `base/fd.h` `cli/commands/<name>.cpp` `a/b` [up](#two-words) <https://x>\n",
    "docs/a.md": "[back](../README.md#title) [web](https://example.org/x)\n```\n[not](read.md)\n```\n",
    "tests/golden/a.log": "TO" "DO: /" "work/ in a stranger's log\n",
    "build/x.md": "[gone](gone.md)\n",
}


def findings(check, changes=None):
    with tempfile.TemporaryDirectory() as root:
        for path, text in {**GOOD, **(changes or {})}.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        return check(root)


class IncludeDirection(unittest.TestCase):
    def test_good(self):
        self.assertEqual(findings(include_direction.check), [])

    def test_upwards(self):
        for path, name in (
            ("base/fd.h", "cgroup/model.h"),
            ("cgroup/model.h", "forensics/rule.h"),
            ("stress/fill.cpp", "cgroup/model.h"),
            ("forensics/rule.cpp", "cgroup/group.h"),
            ("forensics/rule.cpp", "vm/vm.h"),
            ("vm/vm.h", "cgroup/model.h"),
            ("vm/vm.h", "cli/app.h"),
        ):
            bad = findings(include_direction.check, {path: f'\n# include "{name}"\n'})
            self.assertEqual(bad, [f"{path}:2: {path.split('/')[0]}/ may not include {name}"])

    def test_third_party_in_a_header(self):
        for name in ("fmt/format.h", "nlohmann/json.hpp", "boost/program_options.hpp", "zstd.h", "seccomp.h"):
            bad = findings(include_direction.check, {"cli/app.h": f"#include <{name}>\n"})
            self.assertEqual(bad, [f"cli/app.h:1: third-party header <{name}> in a header of ours"])

    def test_relative(self):
        bad = findings(include_direction.check, {"base/fd.h": '#include "result.h"\n'})
        self.assertEqual(bad, ['base/fd.h:1: "result.h" is not a path from the root of the tree'])


class Words(unittest.TestCase):
    def test_good(self):
        self.assertEqual(findings(words.check), [])

    def test_unfinished(self):
        for word in ("TO" "DO", "FIX" "ME"):
            bad = findings(words.check, {"base/fd.h": f"\n// {word}: later\n"})
            self.assertEqual(bad, [f"base/fd.h:2: unfinished work belongs in an issue: // {word}: later"])

    def test_machine_path(self):
        for path in ("/" "work/main", "/" "tmp/k/linux.deb"):
            bad = findings(words.check, {"docs/a.md": f"see {path}\n"})
            self.assertEqual(bad, [f"docs/a.md:1: names a path of one machine: see {path}"])
        for path in ("framework/work/x", "/tmp/kernel", "$HOME/work/x", "~/work/x"):
            self.assertEqual(findings(words.check, {"docs/a.md": f"see {path}\n"}), [])

    def test_long_file(self):
        bad = findings(words.check, {"base/fd.h": "\n" * 700})
        self.assertEqual(bad, ["base/fd.h:600: 701 lines; split it by its nouns (CONTRIBUTING.md)"])


class Links(unittest.TestCase):
    def test_good(self):
        self.assertEqual(findings(links.check), [])

    def test_broken_link(self):
        self.assertEqual(findings(links.check, {"docs/a.md": "\n[b](b.md)\n"}), ["docs/a.md:2: b.md does not exist"])

    def test_broken_anchor(self):
        bad = findings(links.check, {"docs/a.md": "[b](../README.md#three)\n"})
        self.assertEqual(bad, ["docs/a.md:1: README.md has no heading #three"])

    def test_named_file(self):
        bad = findings(links.check, {"docs/a.md": "`base/gone.h` and `base/fd.h:12`\n"})
        self.assertEqual(bad, ["docs/a.md:1: base/gone.h does not exist"])


class Guide(unittest.TestCase):
    FILES = {
        "docs/reading-an-oom-report.md": "`tests/fixtures/logs/6.12/a.kmsg`\n```\nx invoked oom-killer: order=0\n file:2\nNode 0 ...\n```\n```\noomlab analyze\n```\n",
        "tests/fixtures/logs/6.12/a.kmsg": "4,1,2,-;x invoked oom-killer: order=0\n6,2,3,-;anon:1\\x0a file:2\n6,3,4,-;Node 0 DMA free:1kB\n",
    }

    def test_good(self):
        self.assertEqual(findings(guide.check, self.FILES), [])

    def test_misquoted(self):
        for line in ("x invoked oom-killer: order=1", "x invoked oom-killer", "Node 1 ..."):
            text = self.FILES["docs/reading-an-oom-report.md"].replace("Node 0 ...", line)
            bad = findings(guide.check, {**self.FILES, "docs/reading-an-oom-report.md": text})
            self.assertEqual(bad, [f"docs/reading-an-oom-report.md:5: not in the reports: {line}"])


class Tree(unittest.TestCase):
    def test_skips_what_is_built_and_what_is_verbatim(self):
        seen = findings(tree.files)
        self.assertIn("README.md", seen)
        self.assertNotIn("build/x.md", seen)
        self.assertNotIn("tests/golden/a.log", seen)


if __name__ == "__main__":
    unittest.main()
