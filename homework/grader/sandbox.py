"""A process that a student's code cannot leave: bubblewrap, limits, a deadline for each answer.

The sandbox has no network, sees the system and Python's environment read-only and nothing else of
the disk, has its own process, mount and IPC namespaces, runs as a user without rights, and may use
only so much memory, time, processes and file space. What it says is checked (`messages`).
"""

import os
import platform
import random
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import psutil

try:
    import resource
except ImportError:  # Windows, which has no sandbox either
    resource = None

from grader import messages, seccomp

HELP = """\
Student code runs only in a sandbox, and this system cannot make one: {reason}.

  Debian, Ubuntu   sudo apt-get install bubblewrap
  Ubuntu >= 23.10  also allow it to make user namespaces, with homework/apparmor/bwrap:
                   sudo install -m 644 homework/apparmor/bwrap /etc/apparmor.d/bwrap
                   sudo apparmor_parser -r /etc/apparmor.d/bwrap
  macOS, Windows   use the Docker image, homework/docker/Dockerfile; on Windows WSL2 works, too

--trust-students grades without a sandbox: whatever a notebook does, it then does as you."""


class SandboxUnavailable(RuntimeError):
    """This system has no sandbox; the text says what to do."""


class SandboxEnded(RuntimeError):
    """The sandbox is gone: the student's code ended it, or broke a limit."""


@dataclass(frozen=True)
class Limits:
    """What a sandbox may use.

    Attributes:
        memory: bytes, over all its processes.
        address_space: bytes of virtual memory of each process; TensorFlow reserves gigabytes.
        disk: bytes, in its temporary folder.
        processes: processes and threads at once.
        start: seconds that starting it may take.
        cell: seconds that a cell may run.
        call: seconds that a call of a function may run.
        namespaces: whether the sandbox is bubblewrap's. In a container of its own that may not
            make namespaces (Gradescope's), root can still run it as another user without rights;
            it then sees the network and what that user may read.
    """

    memory: int = 3 * 2**30
    address_space: int = 16 * 2**30
    disk: int = 2**28
    processes: int = 128
    start: float = 30
    cell: float = 60
    call: float = 10
    namespaces: bool = True


class Sandbox:
    """A running sandbox, with a worker in it that answers questions.

    Args:
        limits: what it may use.
        trusted: run the worker without a sandbox, as the user who grades.

    Raises:
        SandboxUnavailable: if this system cannot make one.
    """

    def __init__(self, limits=None, trusted=False):
        self.limits = limits or Limits()
        self.user, filtered = None, None
        if trusted:
            command = _python()
        elif self.limits.namespaces:
            if reason := unavailable():
                raise SandboxUnavailable(HELP.format(reason=reason))
            filtered = seccomp.program()
            command = _bwrap(self.limits) + _python(Path("/grader"))
        else:
            if os.getuid() != 0:
                raise SandboxUnavailable("without namespaces only root can run another user's code")
            self.user = _new_user()
            command = _as_user(self.user) + _python(_public_copy())
        with _inherited(filtered) as descriptors:
            self.process = subprocess.Popen(
                [*command[:1], *_filter_option(descriptors), *command[1:]],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=_environment(Path.cwd() if trusted else Path("/tmp")),
                bufsize=0,
                start_new_session=True,
                pass_fds=descriptors,
                preexec_fn=partial(_set_limits, self.limits, _running()),
            )
        self.number = 0
        self._memory_read = 0.0

    def ask(self, question, seconds):
        """Return the `Answer` to a question (its number is set here).

        Raises:
            BadMessage: if the question holds what no message carries.
            SandboxEnded: if there is none within the seconds, or one that breaks the rules; the
                sandbox is gone then, and everything in it.
        """
        if self.process.poll() is not None:
            raise SandboxEnded("the sandbox is gone")
        self.number += 1
        question.number = self.number
        frame = messages.encode(question)
        deadline = time.monotonic() + seconds
        try:
            self._send(frame, deadline, seconds)
            header, arrays = messages.lengths(self._read(8, deadline, seconds))
            answer = messages.decode(
                self._read(header, deadline, seconds),
                self._read(arrays, deadline, seconds),
                messages.Answer,
            )
            if answer.number != question.number:
                raise messages.BadMessage("the answer to another question")
        except messages.BadMessage as error:
            self.end()
            raise SandboxEnded(f"the notebook sent what no answer is: {error}") from None
        except BaseException:
            self.end()
            raise
        return answer

    def end(self):
        """Kill everything in the sandbox."""
        if self.process.poll() is None:
            # All of the sandbox dies with its first process. Without a sandbox the group does.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.kill()
        if self.user is not None:
            _kill_all_of(self.user)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            pipe.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def _send(self, data, deadline, seconds):
        """Write to the worker, which may refuse to read."""
        view, pipe = memoryview(data), self.process.stdin.fileno()
        os.set_blocking(pipe, False)
        while view:
            self._wait([], [pipe], deadline, seconds)
            try:
                view = view[os.write(pipe, view) :]
            except BlockingIOError:
                continue
            except OSError:
                raise SandboxEnded(self._obituary()) from None

    def _read(self, count, deadline, seconds):
        """Read so many bytes from the worker."""
        data, pipe = bytearray(), self.process.stdout.fileno()
        os.set_blocking(pipe, False)
        while len(data) < count:
            self._wait([pipe], [], deadline, seconds)
            try:
                part = os.read(pipe, min(count - len(data), 2**20))
            except BlockingIOError:  # a student's code can take back what it wrote
                continue
            if not part:
                raise SandboxEnded(self._obituary())
            data += part
        return bytes(data)

    def _wait(self, reading, writing, deadline, seconds):
        """Wait until a pipe is ready; look after time and memory meanwhile."""
        while True:
            now = time.monotonic()
            if now > deadline:
                raise SandboxEnded(f"it took longer than {seconds:.3g} s")
            if now - self._memory_read > 0.2 and self._memory() > self.limits.memory:
                raise SandboxEnded(f"it used more than {self.limits.memory / 2**30:.3g} GB")
            if any(select.select(reading, writing, [], min(0.05, max(0, deadline - now)))):
                return

    def _memory(self):
        """Return the bytes that all processes of the sandbox have in memory."""
        self._memory_read = time.monotonic()
        total = 0
        with suppress(psutil.Error):
            root = psutil.Process(self.process.pid)
            for process in [root, *root.children(recursive=True)]:
                with suppress(psutil.Error):
                    total += process.memory_info().rss
        return total

    def _obituary(self):
        """Return why the worker is gone, as far as one can tell."""
        try:
            code = self.process.wait(timeout=2)
        except subprocess.TimeoutExpired:
            return "the notebook closed the connection to the grader"
        # bubblewrap reports a signal as a shell does.
        number = -code if code < 0 else code - 128
        if number in set(signal.Signals):
            return f"the notebook's process was ended by {signal.Signals(number).name}"
        return f"the notebook ended its process, with exit status {code}"


def unavailable():
    """Return why this system cannot make a sandbox, or None if it can."""
    global _checked
    if _checked is None:
        _checked = (_try(),)
    return _checked[0]


_checked = None


def _try():
    """Make a sandbox that does nothing; return what is in the way, or None."""
    if platform.system() != "Linux":
        return f"bubblewrap needs Linux, this is {platform.system()}"
    if not shutil.which("bwrap"):
        return "bubblewrap (the command bwrap) is not installed"
    try:
        filtered = seccomp.program()
        command = [*_bwrap(Limits()), "/usr/bin/env", "true"]
        with _inherited(filtered) as descriptors:
            process = subprocess.run(
                [*command[:1], *_filter_option(descriptors), *command[1:]],
                capture_output=True,
                text=True,
                timeout=30,
                env=_environment(Path("/tmp")),
                pass_fds=descriptors,
            )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    if process.returncode:
        return process.stderr.strip() or f"bwrap ends with status {process.returncode}"
    return None


def _python(folder=None):
    """Return the command that starts the worker, whose files are in a folder."""
    folder = folder or Path(__file__).parent
    return [os.path.abspath(sys.executable), "-sE", "-X", "utf8", str(folder / "worker.py")]


def _environment(home):
    """Return the environment of the worker: nothing of the grader's own."""
    return {
        "PATH": f"{os.path.abspath(Path(sys.executable).parent)}:/usr/bin:/bin",
        "HOME": str(home),
        "TMPDIR": str(home),
        "USER": "student",
        "LANG": "C.UTF-8",
        "MPLBACKEND": "agg",
        # One thread each: as many sandboxes run at once as the teacher has processors.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "CUDA_VISIBLE_DEVICES": "",
    }


@contextmanager
def _inherited(content):
    """Give the number of a descriptor from which a child can read some bytes; none for None."""
    if content is None:
        yield []
        return
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.seek(0)
        yield [file.fileno()]


def _filter_option(descriptors):
    """Return bubblewrap's option for the filter of system calls, if there is one to read."""
    return ["--seccomp", str(descriptors[0])] if descriptors else []


def _bwrap(limits):
    """Return the command in front of the worker's that puts it into a sandbox."""
    here = Path(__file__).parent
    # By its path: the one that was looked for, wherever it is.
    command = [shutil.which("bwrap") or "bwrap"]
    command += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts"]
    command += ["--unshare-cgroup-try", "--die-with-parent", "--new-session"]
    for folder in ("/usr", "/bin", "/sbin", "/lib", "/lib64"):
        if os.path.islink(folder):
            command += ["--symlink", os.readlink(folder), folder]
        elif os.path.isdir(folder):
            command += ["--ro-bind", folder, folder]
    # First, as Python itself may be in there.
    command += ["--size", str(limits.disk), "--perms", "1777", "--tmpfs", "/tmp"]
    shown = {path: path for path in ("/etc/ld.so.cache", "/etc/alternatives")}
    shown |= {"/sys/devices/system/cpu": "/sys/devices/system/cpu"}
    # Python may be a part of the system, which is there already.
    prefixes = [path for path in (sys.base_prefix, sys.prefix) if not path.startswith("/usr/")]
    shown |= {path: path for path in prefixes}
    shown |= {f"/grader/{name}": str(here / name) for name in ("messages.py", "worker.py")}
    # bubblewrap would make the folders above them for root alone.
    above = {parent for path in shown for parent in Path(path).parents if parent != Path("/")}
    for folder in sorted(above - {Path("/tmp")}):
        command += ["--perms", "0755", "--dir", str(folder)]
    for path, origin in shown.items():
        command += ["--ro-bind-try", origin, path]
    command += ["--proc", "/proc", "--dev", "/dev"]
    command += ["--size", str(2**20), "--perms", "1777", "--tmpfs", "/dev/shm"]
    command += ["--remount-ro", "/dev"]
    command += ["--remount-ro", "/", "--chdir", "/tmp"]
    if os.getuid() != 0:
        return [*command, "--unshare-user", "--uid", "65534", "--gid", "65534", "--"]
    # Root needs no user namespace, but must not stay root.
    command += ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    return [*command, "--cap-add", "CAP_SETPCAP", "--", *_as_user(_new_user())]


def _new_user():
    """Return a user that nobody is: the number of processes is counted by user."""
    return random.SystemRandom().randrange(2**20, 2**31)


def _as_user(user):
    """Return the command in front of another that drops all rights and becomes a user."""
    command = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    return [*command, "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]


@cache
def _public_copy():
    """Return a folder with the worker's files that every user may read."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    for name in ("messages.py", "worker.py"):
        shutil.copy(Path(__file__).with_name(name), folder)
        (folder / name).chmod(0o644)
    return folder


def _kill_all_of(user):
    """Kill all processes of a user, those included that are born meanwhile."""
    while True:
        found = [p for p in psutil.process_iter(["uids"]) if p.info["uids"].real == user]
        found = [p for p in found if p.status() != psutil.STATUS_ZOMBIE]
        if not found:
            return
        for process in found:
            with suppress(psutil.Error):
                process.kill()


def _running():
    """Return how many processes and threads this user has: an ordinary user's count as well."""
    if os.getuid() == 0:
        return 0
    mine = (p for p in psutil.process_iter(["uids", "num_threads"]) if p.info["uids"])
    return sum(p.info["num_threads"] or 0 for p in mine if p.info["uids"].real == os.getuid())


def _set_limits(limits, running):
    """Set the limits of this process and of all that it will start."""
    for kind, value in {
        resource.RLIMIT_AS: limits.address_space,
        resource.RLIMIT_FSIZE: limits.disk,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 128,
        getattr(resource, "RLIMIT_NPROC", None): limits.processes + running,
    }.items():
        if kind is not None:
            _, hard = resource.getrlimit(kind)
            value = value if hard == resource.RLIM_INFINITY else min(value, hard)
            with suppress(ValueError, OSError):  # macOS refuses some
                resource.setrlimit(kind, (value, value))
