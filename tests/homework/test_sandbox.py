"""homework/grader/sandbox.py: what code in a sandbox can see, do and use, and what it cannot."""

import os
import platform
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from grader import sandbox, seccomp
from grader.messages import Run
from grader.sandbox import Limits, Sandbox, SandboxEnded, SandboxUnavailable
from grader.student import Session

ROOT = Path(__file__).resolve().parents[2]
LIMITS = Limits(memory=2**28, disk=2**24, processes=20, cell=20, call=2)


def value(session, source):
    """The value of `answer` after a cell."""
    session.run("cell", source)
    return session.get("answer")


def refused(statement):
    """A cell whose answer is the name of the error that a statement raises, or what it printed."""
    return f"""
import errno, os, pathlib, socket
try:
    answer = repr({statement})
except OSError as error:
    answer = errno.errorcode.get(error.errno, type(error).__name__)
"""


@pytest.fixture(scope="module")
def looking():
    """A sandbox for code that only looks around."""
    os.environ["UNROLLED_SECRET"] = "token"
    with Session(LIMITS) as session:
        session.run("start", "")
        yield session
    del os.environ["UNROLLED_SECRET"]


@pytest.fixture
def session():
    with Session(LIMITS) as session:
        yield session


# What it can see.


def test_there_is_no_network(looking):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        here = listening.getsockname()
        assert value(looking, refused(f"socket.create_connection({here})")) == "ECONNREFUSED"
    outside = 'socket.create_connection(("192.0.2.1", 80), 1)'
    assert value(looking, refused(outside)) == "ENETUNREACH"
    assert value(looking, "answer = [name for _, name in socket.if_nameindex()]") == ["lo"]


@pytest.mark.parametrize(
    "folder", ["/", "/usr", "/etc", "/dev", "/grader", "/work", sys.prefix, sys.base_prefix]
)
def test_nothing_but_its_temporary_folders_can_be_written(looking, folder):
    error = value(looking, refused(f"open({folder + '/new'!r}, 'w')"))
    assert error in ("EROFS", "EACCES", "ENOENT", "EPERM")


def test_it_may_write_in_its_temporary_folder(session):
    source = "open('new', 'w').write('text'); answer = os.path.abspath('new')"
    assert value(session, f"import os; {source}") == "/tmp/new"


def test_only_the_system_python_and_the_worker_are_there(looking):
    known = ["/usr", "/proc", "/sys", "/dev", "/etc/alternatives", "/etc/ld.so.cache"]
    known += ["/bin", "/sbin", "/lib", "/lib64", sys.prefix, sys.base_prefix]
    files = value(
        looking,
        f"""
import os
answer = []
for folder, folders, files in os.walk("/"):
    folders[:] = [name for name in folders if os.path.join(folder, name) not in {known}]
    answer += [os.path.join(folder, name) for name in files]
""",
    )
    assert set(files) - set(known) == {"/grader/messages.py", "/grader/worker.py"}


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "/etc/shadow", "/var", "/run", "/home", Path.home() / ".ssh", Path.cwd() / "x"]
    + [Path(__file__), ROOT / "homework", ROOT / "tests", ROOT / "chapters", ROOT / ".git"],
)
def test_it_sees_nothing_of_the_computer_or_the_course(looking, path):
    if Path(sys.prefix).is_relative_to(path) or Path(sys.base_prefix).is_relative_to(path):
        pytest.skip("Python is in there, and hence its folders")
    assert value(looking, f"import os; answer = os.path.lexists({str(path)!r})") is False


def test_it_sees_nothing_of_the_graders_environment(looking):
    environment = value(looking, "import os; answer = dict(os.environ)")
    assert not set(environment) & {"UNROLLED_SECRET", "SSH_AUTH_SOCK", "PYTHONPATH", "LOGNAME"}
    assert environment["HOME"] == "/tmp" and environment["USER"] == "student"
    assert "UNROLLED" not in value(looking, refused("open('/proc/1/environ').read()"))


def test_its_user_has_no_rights(looking):
    status = value(looking, "answer = open('/proc/self/status').read()")
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert "0" not in fields["Uid"].split() + fields["Gid"].split()
    assert not fields["Groups"].replace("65534", "").strip()
    assert fields["NoNewPrivs"] == "1"
    for kind in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(fields[kind], 16) == 0, kind
    assert value(looking, refused("os.setuid(0)")) in ("EPERM", "EINVAL")


def test_it_has_its_own_processes(looking):
    assert value(looking, "import os; answer = os.getpid()") < 10
    names = value(looking, "answer = [name for name in os.listdir('/proc') if name.isdigit()]")
    assert len(names) <= 3
    assert value(looking, refused(f"os.kill({os.getpid()}, 0)")) == "ESRCH"


def test_a_later_sandbox_sees_nothing_of_an_earlier_one():
    for _ in range(2):
        with Session(LIMITS) as session:
            left = "answer = [os.path.exists(p) for p in ('/tmp/left', '/dev/shm/left')]"
            assert value(session, f"import os; {left}") == [False, False]
            session.run("leave", "open('/tmp/left', 'w'); open('/dev/shm/left', 'w')")
            assert value(session, f"import os; {left}") == [True, True]


# What it can use.


def test_memory_is_limited(session):
    with pytest.raises(SandboxEnded, match="used more than 0.25 GB"):
        session.run("cell", "import time\nkept = b'x' * 2**29\ntime.sleep(9)")


def test_memory_of_children_counts(session):
    source = "import os, time\nfor _ in range(4): os.fork() or (b'x' * 10**8, time.sleep(9))"
    with pytest.raises(SandboxEnded, match="used more than"):
        session.run("cell", source + "\ntime.sleep(9)")


def test_address_space_is_limited():
    with Session(replace(LIMITS, address_space=2**30)) as session:
        source = "try: bytearray(2**31)\nexcept MemoryError: answer = 'refused'"
        assert value(session, source) == "refused"


def test_processes_are_limited(session):
    source = """
import os, signal
children = []
try:
    while len(children) < 100:
        children.append(os.fork())
        if not children[-1]:
            signal.pause()
except BlockingIOError:
    pass
for child in children:
    os.kill(child, signal.SIGKILL)
answer = len(children)
"""
    assert value(session, source) <= LIMITS.processes


@pytest.mark.parametrize(
    "statement, error",
    [
        ("pathlib.Path('/tmp/large').write_bytes(bytes(2**24 + 1))", {"EFBIG", "ENOSPC"}),
        ("[pathlib.Path(f'/tmp/{k}').write_bytes(bytes(2**23)) for k in range(3)]", {"ENOSPC"}),
        ("pathlib.Path('/dev/shm/large').write_bytes(bytes(2**20 + 1))", {"ENOSPC"}),
        ("[open('/dev/null') for _ in range(300)]", {"EMFILE"}),
    ],
    ids=["a file", "all files", "shared memory", "open files"],
)
def test_files_are_limited(session, statement, error):
    assert value(session, refused(statement)) in error


@pytest.mark.parametrize(
    "source",
    [
        "while True: pass",
        "import time\ntime.sleep(60)",
        """
import signal
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
    signal.signal(number, signal.SIG_IGN)
while True:
    try:
        while True: pass
    except BaseException: pass
""",
        "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
    ],
    ids=["a loop", "a nap", "a loop that ignores signals", "stopped"],
)
def test_time_is_limited(source):
    start = time.monotonic()
    with Session(replace(LIMITS, cell=0.5)) as session:
        with pytest.raises(SandboxEnded, match="it took longer than 0.5 s"):
            session.run("cell", source)
    assert time.monotonic() - start < 20


@pytest.mark.parametrize(
    "source, why",
    [
        ("import os; os._exit(3)", "exit status 3"),
        ("import os; os.kill(os.getpid(), 9)", "ended by SIGKILL"),
        ("import os; os.abort()", "ended by SIGABRT"),
    ],
)
def test_it_says_how_the_process_ended(session, source, why):
    with pytest.raises(SandboxEnded, match=why):
        session.run("cell", source)


def test_a_sandbox_that_is_gone_says_so():
    with Sandbox(LIMITS) as box:
        box.end()
        with pytest.raises(SandboxEnded, match="the sandbox is gone"):
            box.ask(Run(0, "cell", ""), 5)
        box.end()


def test_all_processes_of_a_sandbox_end_with_it(session):
    source = "import os, time\nfor _ in range(3):\n    if not os.fork():\n        os.setsid()\n"
    session.run("cell", source + "        time.sleep(60)")
    processes = psutil.Process(session.sandbox.process.pid).children(recursive=True)
    assert len(processes) >= 4
    session.end()
    _, alive = psutil.wait_procs(processes, timeout=5)
    assert not alive


def test_a_sandbox_ends_with_the_grader():
    source = """
import sys, time
from grader.sandbox import Sandbox
box = Sandbox()
print(box.process.pid, flush=True)
time.sleep(60)
"""
    grader = subprocess.Popen(
        [sys.executable, "-c", source],
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT / "homework")},
    )
    process = psutil.Process(int(grader.stdout.readline()))
    grader.send_signal(signal.SIGKILL)
    grader.communicate()
    psutil.wait_procs([process], timeout=5)
    assert not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


# Systems that have no sandbox.


@pytest.fixture
def unchecked(monkeypatch):
    """As if nobody had asked yet whether there is a sandbox."""
    monkeypatch.setattr(sandbox, "_checked", None)
    return monkeypatch


def fake_bwrap(folder, script):
    path = folder / "bwrap"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_other_systems_need_docker(unchecked):
    unchecked.setattr(platform, "system", lambda: "Darwin")
    assert sandbox.unavailable() == "bubblewrap needs Linux, this is Darwin"
    with pytest.raises(SandboxUnavailable, match="macOS, Windows   use the Docker image"):
        Sandbox()


def test_a_system_without_bubblewrap_says_how_to_get_it(unchecked, tmp_path):
    unchecked.setenv("PATH", str(tmp_path))
    assert sandbox.unavailable() == "bubblewrap (the command bwrap) is not installed"
    with pytest.raises(SandboxUnavailable) as caught:
        Sandbox()
    assert "sudo apt-get install bubblewrap" in str(caught.value)
    assert "--trust-students" in str(caught.value)


def test_a_bubblewrap_that_apparmor_stops_says_what_to_do(unchecked, tmp_path):
    fake_bwrap(tmp_path, "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1")
    unchecked.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert sandbox.unavailable() == "bwrap: setting up uid map: Permission denied"
    with pytest.raises(SandboxUnavailable, match="apparmor_parser"):
        Sandbox()


@pytest.mark.parametrize("script", ["exit 1", "kill -9 $$"])
def test_a_bubblewrap_that_fails_without_a_word_is_unavailable(unchecked, tmp_path, script):
    fake_bwrap(tmp_path, script)
    unchecked.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert sandbox.unavailable()


def test_whether_there_is_a_sandbox_is_found_out_once(unchecked, tmp_path):
    assert sandbox.unavailable() is None
    unchecked.setenv("PATH", str(tmp_path))
    assert sandbox.unavailable() is None


def test_trusted_students_need_no_bubblewrap(unchecked, tmp_path):
    unchecked.setenv("PATH", str(tmp_path))
    with Session(LIMITS, trusted=True) as session:
        assert value(session, "import os; answer = os.getppid()") == os.getpid()


def test_an_ordinary_user_has_a_sandbox():
    if os.getuid() != 0:
        pytest.skip("the other tests are an ordinary user's")
    source = """
from grader.sandbox import Limits
from grader.student import Session
with Session(Limits()) as session:
    session.run("cell", "import os, numpy\\nanswer = [os.getuid(), numpy.arange(3)]")
    assert [*session.get("answer")[1]] == [0, 1, 2] and session.get("answer")[0] == 65534
    session.run("cell", "answer = open('/proc/self/status').read()")
    assert "CapEff:\\t0000000000000000" in session.get("answer")
    session.run("cell", "import socket; answer = [name for _, name in socket.if_nameindex()]")
    assert session.get("answer") == ["lo"]
"""
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    run = {"env": {"PATH": os.environ["PATH"]}, "capture_output": True, "text": True, "cwd": "/"}
    run["env"]["PYTHONPATH"] = str(ROOT / "homework")
    reading = f"import os, grader.student; os.listdir({sys.base_prefix!r})"
    needed = [["unshare", "--user", "true"], [sys.executable, "-c", reading]]
    for command in needed:
        process = subprocess.run(as_nobody + command, **run)
        if process.returncode:
            pytest.skip(f"another user cannot run {command[0]}: {process.stderr[-200:]}")
    process = subprocess.run([*as_nobody, sys.executable, "-c", source], **run)
    assert process.returncode == 0, process.stderr


# The libraries that students use.

NOISE = "import os, sys\nos.write(2, b'noise\\n' * 10**5); os.write(1, b'noise\\n' * 10**5)\n"


@pytest.mark.slow
def test_pytorch_trains_in_a_sandbox(session):
    session.limits = Limits()
    source = """
import torch
torch.manual_seed(0)
x, y = torch.randn(8, 5, 3), torch.randn(8, 5, 4)
net = torch.nn.GRU(3, 4, batch_first=True)
optimizer = torch.optim.Adam(net.parameters(), 0.1)
losses = []
for _ in range(20):
    loss = ((net(x)[0] - y) ** 2).mean()
    optimizer.zero_grad(); loss.backward(); optimizer.step()
    losses.append(loss)
answer = [net(x)[0], torch.stack(losses)]
"""
    states, losses = value(session, NOISE + source)
    assert states.shape == (8, 5, 4) and states.dtype == np.float32
    assert losses[-1] < 0.9 * losses[0]


@pytest.mark.slow
def test_keras_trains_in_a_sandbox(session):
    session.limits = Limits()
    source = """
import keras, numpy as np
keras.utils.set_random_seed(0)
x, y = np.random.normal(size=(8, 5, 3)), np.random.normal(size=(8, 4))
net = keras.Sequential([keras.Input((5, 3)), keras.layers.GRU(4)])
net.compile(keras.optimizers.Adam(0.1), "mse")
losses = net.fit(x, y, epochs=5).history["loss"]
answer = [net(x), losses, keras.backend.backend()]
"""
    states, losses, backend = value(session, NOISE + source)
    assert backend == "tensorflow" and states.shape == (8, 4)
    assert losses[-1] < 0.9 * losses[0]


MEMORY_OF_NOBODY = """
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
IPC_PRIVATE, CLONE_NEWUSER, SIGCHLD = 0, 0x10000000, 17
for what in (
    lambda: libc.memfd_create(b"x", 0),
    lambda: libc.shmget(IPC_PRIVATE, 2**28, 0o600),
    lambda: libc.unshare(CLONE_NEWUSER),
    lambda: libc.ptrace(0, 0, 0, 0),
    lambda: libc.syscall(425, 8, 0),  # io_uring_setup
    lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None),
    lambda: libc.socket(40, 1, 0),  # AF_VSOCK
    lambda: libc.syscall(56, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0),  # clone
):
    ctypes.set_errno(0)
    print(what(), errno.errorcode[ctypes.get_errno()])
"""


def printed(source):
    """What a cell prints."""
    with Session(LIMITS) as session:
        return session.run("cell", source)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86_64")
def test_calls_that_no_limit_reaches_are_forbidden():
    assert printed(MEMORY_OF_NOBODY) == "-1 EPERM\n" * 8


def test_the_filter_is_known_for_the_usual_processors():
    assert len(seccomp.program("x86_64")) == len(seccomp.program("aarch64"))
    assert seccomp.program("x86_64") != seccomp.program("aarch64")
    assert seccomp.program("sparc") is None


def test_threads_and_processes_are_allowed():
    code = (
        "import multiprocessing, threading\n"
        "threading.Thread(target=print, args=['thread']).start()\n"
        "import subprocess\nprint(subprocess.check_output(['echo', 'process'], text=True))"
    )
    assert {"thread", "process"} <= set(printed(code).split())


@pytest.mark.parametrize(
    "code",
    [
        "import numpy as np\nkept = [np.ones(2**26) for _ in range(8)]",
        "import torch\nkept = [torch.ones(2**27) for _ in range(8)]",
        "import tensorflow as tf\nkept = [tf.ones(2**27) for _ in range(8)]",
    ],
    ids=["numpy", "torch", "tensorflow"],
)
def test_the_memory_cap_holds_in_each_framework(code):
    with Session(Limits(memory=3 * 2**29)) as session:
        with pytest.raises(SandboxEnded, match="more than 1.5 GB"):
            session.run("cell", code)
