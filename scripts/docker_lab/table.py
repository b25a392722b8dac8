"""The table of docs/docker.md: what the witnesses said of each service, made from a round."""
import pathlib

from . import rows

BEGIN, END = "<!-- made by scripts/docker-lab: begin -->", "<!-- made by scripts/docker-lab: end -->"

# Where Docker's own words and the post-mortem part; each has a section in docs/docker.md.
DISAGREEMENTS = {
    "exit-0": "a process was OOM killed, and the container ended with 0",
    "137-without-kill": "exit code 137 without an OOM kill",
    "killed-not-said": "a process was OOM killed, and OOMKilled is false",
    "said-not-killed": "OOMKilled is true, and nobody was killed",
    "not-its-limit": "the limit that was hit is not the container's",
}


def disagreements(row):
    killed = row["killed"] != "nobody"
    found = []
    if killed and row["exit"] == "0":
        found.append("exit-0")
    if not killed and row["exit"] == "137":
        found.append("137-without-kill")
    if killed and row["OOMKilled"] == "false":
        found.append("killed-not-said")
    if not killed and row["OOMKilled"] == "true":
        found.append("said-not-killed")
    if killed and not row["whose limit"].startswith("its own"):
        found.append("not-its-limit")
    return found


def lines(seen, services):
    yield "| service | `OOMKilled` | exit code | `docker events` | post-mortem: killed | whose limit | filled by | disagreement |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for service in services:
        row = seen.row(service)
        notes = ", ".join(f"[{name}](#{name})" for name in disagreements(row))
        yield f"| `{service}` | {' | '.join(row[column] for column in rows.COLUMNS)} | {notes or '–'} |"


def unexplained(seen, services, page):
    """Disagreements that docs/docker.md has no section of."""
    text = pathlib.Path(page).read_text(encoding="utf-8")
    return [f"{service}: {name} ({DISAGREEMENTS[name]}) has no section in {page}"
            for service in services if seen.row(service) for name in disagreements(seen.row(service)) if f"### {name}\n" not in text]


def write(seen, services, page, about):
    page = pathlib.Path(page)
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"{page}: no markers for the table")
    page.write_text("\n".join([before + BEGIN, about, "", *lines(seen, services), END]) + after, encoding="utf-8")
