"""What must hold of a round in the guest or on a host: each finding is a line."""
import json
import re

from . import rows

MOST_MISSED = 4  # kills of which the engine says nothing: it races with the end of the container


def of_services(seen, table, services):
    problems = []
    for service in services:
        if service not in table:
            problems.append(f"{service}: compose/README.md has no row of it")
            continue
        row = seen.row(service)
        if row is None:
            problems.append(f"{service}: no container of it")
            continue
        wanted = {**table[service], **rows.missed_by_engine(table[service], row)}
        for column in rows.COLUMNS:
            if not rows.matches(wanted[column], row[column]):
                problems.append(f"{service}: {column} is '{row[column]}', the README's row says '{table[service][column]}'")
    missed = [service for service in services if service in table and seen.row(service) and rows.missed_by_engine(table[service], seen.row(service))]
    if len(missed) > MOST_MISSED:
        problems.append(f"the engine missed the OOM kills of {', '.join(missed)}: more than chance explains")
    return problems


def of_documents(seen):
    """Every post-mortem has one kill, of a known owner, with what the container's engine knows."""
    problems = []
    for name, document in seen.documents.items():
        owner = seen.owner(document)
        if len(document["incidents"]) != 1:
            problems.append(f"{name}: {len(document['incidents'])} incidents")
        if not owner.get("container_id") or not owner.get("name") or owner.get("image") != "oomlab":
            problems.append(f"{name}: owner is {owner}")
        if owner.get("name") != "loop-unwatched" and (not document["run"] or not document["run"]["timeline"]["rows"]):
            problems.append(f"{name}: no timeline")
    sequences = [name.split("-")[2] for name in seen.documents]
    if len(set(sequences)) != len(sequences):
        problems.append("two post-mortems of one report")
    return problems


def of_watcher(seen):
    """Its table lists what it wrote, and the kernel counts as many kills."""
    problems = []
    kills = sum(len(document["incidents"][0]["victims"]) for document in seen.documents.values())
    counted = [int(text) for text in re.findall(r"The kernel counts (\d+) kill", seen.watcher)]
    if not counted:
        problems.append(f"the watcher ended without its table:\n{seen.watcher[-2000:]}")
    told = [int(text) for text in re.findall(r"(\d+) process(?:es)? killed\.", seen.watcher)]
    if sum(told) != kills:
        problems.append(f"the watcher's tables say {sum(told)} killed, its post-mortems {kills}")
    if "cannot see everything" in seen.watcher:
        problems.append(f"the watcher does not see everything:\n{seen.watcher[:2000]}")
    return problems


def of_loop(seen, count):
    """One post-mortem for each container of the loop, none lost, none twice, and the watcher's memory flat."""
    if count == 0:
        return []
    lines = [line.split() for line in (seen.folder / "loop.txt").read_text(encoding="utf-8").splitlines()]
    problems = [f"loop-{line[1]}: exit status {line[2]}" for line in lines if line[0] == "exit" and line[2] != "137"]
    names = [seen.owner(document).get("name") or "?" for document in seen.documents.values()]
    for number in range(1, count + 1):
        times = names.count(f"loop-{number}")
        if times != 1:
            problems.append(f"loop-{number}: {times} post-mortems")
    if names.count("loop-unwatched") != 1:
        problems.append(f"the kill while nobody watched: {names.count('loop-unwatched')} post-mortems")
    memory = [int(line[1]) for line in lines if line[0] == "rss_kb" and len(line) > 1]
    if len(memory) < 2:
        problems.append("the watcher's memory was not measured")
    elif memory[-1] > memory[min(1, len(memory) - 2)] + 1024:
        problems.append(f"the watcher's memory grows: {memory} kB")
    return problems


def of_readme(folder):
    """README.md's command ended by itself, with one explained kill, printed and kept."""
    said = (folder / "readme.txt").read_text(encoding="utf-8", errors="replace")
    names = sorted(path.name for path in (folder / "readme").iterdir())
    problems = []
    if "anon: oomlab-anon" not in said or "was killed because docker container" not in said:
        problems.append(f"README.md's command does not say who was killed:\n{said[-3000:]}")
    if "1 incident, 1 process killed." not in said:
        problems.append(f"the watcher of README.md's command ended without its table:\n{said[-3000:]}")
    if said.split()[-3:] != ["exit", "status", "0"]:
        problems.append(f"README.md's command did not end well: {' '.join(said.split()[-3:])}")
    if [name.rpartition(".")[2] for name in names] != ["html", "json"]:
        problems.append(f"README.md's command left {names}")
    for name in names:
        if name.endswith(".json"):
            document = json.loads((folder / "readme" / name).read_text(encoding="utf-8"))
            service = rows.Seen.owner(document).get("service")
            if service != "anon" or not document["incidents"][0]["diagnosis"]:
                problems.append(f"README.md's kill is of {service}, with {len(document['incidents'][0]['diagnosis'])} findings")
    return problems


def of_image(folder):
    """compose/build-image made an image of one static file, below 10 MB."""
    image = json.loads((folder / "image.json").read_text(encoding="utf-8"))[0]
    problems = []
    if not 0 < image["Size"] < 10_000_000:
        problems.append(f"the image has {image['Size']} bytes")
    if len(image["RootFS"]["Layers"]) != 1 or image["Config"]["Entrypoint"] != ["/oomlab"]:
        problems.append(f"the image has {len(image['RootFS']['Layers'])} layers and the entry point {image['Config']['Entrypoint']}")
    return problems


def of_delegated(folder):
    """An ordinary user's `oomlab run` was limited in a scope of their own systemd, told its kill, and left nothing."""
    read = {name: (folder / name).read_text(encoding="utf-8", errors="replace") for name in ("user.txt", "status", "left.txt")}
    problems = []
    if read["user.txt"].strip() != "lab":
        problems.append(f"delegated: ran as {read['user.txt'].strip()}")
    if read["status"].split() != ["log", "137", "counters", "137"]:
        errors = "".join((folder / name).read_text(encoding="utf-8", errors="replace") for name in ("log.err", "counters.err"))
        return [*problems, f"delegated: {read['status']}{errors}"]
    if read["left.txt"].strip():
        problems.append(f"delegated: left behind: {read['left.txt']}")
    for name, incidents in (("log", 1), ("counters", None)):
        document = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        run = document["run"]
        inside = (folder / f"{name}.out").read_text(encoding="utf-8", errors="replace")
        if "/user@1000.service/" not in inside or ".scope/" not in inside:
            problems.append(f"delegated, {name}: the command was in {inside}")
        if run["outcome"]["verdict"] != "oom_killed" or run["limits"]["memory_max_bytes"] != 24 << 20 or run["limits"]["pids_max"] != 50:
            problems.append(f"delegated, {name}: {run['outcome']} in {run['limits']}")
        if ("kernel_log" in run["outcome"]["evidence"]) != (incidents is not None) or "memory.events" not in run["outcome"]["evidence"]:
            problems.append(f"delegated, {name}: evidence is {run['outcome']['evidence']}")
        if incidents is not None and len(document["incidents"]) != incidents:
            problems.append(f"delegated, {name}: {len(document['incidents'])} incidents")
    return problems


def of(seen, table, services, loop):
    return [*of_services(seen, table, services), *of_documents(seen), *of_watcher(seen), *of_loop(seen, loop), *of_readme(seen.folder),
            *of_image(seen.folder)]
