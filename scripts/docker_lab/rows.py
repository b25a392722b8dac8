"""What each service of compose.yaml is to show: the table of compose/README.md, and what was seen, in the same words."""
import json
import pathlib
import re

# The columns that are compared, by their titles in compose/README.md.
COLUMNS = ["OOMKilled", "exit", "events", "killed", "whose limit", "filled by"]
HEADING = "service"


def cells(line):
    return [cell.strip().strip("`") for cell in line.strip().strip("|").split("|")]


def expected(readme):
    """{service: {column: text}} of the table whose first column is `service`."""
    table, titles = {}, None
    for line in pathlib.Path(readme).read_text(encoding="utf-8").splitlines():
        if not line.startswith("|"):
            titles = None
            continue
        row = cells(line)
        if titles is None:
            titles = row if row[0] == HEADING else []
        elif titles and not set(line) <= set("|-: "):
            table[row[0]] = dict(zip(titles, row))
    for service, row in table.items():
        absent = [column for column in COLUMNS if column not in row]
        if absent:
            raise ValueError(f"{readme}: {service}: no column {', '.join(absent)}")
    return table


def container_of(inspect, service):
    found = [one for one in inspect if one["Config"]["Labels"].get("com.docker.compose.service") == service]
    return found[0] if len(found) == 1 else None


def events_of(events, identity):
    """The events that say something of the end, in order but for oom, which comes from containerd by a way of its own; exits with their status."""
    words = []
    for event in events:
        if event["Actor"]["ID"] != identity:
            continue
        action = event["Action"]
        if action == "die":
            action += f" {event['Actor']['Attributes'].get('exitCode', '?')}"
        elif action == "kill":
            action += f" {event['Actor']['Attributes'].get('signal', '?')}"
        if action.split()[0] in ("oom", "die", "kill"):
            words.append(action)
    words.sort(key=lambda word: word != "oom")
    # `docker stop` at the very end is not the service's story, nor is a repetition of oom.
    return ", ".join(word for i, word in enumerate(words) if i == 0 or words[i - 1] != word)


def limit_words(incident):
    owner = incident["analysis"]["limit_owner"]
    levels = owner["levels_above_victim"] if owner else None
    report = incident["cgroup"] or {}
    limit = (report.get("memory") or {}).get("limit_bytes")
    swap = (report.get("swap") or {}).get("limit_bytes")
    size = f"{limit >> 20} MiB" if limit else "?"
    if swap:
        size += f" + {swap >> 20} MiB swap"
    return f"{'its own' if levels == 0 else 'its parent' if levels == 1 else 'an ancestor' if levels else '?'}, {size}"


def part_of(incident):
    parts = [part for part in incident["analysis"]["breakdown"] if not part["part"].startswith("free")]
    return parts[0]["part"] if parts else "?"


def nothing():
    return {"killed": "nobody", "whose limit": "–", "filled by": "–"}


def killed_words(documents):
    names = [victim["comm"] for document in documents for incident in document["incidents"] for victim in incident["victims"]]
    kinds = sorted(set(names))
    return ", ".join(name if names.count(name) == 1 else f"{name} × {names.count(name)}" for name in kinds) or "?"


def explained(documents):
    """What the post-mortems of one service say together."""
    kills = [document for document in documents if document["incidents"][0]["kind"] == "oom_kill"]
    if not kills:
        return nothing()
    first = kills[0]["incidents"][0]
    return {"killed": killed_words(kills), "whose limit": limit_words(first), "filled by": part_of(first)}


class Seen:
    """Everything that came out of one round of `drive`."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        self.folder = folder
        self.inspect = json.loads((folder / "inspect.json").read_text(encoding="utf-8"))
        self.events = [json.loads(line) for line in (folder / "events.ndjson").read_text(encoding="utf-8").splitlines() if line.strip()]
        self.documents = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in sorted((folder / "post-mortems").glob("kill-*.json"))}
        self.watcher = (folder / "watcher.txt").read_text(encoding="utf-8", errors="replace")

    def of(self, service):
        return [document for document in self.documents.values() if self.owner(document).get("service") == service]

    @staticmethod
    def owner(document):
        report = document["incidents"][0]["cgroup"] or {}
        return report.get("owner") or {}

    def row(self, service):
        container = container_of(self.inspect, service)
        if container is None:
            return None
        state = container["State"]
        return {"OOMKilled": str(state["OOMKilled"]).lower(), "exit": str(state["ExitCode"]), "events": events_of(self.events, container["Id"]),
                **explained(self.of(service))}


def missed_by_engine(wanted, row):
    """What of a row the engine did not say of a kill that the post-mortem has: `OOMKilled`, or the event. docs/docker.md, killed-not-said."""
    if row["killed"] == "nobody":
        return {}
    missed = {}
    if wanted["OOMKilled"] == "true" and row["OOMKilled"] == "false":
        missed["OOMKilled"] = "false"
    if wanted["events"].startswith("oom, ") and "oom" not in row["events"]:
        missed["events"] = wanted["events"].removeprefix("oom, ")
    return missed


def matches(wanted, seen):
    """`a or b` in the table accepts both; a number with ~ accepts any."""
    for choice in wanted.split(" or "):
        pattern = re.escape(choice.strip()).replace("\\*", ".*")
        if re.fullmatch(pattern, seen):
            return True
    return False
