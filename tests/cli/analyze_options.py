#!/usr/bin/env python3
"""The options of `oomlab analyze` as a user gives them: what is kept, joined, refused, and said.

usage: analyze_options.py OOMLAB
"""
import datetime
import json
import os
import subprocess
import sys
import tempfile

OOMLAB = os.path.abspath(sys.argv[1])
FAILURES = []


def report(comm, pid, prefix="", memcg="/docker/web"):
    """A memory cgroup's report as Linux 6.12 prints it; the statistics are left out, as a rate limit does."""
    lines = [
        f"{comm} invoked oom-killer: gfp_mask=0xcc0(GFP_KERNEL), order=0, oom_score_adj=0",
        f"CPU: 3 UID: 1000 PID: {pid} Comm: {comm} Not tainted 6.12.9 #1",
        "memory: usage 65536kB, limit 65536kB, failcnt 212",
        "Tasks state (memory values in pages):",
        "[  pid  ]   uid  tgid total_vm      rss rss_anon rss_file rss_shmem pgtables_bytes swapents oom_score_adj name",
        f"[   {pid}]  1000  {pid}    27712    18219    16012     2207         0   208896        0             0 {comm}",
        f"oom-kill:constraint=CONSTRAINT_MEMCG,nodemask=(null),cpuset=/,mems_allowed=0,oom_memcg={memcg},task_memcg={memcg},task={comm},"
        f"pid={pid},uid=1000",
        f"Memory cgroup out of memory: Killed process {pid} ({comm}) total-vm:110848kB, anon-rss:64048kB, file-rss:8828kB, "
        "shmem-rss:0kB, UID:1000 pgtables:204kB oom_score_adj:0",
    ]
    return "".join(f"{prefix}{line}\n" for line in lines)


def run(words, log=""):
    return subprocess.run([OOMLAB, "analyze", *words], input=log, capture_output=True, text=True, errors="replace", timeout=60, cwd=SCRATCH)


def check(name, condition, detail=""):
    if not condition:
        FAILURES.append(name)
        print(f"{name}: {detail}")


def document(name, words, log, status=0):
    result = run([*words, "--format", "json"], log)
    check(name, result.returncode == status, f"exit {result.returncode}, expected {status}\n{result.stderr}")
    return json.loads(result.stdout) if result.stdout else {"incidents": [], "warnings": []}


def victims(found):
    return [victim["comm"] for incident in found["incidents"] for victim in incident["victims"]]


def codes(found):
    return [warning["code"] for warning in found["warnings"]]


def refused(name, words, message, log=""):
    result = run(words, log)
    lines = result.stderr.splitlines()
    check(name, result.returncode == 2 and lines and message in lines[0] and not result.stdout,
          f"exit {result.returncode}, expected 2 and '{message}'\n{result.stderr}{result.stdout[:200]}")


def selection():
    now = datetime.datetime.now().astimezone()
    recent, older = now - datetime.timedelta(minutes=20), now - datetime.timedelta(days=2)
    log = report("older", 10, f"{older.isoformat(timespec='seconds')} web1 kernel: ") + report(
        "recent", 11, f"{recent.isoformat(timespec='seconds')} web2 kernel: ")
    check("all", victims(document("all", [], log)) == ["older", "recent"], "both are expected")
    for name, words, expected in (
            ("hours ago", ["--since", "2h"], ["recent"]),
            ("until hours ago", ["--until", "2h"], ["older"]),
            ("days", ["--since", "3d", "--until", "1d ago"], ["older"]),
            ("rfc3339", ["--since", (older + datetime.timedelta(hours=1)).isoformat(timespec="seconds")], ["recent"]),
            ("host", ["--host", "web1"], ["older"]),
            ("hosts", ["--host", "web1", "--host", "web2"], ["older", "recent"]),
            ("host and time", ["--host", "web1", "--since", "2h"], [])):
        found = document(name, words, log)
        check(name, victims(found) == expected, f"{victims(found)}, expected {expected}")
        check(name, ("not_selected" in codes(found)) == (len(expected) < 2), f"warnings {codes(found)}")
    found = document("no year", ["--since", "1d"], report("yearless", 12, recent.strftime("%b %d %H:%M:%S web1 kernel: ")))
    check("no year", victims(found) == ["yearless"] and codes(found) == ["year_assumed"], f"{victims(found)} {codes(found)}")
    found = document("no time", ["--since", "1d"], report("timeless", 13))
    check("no time", victims(found) == ["timeless"] and codes(found) == ["time_unknown"], f"{victims(found)} {codes(found)}")
    document("nothing left", ["--since", "1h", "--host", "web1", "--exit-code"], log)
    document("something left", ["--host", "web1", "--exit-code"], log, status=1)
    refused("bad since", ["--since", "tomorow"], "--since: 'tomorow' is not a time such as 2025-11-21")
    refused("bad until", ["--until", "2025-02-30"], "--until: '2025-02-30' is not a time such as")
    refused("hostile time", ["--since", "\x1b[31m"], "--since: '\\x1b[31m' is not a time")
    refused("empty host", ["--host", ""], "--host: the name is empty")
    refused("the wrong way round", ["--since", "1h", "--until", "2h"], "--until is before --since")


def file(name, text):
    path = os.path.join(SCRATCH, name)
    with open(path, "w", encoding="utf-8", errors="surrogateescape") as opened:
        opened.write(text)
    return name


def control_files():
    log = report("python3", 4242)
    stat = file("memory.stat", "anon 60817408\nfile 4096\nslab_unreclaimable 1048576\npgfault 12\n")
    events = file("memory.events", "low 0\nhigh 0\nmax 35\noom 3\noom_kill 3\noom_group_kill 0\n")
    once = file("once.events", "low 0\nhigh 0\nmax 35\noom 1\noom_kill 1\n")
    found = document("memory.stat", ["--memory-stat", stat], log)
    incident = found["incidents"][0]
    check("memory.stat", incident["cgroup"]["stat"].get("anon") == 60817408 and incident["analysis"]["breakdown"][0]["part"] == "anon",
          incident["cgroup"])
    check("memory.stat", "cgroup_stat" in incident["missing"] and codes(found) == ["control_files_joined"], f"{incident['missing']} {codes(found)}")
    full = log.replace("Tasks state", "Memory cgroup stats for /docker/web:\nanon 1\nfile 2\nTasks state", 1)
    found = document("memory.stat beside the log's", ["--memory-stat", stat], full)
    check("memory.stat beside the log's", found["incidents"][0]["cgroup"]["stat"] == {"anon": 1, "file": 2} and
          codes(found) == ["memory_stat_unused"], found["incidents"][0]["cgroup"]["stat"])
    for name, path, text, expected in (
            ("unlogged kills", events, log, ["kill_without_log_line"]),
            ("nothing logged", events, "", ["kill_without_log_line"]),
            ("every kill logged", once, log, []),
            ("more logged than counted", once, log + log.replace("4242", "4243"), ["kill_not_counted"]),
            ("kills of another group", once, log + report("other", 7, memcg="/docker/web2"), [])):
        found = document(name, ["--memory-events", path], text)
        check(name, codes(found) == expected, f"{codes(found)}, expected {expected}")
    refused("no such file", ["--memory-stat", "gone.stat"], "--memory-stat: gone.stat: No such file or directory", log)
    refused("a folder", ["--memory-events", "."], "--memory-events: .: ", log)
    refused("not counters", ["--memory-stat", file("bad.stat", "anon 1\nfile x\n")],
            "--memory-stat: bad.stat: line 2: expected 'name number', got 'file x'", log)
    refused("the other file", ["--memory-events", stat], "--memory-events: memory.stat: not a memory.events: it has none of the counters", log)
    refused("empty", ["--memory-stat", file("empty", "")], "--memory-stat: empty: not a memory.stat", log)


def explained_lines():
    log = report("a\x1b[31m", 4242, "Nov 21 14:22:56 web1 kernel: ") + "Nov 21 14:22:57 web1 kernel: eth0: link up\n"
    result = run(["--explain-lines"], log)
    rows = result.stdout.splitlines()
    kinds = ["trigger", "process", "memcg usage", "task table", "task columns", "task row", "summary", "kill", "not of a report"]
    check("explain lines", result.returncode == 0 and len(rows) == len(kinds), f"exit {result.returncode}\n{result.stdout}{result.stderr}")
    for number, (row, kind) in enumerate(zip(rows, kinds), 1):
        check("explain lines", row.split()[:3] == [str(number), "syslog", "--11-21T14:22:56" if number < 9 else "--11-21T14:22:57"] and
              f"  {kind}  " in row, row)
    check("explain lines", "\x1b" not in result.stdout and "a\\x1b[31m invoked" in rows[0], "not escaped, or coloured in a pipe")
    with open(os.path.join(SCRATCH, "one.log"), "w", encoding="utf-8") as opened:
        opened.write(log)
    result = run(["--explain-lines", "one.log", "-"], "hello\n")
    check("explain lines of two", "==> one.log <==\n" in result.stdout and "==> - <==\n" in result.stdout, result.stdout)
    endless = subprocess.Popen([OOMLAB, "analyze", "--explain-lines"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
    for line in log.splitlines()[:2]:
        endless.stdin.write(line + "\n")
        endless.stdin.flush()
        shown = endless.stdout.readline()  # a line that is held back hangs here, until the test's time is over
        check("explain an endless pipe", "invoked" in shown or "Comm:" in shown, shown)
    endless.stdin.close()
    check("explain an endless pipe", endless.wait(timeout=60) == 0, "exit status")
    refused("lines and a report", ["--explain-lines", "--format", "json"], "--explain-lines prints lines, not a report: --format cannot go with it")
    refused("lines of a time", ["--explain-lines", "--since", "2h"], "--since, --until and --host cannot go with it")
    refused("lines of no carrier", ["--explain-lines", "--carrier", "pigeon"], "'pigeon' is not a carrier")


def redaction():
    log = report("payrolld", 4242, "Jun 12 03:04:05 zulu.acme.example kernel: ", "/acme.slice/payroll.service")
    for form in ("text", "json", "ndjson"):
        result = run(["--redact", "--format", form], log)
        leaked = [name for name in ("payroll", "acme", "zulu") if name in result.stdout]
        check(f"redacted {form}", result.returncode == 0 and "4242" in result.stdout and not leaked, f"{leaked}\n{result.stderr}")
    shown = [victims(document("redacted", words, log))[0] for words in (["--redact"], ["--redact"], ["--redact-key", "k"], ["--redact", "--redact-key", "k"])]
    check("a key of its own each time", shown[0] != shown[1], shown)
    check("the same key", shown[2] == shown[3] and shown[2] != shown[0], shown)
    with open(os.path.join(SCRATCH, "key"), "w") as file:
        file.write("k\n")
    check("a key in a file", victims(document("a key in a file", ["--redact-key", "@key"], log)) == [shown[2]], shown)
    found = document("redacted and selected", ["--redact", "--host", "zulu"], log)
    check("redacted and selected", len(found["incidents"]) == 1, "the real name selects")
    refused("lines and redaction", ["--explain-lines", "--redact"], "--redact cannot go with it")
    refused("empty key", ["--redact-key", ""], "--redact-key")
    refused("no such key", ["--redact-key", "@nowhere"], "--redact-key")


with tempfile.TemporaryDirectory(prefix="oomlab-analyze-") as SCRATCH:
    redaction()
    selection()
    control_files()
    explained_lines()

if FAILURES:
    print(f"{len(FAILURES)} failed: {', '.join(FAILURES)}")
    sys.exit(1)
print("every option of analyze does what it says")
