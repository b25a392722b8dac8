#!/usr/bin/env python3
"""End-to-end cases on a real kernel: the built binary driven as a user would, its documents checked.

usage: cases.py OOMLAB KERNEL CASE     run one case on that kernel in the micro-VM
       cases.py --list                 the cases' names, one a line

Exit 0 passed, 1 failed, 77 skipped (no QEMU or no such kernel). With OOMLAB_REQUIRE_KERNEL=1 a skip is a failure.
"""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "support"))
MIB = 1 << 20
PAGE = 4096


class Lab:
    """The binary under test and the kernel it is to use."""

    def __init__(self, oomlab, kernel):
        self.oomlab, self.kernel = os.path.abspath(oomlab), kernel
        self.folder = tempfile.TemporaryDirectory(prefix="oomlab-case-")

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def call(self, *words, timeout=180, **options):
        return subprocess.run([self.oomlab, *words], capture_output=True, text=True, errors="replace", timeout=timeout, **options)

    def run(self, words, expected_exit, command=()):
        """One run or stress in the VM; returns its document, validated against the schema."""
        output = self.path("p.json")
        tail = ["--", *command] if command else []
        result = self.call(*words, "--backend", "vm", "--kernel", self.kernel, "-o", output, *tail)
        assert result.returncode == expected_exit, f"exit {result.returncode}, expected {expected_exit}\n{result.stdout}\n{result.stderr}"
        with open(output, encoding="utf-8") as file:
            document = json.load(file)
        self.validate(output)
        self.last = result
        return document

    def validate(self, *paths):
        result = subprocess.run([sys.executable, os.path.join(HERE, "..", "support", "validate.py"), self.oomlab,
                                 os.path.join(HERE, "..", "..", "docs", "schema", "postmortem-1.json"), *paths],
                                capture_output=True, text=True, timeout=300)
        assert result.returncode in (0, 77), f"{', '.join(paths)}: not valid:\n{result.stdout}{result.stderr}"

    def guest(self, *command, timeout=180):
        """A command as root of a fresh guest, with the host's files below it."""
        return self.call("vm", "exec", "--kernel", self.kernel, "--", *command, timeout=timeout)


def equal(got, wanted, what):
    assert got == wanted, f"{what}: {got!r}, expected {wanted!r}"


def within(got, low, high, what):
    assert got is not None and low <= got <= high, f"{what}: {got!r}, expected {low} to {high}"


def stress_anon(lab):
    """The main job: filled to the limit, killed, explained."""
    document = lab.run(["stress", "anon", "--memory-max", "64M"], 137)
    run, incident = document["run"], document["incidents"][0]
    equal(run["outcome"]["verdict"], "oom_killed", "verdict")
    equal(run["outcome"]["evidence"], ["memory.events", "kernel_log", "wait_status"], "evidence")
    equal(run["outcome"]["oom_kills"], 1, "oom_kills")
    equal(run["outcome"]["signal"], 9, "signal")
    equal(run["backend"], "vm", "backend")
    assert run["kernel"].startswith(lab.kernel), run["kernel"]
    equal(run["limits"]["memory_max_bytes"], 64 * MIB, "limit")
    equal(run["limits"]["memory_swap_max_bytes"], 0, "swap limit")
    equal(run["limits"]["oom_group"], False, "oom_group")
    equal(run["memory"]["events"]["oom_kill"], 1, "events.oom_kill")
    within(run["memory"]["peak_bytes"], 64 * MIB - PAGE, 64 * MIB, "peak")
    equal(len(document["incidents"]), 1, "incidents")
    equal(incident["kind"], "oom_kill", "kind")
    equal(incident["scope"], "memcg", "scope")
    equal([v["pid"] for v in incident["victims"]], [run["pid"]], "victim")
    equal(incident["victims"][0]["comm"], "oomlab-anon", "victim's name")
    equal(incident["cgroup"]["memory"]["limit_bytes"], 64 * MIB, "limit in the report")
    equal(incident["cgroup"]["hierarchy"], 2, "hierarchy")
    equal(incident["complete"], True, "complete")
    equal(incident["missing"], [], "missing")
    equal(incident["analysis"]["breakdown"][0]["part"], "anon", "dominant part")
    equal(incident["analysis"]["victim_rank"], 1, "rank")
    equal(incident["analysis"]["victim_explained"], True, "explained")
    levels = [row[document["run"]["timeline"]["columns"].index("memory_bytes")] for row in run["timeline"]["rows"]]
    assert levels[0] < 8 * MIB, f"starts at {levels[0]}"
    within(max(levels), 58 * MIB, 64 * MIB, "highest sample")


def stress_anon_slowly(lab):
    """A rate gives a timeline that rises step by step."""
    document = lab.run(["stress", "anon", "--memory-max", "48M", "--rate", "40M/s"], 137)
    columns = document["run"]["timeline"]["columns"]
    rows = document["run"]["timeline"]["rows"]
    levels = [row[columns.index("memory_bytes")] for row in rows]
    assert len(levels) > 30, f"{len(levels)} samples of more than a second"
    middle = levels[len(levels) // 2]
    within(middle, 10 * MIB, 40 * MIB, "half way")
    within(document["run"]["duration_s"], 1.0, 30.0, "duration")


def stress_anon_fits(lab):
    """A size below the limit completes."""
    document = lab.run(["stress", "anon", "--memory-max", "64M", "--size", "32M", "--expect", "fit", "--max-peak", "48M"], 0)
    equal(document["run"]["outcome"]["verdict"], "completed", "verdict")
    equal(document["run"]["expectation"]["met"], True, "expectation")
    within(document["run"]["memory"]["peak_bytes"], 32 * MIB, 44 * MIB, "peak")
    equal(document["incidents"], [], "incidents")


def stress_tmpfs(lab):
    """shmem dominates although no process's RSS shows it."""
    document = lab.run(["stress", "tmpfs", "--memory-max", "48M", "--expect", "oom"], 0)
    incident = document["incidents"][0]
    equal(document["run"]["outcome"]["verdict"], "oom_killed", "verdict")
    equal(incident["analysis"]["breakdown"][0]["part"], "shmem", "dominant part")
    victim = incident["victims"][0]
    assert victim["anon_rss_bytes"] + victim["shmem_rss_bytes"] < 16 * MIB, victim
    assert any(d["code"].startswith("tmpfs") for d in incident["diagnosis"]), [d["code"] for d in incident["diagnosis"]]


def stress_swap(lab):
    """Memory and swap both full, then the kill."""
    document = lab.run(["stress", "anon", "--memory-max", "32M", "--swap-max", "32M"], 137)
    run, incident = document["run"], document["incidents"][0]
    equal(run["limits"]["memory_swap_max_bytes"], 32 * MIB, "swap limit")
    equal(incident["cgroup"]["swap"]["limit_bytes"], 32 * MIB, "swap limit in the report")
    within(incident["cgroup"]["swap"]["usage_bytes"], 24 * MIB, 32 * MIB, "swap used")


def run_python(lab):
    """An ordinary program of the host, named."""
    document = lab.run(["run", "--memory-max", "64M"], 137, ["python3", "-c", "x=bytearray(200<<20)"])
    equal(document["run"]["outcome"]["verdict"], "oom_killed", "verdict")
    victim = document["incidents"][0]["victims"][0]
    assert victim["comm"].startswith("python3"), victim
    equal(victim["pid"], document["run"]["pid"], "victim")
    assert "python3" in document["incidents"][0]["verdict"], document["incidents"][0]["verdict"]


def run_python_fits(lab):
    document = lab.run(["run", "--memory-max", "400M"], 0, ["python3", "-c", "x=bytearray(200<<20)"])
    equal(document["run"]["outcome"]["verdict"], "completed", "verdict")
    equal(document["run"]["outcome"]["exit_code"], 0, "exit")
    within(document["run"]["memory"]["peak_bytes"], 200 * MIB, 300 * MIB, "peak")


def run_true(lab):
    document = lab.run(["run"], 0, ["true"])
    equal(document["run"]["outcome"]["verdict"], "completed", "verdict")


def run_signaled(lab):
    document = lab.run(["run", "--memory-max", "64M"], 137, ["sh", "-c", "kill -9 $$"])
    equal(document["run"]["outcome"]["verdict"], "signaled", "verdict")
    equal(document["run"]["outcome"]["signal"], 9, "signal")
    equal(document["run"]["outcome"]["oom_kills"], 0, "kills")


def run_exit_137(lab):
    document = lab.run(["run", "--memory-max", "64M"], 137, ["sh", "-c", "exit 137"])
    equal(document["run"]["outcome"]["verdict"], "failed", "verdict")
    equal(document["run"]["outcome"]["exit_code"], 137, "exit")


def run_child_killed(lab):
    """The kernel kills a child, the main process ends well."""
    script = "tail /dev/zero >/dev/null; exit 0"
    document = lab.run(["run", "--memory-max", "48M"], 0, ["sh", "-c", script])
    outcome = document["run"]["outcome"]
    equal(outcome["verdict"], "oom_killed", "verdict")
    equal(outcome["exit_code"], 0, "exit")
    equal(outcome["evidence"], ["memory.events", "kernel_log"], "evidence")
    victim = document["incidents"][0]["victims"][0]
    equal(victim["comm"], "tail", "victim")
    assert victim["pid"] != document["run"]["pid"]


def run_oom_group(lab):
    """memory.oom.group kills all; each process is listed once."""
    script = "sleep 100 & sleep 100 & tail /dev/zero >/dev/null"
    document = lab.run(["run", "--memory-max", "48M", "--oom-group"], 137, ["sh", "-c", script])
    incident = document["incidents"][0]
    pids = [v["pid"] for v in incident["victims"]]
    equal(len(pids), len(set(pids)), "each once")
    equal(len(pids), 4, f"processes killed ({incident['victims']})")
    equal(incident["analysis"]["processes"], 4, "processes")
    equal(document["run"]["outcome"]["oom_kills"], 4, "oom_kills")
    equal(document["run"]["memory"]["events"]["oom_group_kill"], 1, "oom_group_kill")
    equal(incident["victims"][0]["role"], "selected", "first role")
    equal({v["role"] for v in incident["victims"][1:]}, {"group"}, "other roles")


def run_unkillable(lab):
    """oom_score_adj -1000: nobody may be killed. Either the fill is refused (ENOMEM) or its faults go round in a storm; that ends by itself, too."""
    output = lab.path("p.json")
    result = lab.call("stress", "anon", "--memory-max", "32M", "--oom-score-adj", "-1000", "--thrash-timeout", "8s", "--backend", "vm",
                      "--kernel", lab.kernel, "-o", output)
    with open(output, encoding="utf-8") as file:
        document = json.load(file)
    verdict = document["run"]["outcome"]["verdict"]
    equal((verdict, result.returncode) in (("failed", 1), ("thrashing", 124)), True, f"{verdict}, exit {result.returncode}")
    equal(document["run"]["outcome"]["oom_kills"], 0, "kills")
    equal({incident["kind"] for incident in document["incidents"]}, {"no_victim"}, "kinds")
    equal(document["incidents"][0]["victims"], [], "victims")


def run_global(lab):
    """No limit: the guest's own OOM kill."""
    document = lab.run(["stress", "anon"], 137)
    incident = document["incidents"][0]
    equal(incident["scope"], "global", "scope")
    equal(incident["victims"][0]["pid"], document["run"]["pid"], "victim")
    assert incident["memory_info"]["zones"], "no zones read"
    equal(document["run"]["outcome"]["verdict"], "oom_killed", "verdict")


def run_panic(lab):
    """vm.panic_on_oom: the guest dies, the incident is on its console."""
    document = lab.run(["stress", "anon", "--sysctl", "vm.panic_on_oom=1"], 125)
    run = document["run"]
    equal(run["outcome"]["verdict"], "failed", "verdict")
    equal(run["outcome"]["reason"], "the guest's kernel panicked", "reason")
    equal([incident["kind"] for incident in document["incidents"]], ["panic"], "kinds")
    assert any("Kernel panic" in line for line in run["vm"]["console_tail"]), run["vm"]["console_tail"]


def run_nested(lab):
    """An ancestor's limit kills; the group's own is far away."""
    script = f"""
      set -e; mkdir -p /sys/fs/cgroup/outer/inner; echo +memory +pids > /sys/fs/cgroup/outer/cgroup.subtree_control
      echo 40M > /sys/fs/cgroup/outer/memory.max; echo 0 > /sys/fs/cgroup/outer/memory.swap.max
      echo $$ > /sys/fs/cgroup/outer/inner/cgroup.procs
      {lab.oomlab} stress anon --backend host --memory-max 400M -o - --format json
    """
    result = lab.guest("sh", "-c", script)
    document = json.loads(result.stdout)
    incident = document["incidents"][0]
    equal(incident["cgroup"]["oom_memcg"], "/outer", "oom_memcg")
    assert incident["cgroup"]["task_memcg"].startswith("/outer/inner/oomlab-anon."), incident["cgroup"]["task_memcg"]
    within(incident["analysis"]["limit_owner"]["levels_above_victim"], 2, 2, "levels")
    equal(document["run"]["outcome"]["verdict"], "oom_killed", "verdict")
    equal(document["run"]["memory"]["events_local"]["oom"], 0, "events.local: not our limit")
    equal(result.returncode, 137, "exit")


def in_container(lab):
    """In a container's namespaces (cgroup, pid, mount) with a writable cgroupfs of its own: we step aside, the log names the host's path."""
    inside = f"umount -l /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup; {lab.oomlab} stress anon --backend host --memory-max 32M --format json"
    enter = "mkdir -p /sys/fs/cgroup/box/c1; echo +memory +pids > /sys/fs/cgroup/box/cgroup.subtree_control; "
    enter += f"echo $$ > /sys/fs/cgroup/box/c1/cgroup.procs; exec unshare --cgroup --mount sh -c '{inside}'"
    result = lab.guest("unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", enter)
    document = json.loads(result.stdout)
    equal(document["run"]["outcome"]["verdict"], "oom_killed", "verdict")
    incident = document["incidents"][0]
    assert incident["cgroup"]["oom_memcg"].startswith("/box/c1/oomlab-anon."), incident["cgroup"]["oom_memcg"]
    equal(incident["analysis"]["limit_owner"]["levels_above_victim"], 0, "levels")


def run_thrashing(lab):
    """Throttled for ever at memory.high: neither dies nor gets on."""
    document = lab.run(["stress", "anon", "--memory-high", "24M", "--memory-max", "400M", "--size", "200M", "--thrash-timeout", "8s", "--timeout", "120s"], 124)
    equal(document["run"]["outcome"]["verdict"], "thrashing", "verdict")
    assert document["run"]["memory"]["events"]["high"] > 0
    equal(document["run"]["outcome"]["oom_kills"], 0, "kills")
    document = lab.run(["stress", "anon", "--memory-high", "24M", "--memory-max", "400M", "--size", "200M", "--timeout", "6s"], 124)
    equal(document["run"]["outcome"]["verdict"], "timed_out", "verdict")
    assert "processes stood still, waiting for memory" in document["run"]["outcome"]["reason"], document["run"]["outcome"]["reason"]


def run_timeout(lab):
    started = time.monotonic()
    document = lab.run(["run", "--timeout", "1s"], 124, ["sleep", "100"])
    equal(document["run"]["outcome"]["verdict"], "timed_out", "verdict")
    equal(document["run"]["outcome"]["reason"], "its time was over; oomlab killed it", "reason")
    assert time.monotonic() - started < 60


def run_not_found(lab):
    document = lab.run(["run"], 127, ["no-such-command-anywhere"])
    equal(document["run"]["outcome"]["verdict"], "not_started", "verdict")
    document = lab.run(["run"], 126, ["/etc/passwd"])
    equal(document["run"]["outcome"]["verdict"], "not_started", "verdict")


def run_streams(lab):
    """stdin, stdout, stderr, environment, working folder, exit status: as without the VM."""
    environment = dict(os.environ, OOMLAB_CASE="a b\nc")
    os.makedirs(lab.path("where"))
    result = lab.call("run", "--backend", "vm", "--kernel", lab.kernel, "--quiet", "--", "sh", "-c",
                      'cat; echo "$OOMLAB_CASE"; pwd; echo words >&2; echo x > made; cat made; exit 7',
                      input="in\n" * 100000, env=environment, cwd=lab.path("where"))
    equal(result.returncode, 7, "exit")
    equal(result.stdout, "in\n" * 100000 + f"a b\nc\n{lab.path('where')}\nx\n", "stdout")
    equal(result.stderr, "words\n", "stderr")
    equal(os.listdir(lab.path("where")), [], "nothing written on the host")


def run_interrupted(lab):
    """Ctrl-C reaches the command in the guest; the document says so."""
    output = lab.path("p.json")
    process = subprocess.Popen([lab.oomlab, "run", "--backend", "vm", "--kernel", lab.kernel, "-o", output, "--", "sh", "-c",
                                "trap 'echo got it; exit 5' INT; echo ready; while :; do sleep 0.1; done"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    equal(process.stdout.readline(), "ready\n", "started")
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    assert "got it" in stdout, stdout + stderr
    equal(process.returncode, 5, "exit")
    with open(output, encoding="utf-8") as file:
        equal(json.load(file)["run"]["outcome"]["verdict"], "interrupted", "verdict")


def analyze_dmesg(lab):
    """A saved kernel log tells the same as the run did."""
    script = f"{lab.oomlab} stress anon --backend host --memory-max 32M -o - --format json; dmesg > /tmp/log; {lab.oomlab} analyze --format json /tmp/log"
    result = lab.guest("sh", "-c", script)
    decoder = json.JSONDecoder()
    live, end = decoder.raw_decode(result.stdout)
    saved, _ = decoder.raw_decode(result.stdout[end:].lstrip())
    equal(saved["run"], None, "no run")
    equal(len(saved["incidents"]), 1, "incidents")
    for key in ("kind", "scope", "cgroup", "tasks", "victims", "trigger", "call_trace", "complete"):
        equal(saved["incidents"][0][key], live["incidents"][0][key], key)


def refusals(lab):
    """What a machine can lack, each said with the way out and the right exit status."""
    run = f"{lab.oomlab} run --backend host --quiet"
    rows = (
        ("read-only cgroupfs", f"mount -o remount,ro /sys/fs/cgroup; {run} --memory-max 64M -- true", 3, "read-only"),
        ("limit refused", f"{run} --memory-max 64M --zswap-max 1M -- true", 3, "memory.zswap.max"),
        ("no cgroup2 mount", f"umount -l /sys/fs/cgroup; {run} --memory-max 64M -- true", 3, "cgroup"),
        ("panic_on_oom", f"echo 2 > /proc/sys/vm/panic_on_oom; {run} --memory-max 64M -- true", 3, "vm.panic_on_oom"),
    )
    for name, script, status, word in rows:
        result = lab.guest("sh", "-c", script)
        lines = [line for line in result.stderr.splitlines() if line.startswith("oomlab: ")]
        assert result.returncode == status, f"{name}: exit {result.returncode}, expected {status}\n{result.stdout}{result.stderr}"
        assert len(lines) == 1 and word in lines[0], f"{name}: {result.stderr}"
        assert "way out: " in result.stderr, f"{name}: no way out\n{result.stderr}"


def no_kernel_log(lab):
    """Without /dev/kmsg the kill is still told, by the counters; nobody is named, and that is said."""
    result = lab.guest("sh", "-c", f"rm /dev/kmsg; {lab.oomlab} stress anon --backend host --memory-max 32M --format json")
    document = json.loads(result.stdout)
    equal(result.returncode, 137, "exit")
    equal(document["run"]["outcome"]["verdict"], "oom_killed", "verdict")
    equal(document["run"]["outcome"]["evidence"], ["memory.events", "wait_status"], "evidence")
    equal(document["incidents"], [], "incidents")
    equal([warning["code"] for warning in document["warnings"]], ["kernel_log_unreadable"], "warnings")


def killed_supervisor(lab):
    """SIGKILL of oomlab at random moments leaves no process and no cgroup."""
    result = lab.guest(sys.executable, os.path.join(HERE, "killed_supervisor.py"), lab.oomlab, timeout=600)
    assert result.returncode == 0, result.stdout + result.stderr
    print(result.stdout, end="")


def run_like(lab):
    """The limits of a container, from what docker inspect printed of it."""
    inspect = os.path.join(HERE, "..", "fixtures", "docker", "inspect-26.1.json")
    document = lab.run(["run", "--like", inspect], 137, ["sh", "-c", "stat -f -c '%b %S' /dev/shm; exec tail /dev/zero"])
    limits = document["run"]["limits"]
    equal(limits["memory_max_bytes"], 24 * MIB, "memory")
    equal(limits["memory_swap_max_bytes"], 16 * MIB, "swap")
    equal(limits["pids_max"], 200, "pids")
    equal(lab.last.stdout.split(), ["16384", "4096"], "/dev/shm")
    incident = document["incidents"][0]
    equal(incident["cgroup"]["memory"]["limit_bytes"], 24 * MIB, "limit in the report")
    equal(incident["cgroup"]["swap"]["limit_bytes"], 16 * MIB, "swap in the report")
    equal([warning["code"] for warning in document["warnings"]], [], "warnings")
    lab.run(["run", "--like", inspect, "--memory-max", "128M", "--shm-size", "1M"], 0, ["sh", "-c", "test $(stat -f -c '%b' /dev/shm) = 256"])


def replay(lab):
    """Kills of kept logs again: a limit's own, one above, a whole group, a sibling's, the machine's."""
    logs = os.path.join(HERE, "..", "fixtures", "logs", "6.12")
    output, mine = lab.path("again.json"), lab.path("mine.json")
    for log, scope in (("limit-small", "memcg"), ("nested", "memcg"), ("oom-group", "memcg"), ("sibling", "memcg"), ("global", "global")):
        result = lab.call("replay", os.path.join(logs, f"{log}.kmsg"), "--kernel", lab.kernel, "-o", output, "--save", mine, timeout=400)
        assert result.returncode == 0, f"{log}: exit {result.returncode}\n{result.stdout}{result.stderr}"
        assert "IN THE LOG" in result.stdout and "different" not in result.stdout, result.stdout
        lab.validate(output)
        with open(output, encoding="utf-8") as file:
            document = json.load(file)
        equal(document["run"]["expectation"]["met"], True, f"{log}: {document['run']['expectation']['reason']}")
        equal(document["incidents"][0]["scope"], scope, log)
    # What it was is a scenario like any other; with another limit it is another kill.
    with open(mine, encoding="utf-8") as file:
        scenario = json.load(file)
    scenario["groups"]["limit"] = {"memory.max": "64M"}
    with open(mine, "w", encoding="utf-8") as file:
        json.dump(scenario, file)
    result = lab.call("scenario", "run", mine, "--kernel", lab.kernel, timeout=400)
    assert result.returncode == 1 and "expect.scope: expected global; seen: memcg" in result.stdout, result.stdout + result.stderr
    os.remove(output)
    process = subprocess.Popen([lab.oomlab, "replay", os.path.join(logs, "global.kmsg"), "--kernel", lab.kernel, "-o", output],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    equal(process.wait(timeout=60), 130, "exit after Ctrl-C")
    assert not os.path.exists(output), "a post-mortem of a replay that was interrupted"


def watched(lab, case):
    """Kills beside `oomlab watch` in a guest; what was done, and the post-mortems, valid by the schema."""
    result = lab.guest(sys.executable, os.path.join(HERE, "watch_kills.py"), lab.oomlab, case, timeout=600)
    assert result.returncode == 0, result.stdout + result.stderr
    facts = json.loads(result.stdout)
    paths = []
    for number, document in enumerate(facts["documents"]):
        paths.append(lab.path(f"{number}.json"))
        with open(paths[-1], "w", encoding="utf-8") as file:
            json.dump(document, file)
    if paths:
        lab.validate(*paths)
    facts["incidents"] = [incident for document in facts["documents"] for incident in document["incidents"]]
    facts["victims"] = [victim["pid"] for incident in facts["incidents"] for victim in incident["victims"]]
    return facts


def watch_burst(lab):
    """More kills than the kernel reports in full, in cgroups that are gone at once: one post-mortem each, and flat memory."""
    facts = watched(lab, "burst")
    equal(len(facts["documents"]), 60, "post-mortems")
    equal(sorted(facts["victims"]), sorted(facts["pids"]), "victims")
    within(max(facts["memory_kb"]), 1, 16 * 1024, "memory")
    within(facts["memory_kb"][-1], 1, facts["memory_kb"][0] + 3072, "memory in the end")
    equal("60 incidents, 60 processes killed." in facts["table"], True, "table")
    equal("The kernel counts 60 kills" in facts["table"], True, "count of the kernel")


def watch_restart(lab):
    """What a watch that was killed left is told by the next one, and nothing twice."""
    facts = watched(lab, "restart")
    equal(sorted(facts["victims"]), sorted(facts["pids"]), "victims")
    equal(facts["tables"][1].startswith("No OOM kill was seen."), True, "the third start has nothing to tell")


def watch_without_log(lab):
    """A user who may not read the kernel log is told from memory.events, and that it is so."""
    facts = watched(lab, "no_log")
    equal(facts["status"], -9, "the kill")
    equal(len(facts["documents"]), facts["kills"], "post-mortems")
    equal(facts["victims"], [], "nobody is named")
    equal("/dev/kmsg: Operation not permitted" in facts["words"], True, "what cannot be seen is said")
    for document in facts["documents"]:
        incident = document["incidents"][0]
        equal([warning["code"] for warning in document["warnings"]][:2], ["kernel_log_unreadable", "kill_without_log_line"], "warnings")
        equal(incident["missing"], ["trigger", "call_trace", "tasks", "victim"], "missing")
        equal(document["run"]["outcome"]["evidence"], ["memory.events"], "evidence")
        if incident["cgroup"]["task_memcg"] == "/kept":
            equal(incident["scope"], "memcg", "scope")
            equal(incident["cgroup"]["oom_memcg"], "/kept", "whose limit")
            equal(incident["cgroup"]["memory"]["limit_bytes"], 12 * MIB, "limit")


def watch_namespace(lab):
    """Where the paths of the log and of the cgroups cannot be held against each other, each kill is told once, from the log."""
    facts = watched(lab, "namespace")
    equal(sorted(facts["victims"]), sorted(facts["pids"]), "victims")
    equal("this cgroup namespace is all of the cgroups" in facts["words"], True, "what cannot be seen is said")


def watch_groups(lab):
    """One post-mortem for a group kill, one for the limit of a cgroup above, one for a child whose parent lives on."""
    facts = watched(lab, "groups")
    equal(len(facts["documents"]), 3, "post-mortems")
    together, below, child = facts["incidents"]
    equal(sorted(victim["pid"] for victim in together["victims"]), sorted(facts["together"]), "the whole group")
    equal([victim["pid"] for victim in below["victims"]], [facts["below"]], "below")
    equal(below["cgroup"]["oom_memcg"], "/above", "whose limit")
    equal(facts["documents"][1]["run"]["limits"]["memory_max_bytes"], 12 * MIB, "the limit that was hit")
    equal(facts["supervisor"][1], 0, "the parent lives on")
    equal(child["victims"][0]["pid"] != facts["supervisor"][0], True, "its child was killed")


def watch_as_user(lab):
    """An ordinary user who may read the kernel log misses nothing."""
    facts = watched(lab, "user_log")
    equal(sorted(facts["victims"]), sorted(facts["pids"]), "victims")
    equal("cannot see" in facts["words"], False, "nothing is unseen")
    equal("The kernel counts 2 kills" in facts["table"], True, "count of the kernel")


def watch_with_least_rights(lab):
    """CAP_SYSLOG alone, the cgroups and the root read-only: what the service of compose.yaml has."""
    facts = watched(lab, "least")
    equal(facts["capabilities"], f"{1 << 34:016x}", "capabilities")
    equal(facts["writable"], [], "what is mounted writable")
    equal(facts["victims"], facts["pids"], "victims")
    equal("cannot see" in facts["words"], False, "nothing is unseen")


def watch_overrun(lab):
    """A kill of which the ring buffer holds nothing any more is told from the count of its cgroup."""
    facts = watched(lab, "overrun")
    equal(facts["victims"], [facts["seen"]], "victims that have a name")
    equal(len(facts["documents"]), 2, "post-mortems")
    untold = [document for document in facts["documents"] if not document["incidents"][0]["victims"]][0]
    equal(untold["incidents"][0]["cgroup"]["task_memcg"], "/kept", "whose")
    equal([warning["code"] for warning in untold["warnings"]][0], "kill_without_log_line", "warning")


def watch_folder(lab):
    """A folder that is missing, removed or full loses nothing; one that never will do is refused at the start."""
    facts = watched(lab, "folder")
    equal(len(facts["removed"]), 1, "post-mortems in a folder that was removed")
    equal([len(facts["while_full"]), len(facts["room_again"])], [0, 1], "post-mortems while the disk is full, and then")
    equal(sorted(facts["victims"]), sorted([facts["later_pid"], facts["next_start_pid"]]), "victims")
    equal("No space left on device: tried again" in facts["full_words"], True, "what is wrong is said")
    equal(facts["full_status"], 125, "exit status where one could not be written")
    equal("1 post-mortem could not be written" in facts["full_words"], True, "that is said")
    for (status, words), why in zip(facts["refused"], ("Permission denied", "Not a directory", "Not a directory", "No such file or directory")):
        equal([status, why in words, "--into" in words], [2, True, True], words)


def watch_signals(lab):
    """Ctrl-C, SIGTERM, a terminal that is closed and Ctrl-\\ end it with its table and the kill of just now."""
    facts = watched(lab, "signals")
    for name, (pid, status, table) in facts["ends"].items():
        equal([status, f"pid {pid}" in table or str(pid) in table, "1 incident" in table], [0, True, True], f"{name}: {table}")
    equal(len(facts["documents"]), 5, "post-mortems")


def watch_on_v1_host(lab):
    """Where memory is on cgroup v1 the kernel log alone tells, and that is said."""
    facts = watched(lab, "v1_host")
    if not facts["mounted"]:
        print(f"Linux {lab.kernel} has no memory controller for cgroup v1")
        return
    equal(facts["status"], -9, "the kill")
    equal(facts["victims"], [facts["pid"]], "victims")
    equal(facts["incidents"][0]["cgroup"]["hierarchy"], 1, "hierarchy")
    equal(facts["incidents"][0]["cgroup"]["oom_memcg"], "/old", "whose limit")
    equal("the memory controller is on cgroup v1" in facts["words"], True, "what cannot be seen is said")


CASES = {name: value for name, value in list(globals().items()) if callable(value) and value.__module__ == __name__
         and name not in ("Lab", "equal", "within", "watched", "main")}


def skip(reason):
    print(f"SKIPPED: {reason}")
    return 1 if os.environ.get("OOMLAB_REQUIRE_KERNEL") == "1" else 77


def main(cases):
    if sys.argv[1:] == ["--list"]:
        print("\n".join(cases))
        return 0
    oomlab, kernel, case = sys.argv[1:4]
    lab = Lab(oomlab, kernel)
    probe = lab.call("vm", "exec", "--kernel", kernel, "--", "true")
    if probe.returncode == 3:
        return skip(f"no micro-VM with kernel {kernel}: {probe.stderr.strip()}")
    if probe.returncode != 0:
        print(f"the micro-VM does not run `true`: exit {probe.returncode}\n{probe.stderr}")
        return 1
    try:
        cases[case](lab)
    except AssertionError as error:
        print(f"FAILED {case} on {kernel}: {error}")
        if hasattr(lab, "last"):
            print(lab.last.stderr)
        return 1
    print(f"passed: {case} on {kernel}")
    return 0


if __name__ == "__main__":
    sys.exit(main(CASES))
