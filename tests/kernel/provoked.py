"""Causes that closed_loop.py provokes: what is run, and what the first finding has to say."""
import pathlib
import re
import shlex


class Row:
    """What is run, the code that the first finding must have, and the one by the log alone where a log cannot tell (how memory grew over time)."""

    def __init__(self, name, words, cause, by_log=None):
        self.name, self.words, self.cause, self.by_log = name, words, cause, by_log or cause


def stress(name, words, cause, by_log=None):
    return Row(name, ["stress", *words.split()], cause, by_log)


def program(name, options, command, cause, by_log=None):
    """An ordinary program, as a user would run it; the text of a Python program where it has several lines."""
    argv = ["/usr/bin/python3", "-ESs", "-c", command] if "\n" in command else shlex.split(command)
    return Row(name, ["run", *options.split(), "--", *argv], cause, by_log)


# One guest for all rows of a batch, each in a cgroup of its own.
STRESS = {
    "own": [
        stress("anon", "anon --memory-max 64M", "anon_growth"),
        stress("anon-thp", "anon-thp --memory-max 64M", "anon_growth"),
        stress("brk", "brk --memory-max 48M --size 96M", "anon_growth"),
        stress("stack", "stack --memory-max 48M --size 96M", "anon_growth"),
        stress("bss", "bss --memory-max 48M --size 96M", "anon_growth"),
        stress("memory-user", "memory-user --memory-max 48M --size 96M", "anon_growth"),
        stress("string-doubling", "string-doubling --memory-max 48M --size 96M", "anon_growth"),
        stress("fork-cow", "fork-cow --memory-max 32M --size 16M --children 6 --share 100", "anon_growth"),
        stress("anon-mlock", "anon-mlock --memory-max 48M", "mlocked"),
        stress("fork-bomb", "fork-bomb --memory-max 32M --count 200", "process_fan_out"),
        stress("threads", "threads --memory-max 48M", "threads"),
        stress("unkillable", "anon --memory-max 32M --oom-score-adj -1000 --thrash-timeout 4s", "unkillable"),
    ],
    "growth": [
        stress("leak", "leak --memory-max 48M", "leak", "anon_growth"),
        stress("leak-slow", "leak --memory-max 32M --rate 6M/s --noise 40", "leak", "anon_growth"),
        stress("leak-other-seed", "leak --memory-max 48M --rate 12M/s --seed 9", "leak", "anon_growth"),
        stress("staircase", "staircase --memory-max 40M --size 64M --steps 8 --period 500ms", "staircase", "anon_growth"),
        stress("staircase-few", "staircase --memory-max 48M --size 80M --steps 6 --period 700ms", "staircase", "anon_growth"),
        stress("filled-at-once", "anon --memory-max 32M", "anon_growth"),
    ],
    "kernel": [
        stress("page-tables", "page-tables --memory-max 48M", "page_tables"),
        stress("slab", "slab --memory-max 48M", "slab"),
        stress("percpu", "percpu --memory-max 48M", "percpu"),
        stress("vmalloc", "vmalloc --memory-max 48M", "vmalloc"),
        stress("fd-leak", "fd-leak --memory-max 32M", "pipes"),
        stress("slab-timers", "slab --memory-max 48M --object timer", "slab"),
        stress("socket-leak-unix", "socket-leak --memory-max 48M --family unix", "sockets"),
        stress("socket-leak", "socket-leak --memory-max 48M", "sockets"),
    ],
    "shared": [
        stress("tmpfs", "tmpfs --memory-max 48M", "tmpfs_charged"),
        stress("tmpfs-fill", "tmpfs-fill --memory-max 48M --size 96M", "tmpfs_charged"),
        stress("memfd-fill", "memfd-fill --memory-max 48M --size 96M", "tmpfs_charged"),
        stress("shm-fill", "shm-fill --memory-max 48M --size 96M", "tmpfs_charged"),
        stress("shared-map", "shared-map --memory-max 32M --size 64M", "tmpfs_charged"),
        stress("names-of-files", "dentry-growth --names files --memory-max 16M", "slab_inode"),
    ],
    "heap": [
        stress("gc-delay", "gc-delay --memory-max 16M", "anon_growth"),
        stress("arena-frag", "arena-frag --memory-max 16M", "anon_growth"),
        stress("heap-pin", "heap-pin --memory-max 8M", "anon_growth"),
        stress("allocator-retention", "allocator-retention --memory-max 8M", "anon_growth"),
        stress("fill-pipe", "fill --kind pipe --memory-max 48M --size 96M", "pipes"),
        stress("fill-sock", "fill --kind sock --memory-max 48M --size 96M", "sockets"),
        stress("fill-kstack", "fill --kind kstack --memory-max 48M --size 96M", "threads"),
        stress("fill-mlock", "fill --kind mlock --memory-max 48M --size 96M", "mlocked"),
        stress("fill-shmem", "fill --kind shmem --memory-max 48M --size 96M", "tmpfs_charged"),
        stress("fill-pagetables", "fill --kind pagetables --memory-max 48M --size 96M", "page_tables"),
    ],
}
SWAP = {
    "swap": [
        stress("swap-full", "anon --memory-max 32M --swap-max 32M", "swap_full"),
        stress("swap-small", "anon --memory-max 64M --swap-max 4M", "anon_growth"),
        stress("swap-thrash", "swap-thrash --memory-max 32M --swap-max 48M", "thrashing"),
    ],
}
# Ordinary programs, as `oomlab run` has them: none of them knows of this project.
FILES = "import os, resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (1 << 20, 1 << 20))\n"
PROGRAMS = {
    "programs": [
        program("list-of-python", "--memory-max 48M", "kept = []\nwhile True: kept.append(b'x' * 4096 + bytes([len(kept) % 256]))", "anon_growth"),
        program("one-buffer", "--memory-max 48M", "/usr/bin/python3 -ESs -c 'bytearray(200 << 20)'", "anon_growth"),
        program("string-of-perl", "--memory-max 32M", "perl -e '$x .= \"a\" x 65536 while 1'", "anon_growth"),
        program("tail", "--memory-max 32M", "tail /dev/zero", "anon_growth"),
        program("block-of-dd", "--memory-max 32M", "dd if=/dev/zero of=/dev/null bs=200M count=1", "anon_growth"),
        program("sort", "--memory-max 24M", "sh -c 'yes abcdefghijklmnopqrstuvwxyz | head -n 2000000 | sort -S 100M -n > /dev/null'", "anon_growth"),
        program("huge-pages", "--memory-max 48M", "import mmap\narea = mmap.mmap(-1, 200 << 20, flags=34); area.madvise(14)\n"
                "while True: area.write(b'x' * (1 << 20))", "anon_growth"),
        program("large-stacks", "--memory-max 48M", "import threading, time\nthreading.stack_size(64 << 20)\ndef work():\n  kept = b'x' * (1 << 20) + b'y'; time.sleep(60)\n"
                "for i in range(100): threading.Thread(target=work, daemon=True).start()\ntime.sleep(9)", "anon_growth"),
        program("copies-on-write", "--memory-max 48M", "import os, time\narea = bytearray(b'x' * (16 << 20))\nfor i in range(5):\n  if os.fork() == 0:\n"
                "    for at in range(0, len(area), 4096): area[at] = 1\n    time.sleep(60); os._exit(0)\ntime.sleep(9)", "anon_growth"),
        program("cache-that-grows", "--memory-max 48M", "import time\nkept = {}\nwhile True: kept[len(kept)] = b'x' * (1 << 20) + b'y'; time.sleep(.1)", "leak", "anon_growth"),
        program("batch-after-rest", "--memory-max 64M", "import time\nfirst = bytearray(b'x' * (8 << 20)); time.sleep(6); second = bytearray(b'x' * (200 << 20))", "spike",
                "anon_growth"),
        program("batches", "--memory-max 48M", "import time\nkept = []\nwhile True: kept.append(b'x' * (6 << 20)); time.sleep(1.5)", "staircase", "anon_growth"),
    ],
    "programs_many": [
        program("workers", "--memory-max 64M", "import os, time\nfor i in range(60):\n  if os.fork() == 0:\n    kept = b'x' * (2 << 20) + b'y'; time.sleep(60); os._exit(0)\n"
                "time.sleep(9)", "process_fan_out"),
        program("fork-loop", "--memory-max 24M --pids-max 2000", "import os, time\nfor i in range(1000):\n  if os.fork() == 0: time.sleep(60); os._exit(0)\ntime.sleep(9)",
                "process_fan_out"),
        program("thread-loop", "--memory-max 48M", "import threading, time\nthreading.stack_size(65536)\n"
                "for i in range(5000): threading.Thread(target=time.sleep, args=(99,), daemon=True).start()\ntime.sleep(9)", "threads"),
        program("killed-together", "--memory-max 32M --oom-group", "sh -c 'sleep 100 & sleep 100 & tail /dev/zero'", "oom_group"),
        program("small-but-first", "--memory-max 48M", "sh -c \"choom -n 900 -- /usr/bin/python3 -ESs -c 'import time; x = bytearray(8 << 20).replace(bytes(1), bytes([1])); "
                "time.sleep(100)' & sleep 4; tail /dev/zero\"", "oom_score_adj_steered"),
        program("swapped", "--memory-max 32M --swap-max 24M", "tail /dev/zero", "swap_full"),
        program("mlockall", "--memory-max 32M", "import ctypes\nctypes.CDLL(None).mlockall(3)\nkept = []\nwhile True: kept.append(bytearray(b'x' * (1 << 20)))", "mlocked"),
        program("file-in-memory", "--memory-max 32M", "dd if=/dev/zero of=/dev/shm/x bs=1M count=100", "tmpfs_charged"),
        program("file-left", "--memory-max 48M", "sh -c 'dd if=/dev/zero of=/dev/shm/y bs=1M count=36; tail /dev/zero'", "tmpfs_orphaned"),
        program("shared-mapping", "--memory-max 32M", "import mmap\narea = mmap.mmap(-1, 100 << 20)\nwhile True: area.write(b'x' * (1 << 20))", "tmpfs_charged"),
        program("memfd", "--memory-max 32M", "import os\nfile = os.memfd_create('x')\nwhile True: os.write(file, b'x' * (1 << 20))", "tmpfs_charged"),
    ],
    "programs_kernel": [
        program("unread-pipes", "--memory-max 32M", FILES + "kept = []\nwhile True:\n  kept.append(os.pipe()); os.set_blocking(kept[-1][1], False)\n"
                "  try: os.write(kept[-1][1], b'x' * (1 << 20))\n  except OSError: pass", "pipes"),
        program("unread-streams", "--memory-max 32M", FILES + "import socket\nkept = []\nwhile True:\n  kept.append(socket.socketpair()); kept[-1][0].setblocking(False)\n"
                "  try: kept[-1][0].send(b'x' * 200000)\n  except OSError: pass", "sockets"),
        program("open-files-of-python", "--memory-max 24M", FILES + "while True: os.open('/dev/null', 0)", "slab"),
        program("event-descriptors", "--memory-max 24M", FILES + "import ctypes\nlibc = ctypes.CDLL(None)\nwhile True: libc.eventfd(0, 0)", "slab"),
        program("epoll", "--memory-max 24M", FILES + "import select\nkept = []\nwhile True: kept.append(select.epoll())", "slab"),
        program("message-queues", "--memory-max 24M", "import ctypes\nlibc = ctypes.CDLL(None); message = ctypes.create_string_buffer(8200); message[0] = 1\nwhile True:\n"
                "  queue = libc.msgget(0, 0o1600); libc.msgsnd(queue, message, 8000, 2048); libc.msgsnd(queue, message, 8000, 2048)", "slab"),
        program("empty-files", "--memory-max 24M", "import os\nos.mkdir('/dev/shm/d')\nfor i in range(10 ** 6): os.close(os.open(f'/dev/shm/d/{i}', 66))", "slab_inode"),
        program("sparse-reads", "--memory-max 32M", "import ctypes\nlibc = ctypes.CDLL(None); libc.mmap.restype = ctypes.c_void_p; size = 64 << 30\n"
                "start = libc.mmap(None, ctypes.c_size_t(size), 1, 0x4022, -1, ctypes.c_size_t(0)); libc.madvise(ctypes.c_void_p(start), ctypes.c_size_t(size), 15)\n"
                "for at in range(start, start + size, 2 << 20): ctypes.c_char.from_address(at).value", "page_tables"),
    ],
    "programs_others": [
        program("string-of-bash", "--memory-max 32M", "bash -c 'a=xxxxxxxx; while :; do a=$a$a; done'", "anon_growth"),
        program("mappings", "--memory-max 24M", "import ctypes\nopen('/proc/sys/vm/max_map_count', 'w').write('2000000')\nlibc = ctypes.CDLL(None)\n"
                "while True:\n  for rights in (1, 3): libc.mmap(None, ctypes.c_size_t(4096), rights, 0x22, -1, ctypes.c_size_t(0))", "slab"),
        program("posix-queues", "--memory-max 16M", "import ctypes, resource, time\nresource.setrlimit(12, (-1, -1))\nlibc = ctypes.CDLL(None)\n"
                "for i in range(250):\n  queue = libc.mq_open(b'/%d' % i, 0o4102, 0o600, (ctypes.c_long * 8)(0, 10, 8192))\n"
                "  while libc.mq_send(queue, b'x' * 8000, ctypes.c_size_t(8000), 0) == 0: pass", "slab"),
        program("datagrams", "--memory-max 24M", FILES + "import socket\nkept = []\nsender = socket.socket(2, 2)\nwhile True:\n  kept.append(socket.socket(2, 2)); kept[-1].bind(('127.0.0.1', 0))\n"
                "  for i in range(100):\n    try: sender.sendto(b'x' * 1400, kept[-1].getsockname())\n    except OSError: break", "sockets"),
        program("rings", "--memory-max 24M", FILES + "import ctypes\nlibc = ctypes.CDLL(None)\nwhile True: libc.syscall(425, 4096, ctypes.create_string_buffer(120))", "kernel_memory"),
        program("watched-files", "--memory-max 16M", "import ctypes, os\nlibc = ctypes.CDLL(None); os.mkdir('/dev/shm/w'); watch = libc.inotify_init()\n"
                "for i in range(10 ** 6):\n  name = f'/dev/shm/w/{i}'; os.close(os.open(name, 66)); libc.inotify_add_watch(watch, name.encode(), 4095)", "slab_inode"),
        program("mapped-file", "--memory-max 24M", "import mmap, os\nfile = os.open('/dev/shm/m', 66); os.ftruncate(file, 100 << 20); area = mmap.mmap(file, 100 << 20)\n"
                "while True: area.write(b'x' * (1 << 20))", "tmpfs_charged"),
        program("large-forks", "--memory-max 32M", "import os, time\nkept = bytearray(4 << 20)\nwhile True:\n  if os.fork() == 0: time.sleep(60); os._exit(0)", "process_fan_out"),
    ],
}
# What concerns the whole machine, or panics it: a guest for each.
ALONE = {
    "machine": [
        stress("host", "anon", "host_exhausted"),
        stress("host-tmpfs", "tmpfs", "tmpfs_charged"),
        stress("host-mlocked", "anon-mlock", "mlocked"),
        stress("host-ramfs", "ramfs", "page_cache_dirty_or_pinned"),
        stress("ramfs", "ramfs --memory-max 48M", "page_cache_dirty_or_pinned"),
        stress("panic", "anon --sysctl vm.panic_on_oom=1", "panic_on_oom"),
    ],
}


def named_by_its_file(path):
    """The scenario's name and the finding that its file expects; a list where a jerky machine has another, the first is what is provoked."""
    found = re.search(r'"diagnosis": \[?"([a-z_]+)"', path.read_text(encoding="utf-8"))
    return found and Row(path.stem, None, found.group(1))


# Scenarios of the library: all whose end is explained.
SCENARIOS = {
    "library": [row for row in map(named_by_its_file, sorted(pathlib.Path(__file__).parents[2].glob("scenarios/*.json"))) if row],
}
# Situations that are made by hand: a script for a guest of its own, as tests/fixtures/logs/make has them. The log alone is the witness.
GUESTS = {
    "by_hand": [
        Row("dentry-links", "mount -t tmpfs -o nr_inodes=0 x /mnt; group g memory.max=32M; inside g $work links /mnt 100000", "slab_dentry"),
        Row("inodes", "mount -t tmpfs -o nr_inodes=0 x /mnt; group g memory.max=24M; inside g $work empty_files /mnt 100000", "slab_inode"),
        Row("open-files", "group g memory.max=24M; inside g $work open_files 300000", "slab"),
        Row("tmpfs-left", "mount -t tmpfs x /mnt; group g memory.max=40M; inside g $work left_files /mnt 26; inside g $work hog 32", "tmpfs_orphaned"),
        Row("sysv-left", "group g memory.max=32M; inside g $work sysv 24; inside g $work hog 32", "tmpfs_orphaned"),
        Row("sockets-tcp", "group g memory.max=64M; inside g $work tcp 60 64", "sockets"),
        Row("processes", "group g memory.max=48M; inside g $work processes 60 1024", "process_fan_out"),
        Row("file-pinned", "echo 256M > /sys/block/zram0/disksize; /sbin/mkfs.ext4 -q /dev/zram0; mount /dev/zram0 /mnt; head -c 64M /dev/zero > /mnt/data; sync"
            "; echo 3 > /proc/sys/vm/drop_caches; group g memory.max=32M; inside g $work pinned_file /mnt/data", "page_cache_dirty_or_pinned"),
        Row("limit-small", "echo 3 > /proc/sys/vm/drop_caches; group g memory.max=6M; inside g $work hog 20", "limit_far_too_small"),
        Row("sysrq", "$work hog 100 100 & sleep 5; echo f > /proc/sysrq-trigger; sleep 1", "sysrq"),
        Row("hugepages", "echo 150 > /proc/sys/vm/nr_hugepages; tail /dev/zero", "hugepages_reserved"),
        Row("ram-disk", "echo 1G > /sys/block/zram0/disksize; head -c 360M /dev/urandom > /dev/zram0; sync; echo 3 > /proc/sys/vm/drop_caches; $work hog 400",
            "driver_or_unaccounted"),
        Row("fragments", "echo 1048576 > /proc/sys/fs/pipe-max-size; echo 0 > /proc/sys/fs/pipe-user-pages-soft; $work fragments 280 3", "fragmentation"),
    ],
}
# The same with options of the guest.
OPTIONS = {
    "guest_options": [
        (Row("zram", "$work random_hog 380", "zram"), ["--memory", "256M", "--swap", "200M"]),
        (Row("movable", "$work pipes 500", "lowmem_zone"), ["--cold", "--kernel-argument", "movablecore=300M"]),
        (Row("cpuset", "echo +cpuset > $cg/cgroup.subtree_control; group g cpuset.mems=1; inside g tail /dev/zero", "numa_or_cpuset"), ["--cold", "NUMA"]),
        (Row("mempolicy", "$work bound 1 300", "numa_or_cpuset"), ["--cold", "NUMA"]),
    ],
}
PRELUDE = r"""
cg=/sys/fs/cgroup; work="/usr/bin/python3 -ESs {logs}/workload.py"
group() {{ mkdir -p "$cg/$1"; path=$1; shift; for s; do echo "${{s#*=}}" > "$cg/$path/${{s%%=*}}"; done; }}
inside() {{ (echo 0 > "$cg/$1/cgroup.procs"; shift; exec "$@"); }}
$work hog 1
"""
