#!/usr/bin/env python3
"""The Docker lab's own checks find what is wrong: rounds that are made up, each with one thing that is not as the README's row says."""
import copy
import json
import os
import pathlib
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "scripts"))
from docker_lab import checks, rows, table  # noqa: E402  pylint: disable=wrong-import-position

README = """
| service | OOMKilled | exit | events | killed | whose limit | filled by |
| --- | --- | --- | --- | --- | --- | --- |
| `anon` | true | 137 | oom, die 137 | oomlab-anon | its own, 32 MiB | anon |
| `hold` | false | 137 | kill 9, die 137 | nobody | – | – |

Other words.
| other | table |
| --- | --- |
| `no` | row |
"""


def event(identity, action, **attributes):
    return {"Action": action, "Actor": {"ID": identity, "Attributes": attributes}}


def container(identity, service, killed, code):
    return {"Id": identity, "Config": {"Labels": {"com.docker.compose.service": service}}, "State": {"OOMKilled": killed, "ExitCode": code}}


def document(service="anon", name="oomlab-anon-1", comm="oomlab-anon", levels=0):
    return {"run": {"timeline": {"rows": [[0]]}},
            "incidents": [{"kind": "oom_kill", "victims": [{"comm": comm, "pid": 5}],
                           "cgroup": {"memory": {"limit_bytes": 32 << 20}, "swap": {"limit_bytes": 0},
                                      "owner": {"container_id": "a1", "name": name, "image": "oomlab", "service": service}},
                           "diagnosis": [{"code": "anon_growth"}],
                           "analysis": {"limit_owner": {"levels_above_victim": levels}, "breakdown": [{"part": "anon", "bytes": 1, "share": 1.0}]}}]}


GOOD = {
    "inspect": [container("a1", "anon", True, 137), container("b2", "hold", False, 137)],
    "events": [event("a1", "start"), event("a1", "oom"), event("a1", "oom"), event("a1", "die", exitCode="137"), event("b2", "kill", signal="9"),
               event("b2", "die", exitCode="137")],
    "documents": {"kill-3f-000000001-anon.json": document()},
    "watcher": "oomlab: watching\n1 incident, 1 process killed.\nThe kernel counts 1 kill on the whole machine\n",
    "readme": {"kill-2f-000000001-anon.json": document(), "kill-2f-000000001-anon.html": "a page"},
    "readme_said": "watcher-1  | oomlab: anon: oomlab-anon (pid 7) was killed because docker container 2b64 reached its own limit\n"
                   "watcher-1  | 1 incident, 1 process killed.\n\nexit status 0\n",
    "image": {"Size": 8519680, "RootFS": {"Layers": ["sha256:1"]}, "Config": {"Entrypoint": ["/oomlab"]}},
}

GOOD_SCOPE = {
    "user.txt": "lab\n", "status": "log 137\ncounters 137\n", "left.txt": "", "log.err": "", "counters.err": "no delegation\n",
    "log.out": "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-r1.scope/oomlab-1\n",
    "counters.out": "0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-r2.scope/oomlab-1\n",
}


def run_of_scope(*evidence, limit=24 << 20, incidents=()):
    return {"incidents": list(incidents), "run": {"limits": {"memory_max_bytes": limit, "pids_max": 50},
                                                  "outcome": {"verdict": "oom_killed", "evidence": ["memory.events", "wait_status", *evidence]}}}


class Checks(unittest.TestCase):
    def round(self, change=lambda good: None, loop=None):
        made = copy.deepcopy(GOOD)
        change(made)
        folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        (folder / "post-mortems").mkdir()
        (folder / "inspect.json").write_text(json.dumps(made["inspect"]), encoding="utf-8")
        (folder / "events.ndjson").write_text("".join(json.dumps(each) + "\n" for each in made["events"]), encoding="utf-8")
        (folder / "watcher.txt").write_text(made["watcher"], encoding="utf-8")
        for name, content in made["documents"].items():
            (folder / "post-mortems" / name).write_text(json.dumps(content), encoding="utf-8")
        (folder / "readme").mkdir()
        for name, content in made["readme"].items():
            (folder / "readme" / name).write_text(json.dumps(content), encoding="utf-8")
        (folder / "readme.txt").write_text(made["readme_said"], encoding="utf-8")
        (folder / "image.json").write_text(json.dumps([made["image"]]), encoding="utf-8")
        if loop is not None:
            (folder / "loop.txt").write_text(loop, encoding="utf-8")
        readme = folder / "README.md"
        readme.write_text(README, encoding="utf-8")
        self.seen = rows.Seen(folder)
        return checks.of(self.seen, rows.expected(readme), ["anon", "hold"], 0 if loop is None else 2)

    def enterContext(self, manager):  # of Python 3.11
        value = manager.__enter__()
        self.addCleanup(manager.__exit__, None, None, None)
        return value

    def found(self, part, change, loop=None):
        problems = self.round(change, loop)
        self.assertTrue(any(part in problem for problem in problems), f"'{part}' is not in {problems}")

    def test_a_good_round_has_no_findings(self):
        self.assertEqual(self.round(), [])

    def test_each_column_is_compared(self):
        self.found("anon: exit is '0'", lambda good: good["inspect"][0]["State"].update(ExitCode=0))
        self.found("hold: OOMKilled is 'true'", lambda good: good["inspect"][1]["State"].update(OOMKilled=True))
        self.found("anon: events is 'oom, die 1'", lambda good: good["events"][3]["Actor"]["Attributes"].update(exitCode="1"))
        self.found("anon: killed is 'bystander'", lambda good: good["documents"].update({"kill-3f-000000001-anon.json": document(comm="bystander")}))
        self.found("anon: whose limit is 'its parent", lambda good: good["documents"].update({"kill-3f-000000001-anon.json": document(levels=1)}))
        self.found("anon: killed is 'nobody'", lambda good: good["documents"].clear())
        self.found("hold: killed is 'oomlab-anon'", lambda good: good["documents"].update({"kill-3f-000000002-hold.json": document(service="hold")}))
        self.found("hold: no container", lambda good: good["inspect"].pop())

    def test_the_engine_may_miss_a_kill_but_not_invent_one(self):
        def engine_sleeps(good):
            good["inspect"][0]["State"].update(OOMKilled=False)
            good.update(events=[each for each in good["events"] if each["Action"] != "oom"])

        def nobody_was_killed(good):
            engine_sleeps(good)
            good["documents"].clear()

        self.assertEqual(self.round(engine_sleeps), [])
        self.assertEqual(table.disagreements(self.seen.row("anon")), ["killed-not-said"])
        self.found("anon: events is 'die 137'", nobody_was_killed)
        row = {"killed": "x", "OOMKilled": "true", "events": "die 0"}
        self.assertEqual(rows.missed_by_engine({"OOMKilled": "true", "events": "oom, die 0"}, row), {"events": "die 0"})
        self.assertEqual(rows.missed_by_engine({"OOMKilled": "true", "events": "oom, die 0"}, {**row, "killed": "nobody"}), {})
        self.addCleanup(setattr, checks, "MOST_MISSED", checks.MOST_MISSED)
        checks.MOST_MISSED = 0
        self.found("more than chance explains", engine_sleeps)

    def test_the_watcher_must_say_what_it_wrote(self):
        self.found("tables say 0 killed", lambda good: good.update(watcher="The kernel counts 1 kill\n"))
        self.found("ended without its table", lambda good: good.update(watcher="oomlab: watching\n"))
        self.found("does not see everything", lambda good: good.update(watcher=good["watcher"] + "oomlab: cannot see everything: x\n"))

    def test_documents_must_name_their_owner_once(self):
        self.found("owner is", lambda good: good["documents"].update({"kill-3f-000000001-anon.json": document(name=None)}))
        self.found("two post-mortems of one report", lambda good: good["documents"].update({"kill-3f-000000001-b.json": document()}))

    def test_the_loop_loses_none_and_tells_none_twice(self):
        def of_loop(*names):
            def change(good):
                for number, name in enumerate(names, 10):
                    good["documents"][f"kill-3f-0000000{number}-x.json"] = document(service=None, name=name)
                good["watcher"] = f"{len(names) + 1} processes killed.\nThe kernel counts 9 kills\n"
            return change

        flat = "rss_kb 5000\nexit 1 137\nexit 2 137\nrss_kb 5100\nrss_kb 5100\n"
        everything = ("loop-unwatched", "loop-1", "loop-2")
        self.assertEqual(self.round(of_loop(*everything), flat), [])
        self.found("loop-2: 0 post-mortems", of_loop("loop-unwatched", "loop-1"), flat)
        self.found("loop-1: 2 post-mortems", of_loop(*everything, "loop-1"), flat)
        self.found("while nobody watched: 0", of_loop("loop-1", "loop-2"), flat)
        self.found("memory grows", of_loop(*everything), flat.replace("rss_kb 5100\nrss_kb 5100", "rss_kb 5100\nrss_kb 9000"))
        self.found("loop-1: exit status 125", of_loop(*everything), flat.replace("exit 1 137", "exit 1 125"))

    def test_the_readmes_command_must_end_in_an_explained_kill(self):
        self.found("does not say who was killed", lambda good: good.update(readme_said="x\n" + good["readme_said"].partition("\n")[2]))
        self.found("ended without its table", lambda good: good.update(readme_said=good["readme_said"].partition("\n")[0]))
        self.found("did not end well: exit status 124", lambda good: good.update(readme_said=good["readme_said"].replace("status 0", "status 124")))
        self.found("README.md's command left ['kill-2f-000000001-anon.json']", lambda good: good["readme"].pop("kill-2f-000000001-anon.html"))
        self.found("README.md's kill is of leak", lambda good: good["readme"].update({"kill-2f-000000001-anon.json": document(service="leak")}))
        self.found("with 0 findings", lambda good: good["readme"]["kill-2f-000000001-anon.json"]["incidents"][0].update(diagnosis=[]))

    def test_the_image_is_one_small_file(self):
        self.found("the image has 10000000 bytes", lambda good: good["image"].update(Size=10_000_000))
        self.found("the image has 2 layers", lambda good: good["image"]["RootFS"]["Layers"].append("sha256:2"))
        self.found("entry point None", lambda good: good["image"]["Config"].update(Entrypoint=None))

    def test_a_delegated_scope_limits_tells_and_leaves_nothing(self):
        def scope(files=None, counters=None):
            folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
            for name, text in {**GOOD_SCOPE, **(files or {})}.items():
                (folder / name).write_text(text, encoding="utf-8")
            (folder / "log.json").write_text(json.dumps(run_of_scope("kernel_log", incidents=[{}])), encoding="utf-8")
            (folder / "counters.json").write_text(json.dumps(counters or run_of_scope()), encoding="utf-8")
            return " ".join(checks.of_delegated(folder))

        self.assertEqual(scope(), "")
        self.assertIn("ran as root", scope({"user.txt": "root\n"}))
        self.assertIn("no delegation", scope({"status": "log 137\ncounters 3\n"}))
        self.assertIn("left behind: /sys", scope({"left.txt": "/sys/fs/cgroup/user.slice/run-r1.scope\n"}))
        self.assertIn("the command was in 0::/system.slice", scope({"log.out": "0::/system.slice/lab.service\n"}))
        self.assertIn("counters: {'verdict'", scope(counters=run_of_scope(limit=None)))
        self.assertIn("evidence is", scope(counters=run_of_scope("kernel_log")))

    def test_disagreements_are_named(self):
        self.round()
        self.assertEqual(table.disagreements(self.seen.row("anon")), [])
        self.assertEqual(table.disagreements(self.seen.row("hold")), ["137-without-kill"])
        row = self.seen.row("anon")
        self.assertEqual(table.disagreements({**row, "exit": "0", "OOMKilled": "false"}), ["exit-0", "killed-not-said"])
        self.assertEqual(table.disagreements({**row, "whose limit": "its parent, 1 MiB"}), ["not-its-limit"])

    def test_the_table_goes_between_its_markers(self):
        self.round()
        page = self.seen.folder / "docker.md"
        page.write_text(f"before\n{table.BEGIN}\nformer\n{table.END}\nafter ### exit-0\n", encoding="utf-8")
        table.write(self.seen, ["anon", "hold"], page, "about")
        text = page.read_text(encoding="utf-8")
        self.assertIn("| `anon` | true | 137 | oom, die 137 | oomlab-anon | its own, 32 MiB | anon | – |", text)
        self.assertNotIn("former", text)
        self.assertTrue(text.startswith("before\n") and text.endswith("\nafter ### exit-0\n"))
        self.assertEqual(len(table.unexplained(self.seen, ["anon", "hold"], page)), 1, "hold's disagreement has no section")


if __name__ == "__main__":
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    unittest.main()
