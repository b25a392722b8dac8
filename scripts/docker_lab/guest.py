"""Boots the Debian image in QEMU with one job, and brings its results back."""
import io
import os
import pathlib
import re
import shutil
import subprocess
import tarfile
import tempfile
import time

from . import processes, rootfs

HERE = pathlib.Path(__file__).resolve().parent
MEMORY_MIB = 1536  # compose.yaml promises to fit in 1 GiB; Docker itself and the kernel need the rest
RESULTS_BYTES = 256 << 20
SWAP_BYTES = 128 << 20
LONGEST_SILENCE_S = 400  # a busy host makes one service take a minute
FAILURES = re.compile(r"Kernel panic|Oops:|BUG: |lab: ")  # of the laboratory, not of what is tried in it

# As vm/qemu.cpp has it and says why. lsm=capability: with AppArmor in the kernel Docker wants apparmor_parser.
KERNEL_WORDS = ("console=ttyS0 quiet panic=-1 nokaslr cryptomgr.notests no_timer_check tsc=reliable rcupdate.rcu_expedited=1 mitigations=off "
                f"random.trust_cpu=on lsm=capability root=PARTUUID={rootfs.DISK_SIGNATURE:08x}-01 rootwait rootfstype=ext4 rw")


def kernel(oomlab, name):
    """(image, modules) of a kernel in oomlab's cache, fetched if it is not there."""
    for attempt in range(2):
        listed = subprocess.run([oomlab, "vm", "kernels"], capture_output=True, text=True, check=False).stdout
        for line in listed.splitlines():
            words = line.removeprefix("*").split()
            if len(words) >= 2 and "cache" in words and words[0].startswith(name + "."):
                image = pathlib.Path(words[-1])
                return image, image.parent / "modules"
        if attempt == 0:
            mirror = ["--mirror", os.environ["OOMLAB_MIRROR"]] if os.environ.get("OOMLAB_MIRROR") else []
            subprocess.run([oomlab, "vm", "fetch", name, *mirror], check=False)
    raise processes.LabError(f"no kernel {name}", f"{oomlab} vm fetch {name}")


def accelerator(oomlab):
    said = subprocess.run([oomlab, "vm", "info"], capture_output=True, text=True, check=False).stdout
    return "kvm" if re.search(r"\bkvm\b", said, re.IGNORECASE) and "software" not in said else "tcg"


def qemu():
    program = os.environ.get("OOMLAB_QEMU") or shutil.which("qemu-system-x86_64")
    if not program:
        raise processes.LabError("QEMU is not installed", "scripts/bootstrap vm")
    return program


def write_job(path, files):
    """files: name in /job -> path, or bytes."""
    with tarfile.open(path, "w") as job:
        for name, content in files.items():
            if isinstance(content, bytes):
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(content), 0o755
                job.addfile(entry, io.BytesIO(content))
            else:
                job.add(content, arcname=name)
    with open(path, "ab") as job:  # whole blocks of the disk
        job.truncate(-(-os.path.getsize(path) // 4096) * 4096)


def command(image, boot, disks, accel, init):
    words = [qemu(), "-accel", accel, "-M", "pc", "-cpu", "host" if accel == "kvm" else "max,-erms,-fsrm", "-smp", "2" if accel == "kvm" else "1",
             "-m", str(MEMORY_MIB), "-display", "none", "-no-reboot", "-nodefaults", "-no-user-config", "-chardev", f"file,id=console,path={disks['console']}",
             "-serial", "chardev:console", "-device", "nvme,id=disks,serial=lab"]
    # No module is needed for NVMe. The kernel finds the disks in any order: the root by its signature, the others by their nsid (`disk` in the guest).
    for number, (name, path, how) in enumerate([("root", image, "snapshot=on,cache=unsafe"), ("job", disks["job"], "readonly=on"),
                                                ("results", disks["results"], "cache=unsafe"), ("swap", disks["swap"], "cache=unsafe")], 1):
        words += ["-drive", f"file={path},if=none,id={name},format=raw,{how}", "-device", f"nvme-ns,drive={name},bus=disks,nsid={number}"]
    return words + ["-kernel", str(boot), "-append", f"{KERNEL_WORDS} init={init}"]


def follow(child, console, deadline, say):
    """Says the guest's lines as they come; True when it ended by itself in time. One that says nothing for long hangs: a failure of the laboratory."""
    shown, last_word = 0, time.monotonic()
    while True:
        over = child.poll() is not None
        text = console.read_text(errors="replace") if console.exists() else ""
        lines = text.split("\n")
        for line in lines[shown:-1]:
            if line.startswith("lab "):
                say(line.rstrip("\r"))
                last_word = time.monotonic()
        shown = max(shown, len(lines) - 1)
        if over:
            return True
        if time.monotonic() > deadline:
            return False
        if time.monotonic() - last_word > LONGEST_SILENCE_S:
            raise processes.LabError(f"the guest says nothing for {LONGEST_SILENCE_S} s; its last words:\n{text[-2000:]}")
        time.sleep(0.5)


def boot(image, boot_image, job, accel, systemd, timeout, say, keep=None):
    """One boot. Returns the folder of the results, which is the caller's to remove."""
    with tempfile.TemporaryDirectory(prefix="oomlab-docker-") as work:
        disks = {name: pathlib.Path(work, name) for name in ("job", "results", "swap", "console")}
        write_job(disks["job"], job)
        for name, size in (("results", RESULTS_BYTES), ("swap", SWAP_BYTES)):
            with open(disks[name], "wb") as disk:
                disk.truncate(size)
        words = command(image, boot_image, disks, accel, "/lib/systemd/systemd" if systemd else "/lab-start")
        with open(pathlib.Path(work, "qemu.log"), "wb") as errors:
            child = processes.start(words, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)
            try:
                ended = follow(child, disks["console"], time.monotonic() + timeout, say)
            finally:
                processes.end(child)
        console = disks["console"].read_text(errors="replace") if disks["console"].exists() else ""
        if keep:
            shutil.copy(disks["console"], keep)
        if not ended:
            raise processes.LabError(f"the guest was not done after {timeout} s; its last words:\n{console[-2000:]}")
        failure = FAILURES.search(console)
        if child.returncode != 0 or failure:
            said = pathlib.Path(work, "qemu.log").read_text(errors="replace")
            raise processes.LabError(f"the guest failed (QEMU ended with {child.returncode}): {said}\n{console[-3000:]}")
        results = pathlib.Path(tempfile.mkdtemp(prefix="oomlab-docker-results-"))
        try:
            with tarfile.open(disks["results"]) as packed:
                packed.extractall(results)
        except tarfile.TarError as broken:
            shutil.rmtree(results)
            raise processes.LabError(f"the guest brought no results: {broken}\n{console[-2000:]}") from broken
        return results
