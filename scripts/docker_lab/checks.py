"""What must hold of a round in the guest or on a host: each finding is a line."""
import re

from . import rows

LOOP_OWNER = re.compile(r"loop-\d+$")


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
        for column in rows.COLUMNS:
            if not rows.matches(table[service][column], row[column]):
                problems.append(f"{service}: {column} is '{row[column]}', the README's row says '{table[service][column]}'")
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


def of(seen, table, services, loop):
    return [*of_services(seen, table, services), *of_documents(seen), *of_watcher(seen), *of_loop(seen, loop)]
