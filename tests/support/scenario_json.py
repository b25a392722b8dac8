"""What the tests of scenarios share: JSON with comments, and expectations broken on purpose, one at a time."""
import copy
import json

NEVER = {"equals": -12345}  # no counter and no figure is that


def load(text):
    """JSON in which // and /* */ comments are allowed, as Python has it."""
    out, i = [], 0
    while i < len(text):
        if text[i] == '"':
            end = i + 1
            while text[end] != '"':
                end += 2 if text[end] == "\\" else 1
            out.append(text[i:end + 1])
            i = end + 1
        elif text.startswith("//", i):
            i = text.find("\n", i) if "\n" in text[i:] else len(text)
        elif text.startswith("/*", i):
            i = text.index("*/", i) + 2
        else:
            out.append(text[i])
            i += 1
    return json.loads("".join(out))


def is_range(value):
    return not isinstance(value, dict) or any(key in value for key in ("equals", "at_least", "at_most", "about"))


def other_word(kind, words, definition):
    """A word of that kind which is not among those expected."""
    words = words if isinstance(words, list) else [words]
    known = {
        "verdict": ["completed", "failed", "oom_killed", "timed_out", "panicked"],
        "kind": ["oom_kill", "no_victim", "panic"],
        "scope": ["memcg", "global", "cpuset"],
        "limiting_group": ["machine", *definition["groups"]],
        "dominant": ["no such part"],
        "diagnosis": ["cma_only", "zram"],
    }
    return next((word for word in known.get(kind, []) if word not in words), None)


def ranges(node, path=()):
    """The paths of all ranges below a tree of objects."""
    if is_range(node) and not isinstance(node, list):
        yield path
    elif isinstance(node, dict):
        for name, below in node.items():
            yield from ranges(below, (*path, name))


def is_time(path):
    return path[0] in ("time_to_kill", "duration") or "memory.pressure" in path[-1]


def replaced(definition, path, value):
    changed = copy.deepcopy(definition)
    node = changed["expect"]
    for name in path[:-1]:
        node = node[name]
    node[path[-1]] = value
    return changed


def dotted(path):
    return ".".join(("expect", *map(str, path)))


def broken(definition):
    """Copies of a scenario, each with one expectation that cannot be met: (path of the expectation, the copy)."""
    expect = definition["expect"]
    tasks = [task["name"] for task in definition["tasks"]]
    for kind, wanted in expect.items():
        if kind in ("verdict", "kind", "scope", "limiting_group", "dominant", "diagnosis"):
            word = other_word(kind, wanted, definition)
            if word:
                yield dotted((kind,)), replaced(definition, (kind,), word)
        elif kind == "victims" and isinstance(wanted, list):
            yield dotted((kind,)), replaced(definition, (kind,), [] if wanted else tasks[:1])
        elif kind in ("first_victim", "trigger") and len(tasks) > 1:
            yield dotted((kind,)), replaced(definition, (kind,), next(name for name in tasks if name != wanted))
        elif kind == "victim_explained":
            yield dotted((kind,)), replaced(definition, (kind,), not wanted)
        elif kind == "exits":
            for task in wanted:
                yield dotted((kind, task)), replaced(definition, (kind, task), 201)
        elif kind == "actions":
            for action in wanted:
                yield dotted((kind, action)), replaced(definition, (kind, action), "ENOSPC")
        elif kind in ("reports", "time_to_kill", "duration", "groups", "marks", "observations"):
            for path in ranges(wanted, (kind,)):
                yield dotted(path), replaced(definition, path, {"at_least": "23h"} if is_time(path) else NEVER)


def negated(definition):
    """The scenario with all that it expects (but what must not be) turned into what must not be."""
    changed = copy.deepcopy(definition)
    positive = {kind: value for kind, value in definition["expect"].items() if kind != "not"}
    changed["expect"] = {"not": positive}
    return changed


def positive(definition):
    """The scenario with what must not be turned into what must; None when there is nothing of it."""
    if "not" not in definition["expect"]:
        return None
    changed = copy.deepcopy(definition)
    changed["expect"] = definition["expect"]["not"]
    return changed
