#!/usr/bin/env python3
"""Writes the logs that scripts/bench measures with: make_logs.py FOLDER REPORT.kmsg

few.log  1 GB of syslog lines of many programs with five reports in it
many.log 7 MB: 200 whole reports, each with a table of 180 tasks
"""
import random
import re
import sys

SEED = 1
WORDS = ("systemd session opened for user root by uid connection from port closed Accepted publickey kernel audit device eth0 link up memory room "
         "failed to start service Unit entered state java GET /index.html 200 OK CRON pam_unix sshd").split()


def messages(path):
    for line in open(path, errors="replace"):
        record = re.match(r"\d+,\d+,(\d+),[^;]*;(.*)", line)
        if record:
            yield record[2]


def report(texts, index, rows):
    start = 1000 + index * 100.0
    prefix = f"Nov 21 {index // 60 % 24:02}:{index % 60:02}:56 node7 kernel: "
    number = 0
    for text in texts:
        yield f"{prefix}[{start + number * 1e-4:12.6f}] {text}\n"
        number += 1
        if "total_vm" in text:
            for row in range(rows):
                pid = 2000 + row
                yield (f"{prefix}[{start + number * 1e-4:12.6f}] [{pid:7}]     0 {pid:7} {1000 + row:8} {300 + row:8} {200 + row:8} {100:8} {0:9} "
                       f"{45056:8} {0:8}             0 worker-{row}\n")
                number += 1


def noise(size):
    choose = random.Random(SEED)
    lines = []
    total = 0
    while total < size:
        line = (f"Nov {choose.randint(1, 28):2} {choose.randint(0, 23):02}:{choose.randint(0, 59):02}:{choose.randint(0, 59):02} "
                f"host{choose.randint(1, 9)} {choose.choice(['sshd', 'systemd', 'kernel', 'java', 'nginx'])}[{choose.randint(1, 32000)}]: "
                f"{' '.join(choose.choices(WORDS, k=choose.randint(5, 16)))}\n")
        lines.append(line)
        total += len(line)
    return "".join(lines)


def main():
    folder, kmsg = sys.argv[1:3]
    texts = list(messages(kmsg))
    block = noise(3_000_000)
    with open(f"{folder}/few.log", "w") as out:
        written = 0
        for turn in range(10**6):
            if written >= 1_000_000_000:
                break
            out.write(block)
            written += len(block)
            if turn % 66 == 5:
                out.writelines(report(texts, turn, 20))
    with open(f"{folder}/many.log", "w") as out:
        for index in range(200):
            out.writelines(report(texts, index, 180))


main()
