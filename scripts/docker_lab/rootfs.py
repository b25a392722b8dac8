"""A small Debian with Docker Engine and compose, as an ext4 image in the user's cache; made anew when its recipe changes."""
import fcntl
import hashlib
import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile

from . import processes

PACKAGES = {
    # compose 2.26, Docker 26.1; a systemd for ordinary users
    "trixie": ["docker.io", "docker-cli", "docker-compose", "containerd", "runc", "tini", "kmod", "procps", "systemd-sysv", "dbus", "binutils",
               "dbus-user-session", "libpam-systemd"],
    # docker-compose 1.29 (Python), Docker 20.10
    "bookworm": ["docker.io", "docker-compose", "containerd", "runc", "tini", "kmod", "procps", "systemd-sysv", "dbus"],
}
SIZE_MIB = 1600  # sparse: 450 MiB are used, the rest is room for containers
DISK_SIGNATURE = 0x6F6F6D6C  # of the partition table, by which the kernel finds its root
PARTITION_MIB = 1  # where the one partition begins
MIRROR = "http://deb.debian.org/debian"

# No bridge: containers have no network here, so no module and no iptables is needed.
DAEMON = {"bridge": "none", "iptables": False, "ip6tables": False, "storage-driver": "overlay2"}

# The guest's first process, or the only service of systemd: unpacks the job, which brings the rest. Disks are known by their nsid.
START = """#!/bin/bash
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C
if [ "$$" -eq 1 ]; then
  mount -t proc proc /proc
  mount -t sysfs sysfs /sys
  mount -t devtmpfs devtmpfs /dev 2>/dev/null  # the kernel has done it, mostly
fi
for each in /sys/block/nvme0n*; do
  [ "$(cat "$each/nsid")" = 2 ] && job=/dev/${each##*/}
done
mkdir -p /job && tar -xf "$job" -C /job && exec /job/init
echo 'lab: there is no job' >/dev/console
echo o >/proc/sysrq-trigger
sleep 60
"""
UNIT = """[Unit]
Description=the job of the Docker lab
After=basic.target
[Service]
Type=exec
ExecStart=/lab-start
StandardOutput=null
StandardError=null
[Install]
WantedBy=multi-user.target
"""
# What a guest of one job needs not.
MASKED = [
    "serial-getty@ttyS0.service", "getty@tty1.service", "console-getty.service", "apt-daily.timer", "apt-daily-upgrade.timer", "fstrim.timer",
    "e2scrub_all.timer", "e2scrub_reap.service", "systemd-networkd.service", "systemd-resolved.service", "systemd-timesyncd.service", "dpkg-db-backup.timer",
    "docker.service", "docker.socket", "containerd.service",
]
KEPT_OUT = ["/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*"]

CUSTOMIZE = """
set -e
mkdir -p "$1/etc/docker" "$1/etc/systemd/system/multi-user.target.wants"
cp "$STUFF/daemon.json" "$1/etc/docker/daemon.json"
install -m 0755 "$STUFF/lab-start" "$1/lab-start"
cp "$STUFF/lab.service" "$1/etc/systemd/system/lab.service"
ln -sf ../lab.service "$1/etc/systemd/system/multi-user.target.wants/lab.service"
for unit in $MASKED; do ln -sf /dev/null "$1/etc/systemd/system/$unit"; done
echo docker-lab >"$1/etc/hostname"
echo 'lab:*:1000:1000::/tmp:/bin/sh' >>"$1/etc/passwd"  # with an x PAM would want a line in shadow
echo 'lab:x:1000:' >>"$1/etc/group"
mkdir -p "$1/var/lib/systemd/linger" && : >"$1/var/lib/systemd/linger/lab"
: >"$1/etc/fstab"
rm -rf "$1"/var/cache/apt/archives/*.deb "$1"/var/lib/apt/lists/*_*
# seen through a bind mount, the tree is without what mmdebstrap has mounted in it
mkdir "$STUFF/plain"
exec unshare --mount sh -ec 'mount --bind "$1" "$STUFF/plain"
mke2fs -q -F -t ext4 -m 0 -O ^has_journal -E lazy_itable_init=1,root_owner=0:0,offset=$OFFSET -d "$STUFF/plain" "$IMAGE" "$SIZE"' image "$1"
"""


def cache_folder():
    """As vm/cache.h has it."""
    for variable, below in (("OOMLAB_CACHE", ""), ("XDG_CACHE_HOME", "oomlab"), ("HOME", ".cache/oomlab")):
        if os.environ.get(variable):
            return pathlib.Path(os.environ[variable], below)
    return pathlib.Path(f"/tmp/oomlab-{os.getuid()}")


def recipe(suite, mirror):
    return {"suite": suite, "mirror": mirror, "packages": PACKAGES[suite], "daemon": DAEMON, "start": START, "unit": UNIT, "masked": MASKED,
            "customize": CUSTOMIZE, "size_mib": SIZE_MIB, "table": DISK_SIGNATURE, "kept_out": KEPT_OUT}


def missing_tools():
    needed = {"mmdebstrap": "mmdebstrap", "mke2fs": "e2fsprogs"}
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return [package for program, package in needed.items() if shutil.which(program, path=path) is None]


def write_partition_table(image, size_mib):
    """An MBR with one partition of Linux, from PARTITION_MIB on: the kernel knows such a disk without help of user space."""
    sectors_of_mib = 2048
    entry = struct.pack("<B3sB3sII", 0, b"\xfe\xff\xff", 0x83, b"\xfe\xff\xff", PARTITION_MIB * sectors_of_mib, size_mib * sectors_of_mib)
    with open(image, "r+b") as disk:
        disk.write(bytes(440) + struct.pack("<IH", DISK_SIGNATURE, 0) + entry + bytes(48) + b"\x55\xaa")
        disk.truncate((PARTITION_MIB + size_mib) << 20)


def make(what, image, work):
    """Runs mmdebstrap; the image is written by its last hook, which sees the files with their owners whatever the mode."""
    (work / "daemon.json").write_text(json.dumps(what["daemon"], indent=1) + "\n")
    (work / "lab-start").write_text(what["start"])
    (work / "lab.service").write_text(what["unit"])
    hook = work / "customize"
    hook.write_text(what["customize"])
    environment = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin", "STUFF": str(work), "MASKED": " ".join(what["masked"]),
                   "IMAGE": str(image), "SIZE": f"{what['size_mib']}M", "OFFSET": str(PARTITION_MIB << 20), "TMPDIR": str(work)}
    command = ["mmdebstrap", "--quiet", "--mode=" + ("root" if os.geteuid() == 0 else "unshare"), "--variant=essential", "--format=null",
               "--aptopt=APT::Install-Recommends \"false\"", "--aptopt=Acquire::Retries \"3\"", "--aptopt=Acquire::Languages \"none\"",
               "--dpkgopt=force-unsafe-io", *[f"--dpkgopt=path-exclude={path}" for path in what["kept_out"]],
               "--include=" + ",".join(what["packages"]), f"--customize-hook=sh {hook} \"$1\"", what["suite"], "-", what["mirror"]]
    processes.run(command, env=environment, stdin=subprocess.DEVNULL, timeout=1800)


def get(suite, mirror=None, rebuild=False, say=print):
    """The image for that suite: the kept one, or a new one."""
    what = recipe(suite, mirror or os.environ.get("OOMLAB_MIRROR") or MIRROR)
    key = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:16]
    folder = cache_folder() / "docker"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    image = folder / f"{suite}-{key}.disk"
    with open(folder / "lock", "w", encoding="utf-8") as lock:  # two at once: the second waits and takes what the first made
        fcntl.flock(lock, fcntl.LOCK_EX)
        if image.exists() and not rebuild:
            return image
        absent = missing_tools()
        if absent:
            raise processes.LabError(f"no image can be built: {', '.join(absent)} missing", "scripts/bootstrap docker")
        say(f"building the Debian image ({suite}, {len(what['packages'])} packages and what they need)")
        with tempfile.TemporaryDirectory(prefix="oomlab-docker-") as work:
            os.chmod(work, 0o755)
            made = pathlib.Path(work, "root.disk")
            made.touch()
            made.chmod(0o666)  # mmdebstrap's user namespace writes as somebody else
            make(what, made, pathlib.Path(work))
            write_partition_table(made, what["size_mib"])
            temporary = image.with_suffix(".new")
            subprocess.run(["cp", "--sparse=always", made, temporary], check=True)
            os.replace(temporary, image)
        for old in folder.glob(f"{suite}-*.disk"):
            if old != image:
                old.unlink()
    return image
