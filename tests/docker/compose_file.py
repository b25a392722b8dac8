#!/usr/bin/env python3
"""compose.yaml as docker-compose reads it (no Docker is needed for that), and the promises that its comments make: `compose_file.py FOLDER`.

Exit 77 (skipped) where neither compose is installed.
"""
import json
import os
import re
import shutil
import subprocess
import sys

GIB = 1 << 30


def compose_command():
    if shutil.which("docker") and subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0:
        return ["docker", "compose"]
    return ["docker-compose"] if shutil.which("docker-compose") else None


def parsed(text):
    """JSON of docker compose; YAML of docker-compose 1.29, which is a program of the system's Python and brings a parser for it."""
    try:
        return json.loads(text)
    except ValueError:
        pass
    code = "import json, sys, yaml; json.dump(yaml.safe_load(sys.stdin), sys.stdout)"
    result = subprocess.run(["/usr/bin/python3", "-c", code], input=text, capture_output=True, text=True, check=False)
    return json.loads(result.stdout) if result.returncode == 0 else None


def services_of(command, folder):
    """The whole file as compose understands it; nothing where that cannot be read here."""
    as_json = ["--format", "json"] if command[0] == "docker" else []
    result = subprocess.run([*command, "-f", os.path.join(folder, "compose.yaml"), "config", *as_json], capture_output=True, text=True, check=False,
                            env={**os.environ, "OOMLAB_WATCH": "--kills=1 --quiet"})
    assert result.returncode == 0, f"compose refuses the file:\n{result.stderr}"
    whole = parsed(result.stdout)
    return whole and whole["services"]


def size_of(text):
    number, unit = re.fullmatch(r"(\d+)([kmgb]?)", str(text).lower()).groups()
    return int(number) << {"": 0, "b": 0, "k": 10, "m": 20, "g": 30}[unit]


def rows_of(folder):
    with open(os.path.join(folder, "README.md"), encoding="utf-8") as file:
        return set(re.findall(r"^\| `([a-z0-9-]+)` \|", file.read(), re.MULTILINE))


def check(services, folder):
    total = 0
    for name, service in services.items():
        assert service["image"] == "oomlab", f"{name}: image {service['image']}"
        assert service["network_mode"] == "none", f"{name}: has a network"
        assert service["cap_drop"] == ["ALL"], f"{name}: keeps capabilities"
            # What page-cache writes has to be on the disk.
        assert service["read_only"] or name == "page-cache", f"{name}: writable root"
        assert size_of(service["memswap_limit"]) >= size_of(service["mem_limit"]), f"{name}: swap is not limited"
        total += size_of(service["mem_limit"])
    assert total < GIB, f"the limits sum up to {total >> 20} MiB"
    assert services["watcher"]["cap_add"] == ["SYSLOG"], "the watcher has more than it needs"
    command = services["watcher"]["command"]
    assert (command.split() if isinstance(command, str) else command)[-2:] == ["--kills=1", "--quiet"], f"OOMLAB_WATCH is not in {command}"
    for mount in services["watcher"]["volumes"]:
        target = mount["target"] if isinstance(mount, dict) else mount.split(":")[1]
        read_only = mount.get("read_only") if isinstance(mount, dict) else mount.endswith(":ro")
        assert read_only or target == "/post-mortems", f"the watcher may write to {target}"
    rows = rows_of(folder)
    wanted = set(services) - {"watcher"}
    assert rows == wanted, f"README.md: no row for {wanted - rows}, no service for {rows - wanted}"
    return total


def main():
    folder = sys.argv[1]
    command = compose_command()
    if command is None:
        print("skipped: neither docker compose nor docker-compose is installed (scripts/bootstrap docker installs one)")
        return 1 if os.environ.get("OOMLAB_REQUIRE_TOOLS") == "1" else 77
    services = services_of(command, folder)
    if services is None:
        print(f"{' '.join(command)} takes the file")
        return 0
    total = check(services, folder)
    print(f"{' '.join(command)}: {len(services)} services, {total >> 20} MiB at most")
    return 0


if __name__ == "__main__":
    sys.exit(main())
