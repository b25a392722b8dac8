"""Children that do not outlive this program, however it ends."""
import ctypes
import os
import signal
import subprocess

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class LabError(Exception):
    """What this machine cannot do, or what broke, with the way out."""

    def __init__(self, message, remedy=""):
        super().__init__(message)
        self.remedy = remedy


def die_with_parent():
    """Runs in the child, before its exec."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setpgid(0, 0)


def start(command, **options):
    return subprocess.Popen(command, preexec_fn=die_with_parent, **options)  # nothing here has threads


def end(child):
    """Kills the child with its group, and reaps it."""
    if child.poll() is None:
        try:
            os.killpg(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    child.wait()


def run(command, timeout, **options):
    """To its end; what it printed is in the error, if there is one."""
    child = start(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    try:
        said, _ = child.communicate(timeout=timeout)
    except subprocess.TimeoutExpired as late:
        raise LabError(f"{command[0]}: not done after {timeout} s") from late
    finally:
        end(child)
    text = said.decode(errors="replace")
    if child.returncode != 0:
        raise LabError(f"{command[0]} ended with status {child.returncode}:\n{text[-3000:]}")
    return text


def raise_on_signals():
    """SIGTERM, SIGHUP and Ctrl-C become exceptions, so that every `finally` runs."""

    def stop(number, _frame):
        raise SystemExit(128 + number)

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, stop)
