"""Run nbmake on one notebook so that nothing it started outlives it."""

import contextlib
import os
import signal
import subprocess
import sys
import time

import psutil


def run_nbmake(notebook, junit, log, env, timeout):
    """Execute a notebook in place, show the seconds passing, return the exit status.

    Args: notebook a file alone in its folder, which is the kernel's working folder; junit,
        log files to write; timeout seconds a cell may take.
    """
    command = [sys.executable, "-m", "pytest", "--nbmake", "--overwrite", notebook.name]
    command += [f"--nbmake-timeout={timeout}", f"--junitxml={junit}", "--rootdir=."]
    command += ["-c", os.devnull, "-p", "no:cacheprovider", "--color=no"]
    name, started = notebook.stem, time.monotonic()
    print(f"{name}  ", end="", flush=True)
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=notebook.parent,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C reaches us alone, and we end the others
        )
        try:
            while process.poll() is None:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout=1)
                if sys.stdout.isatty():
                    seconds = time.monotonic() - started
                    print(f"\r{name}  executing  {seconds:.0f} s", end="", flush=True)
        finally:
            end_tree(process)
    restart = f"\r{name}  " if sys.stdout.isatty() else ""
    verdict = "FAILED   " if process.returncode else "executed "
    print(f"{restart}{verdict}  {time.monotonic() - started:.1f} s", flush=True)
    return process.returncode


def end_tree(process):
    """Kill a process and all its descendants, if it still runs."""
    if process.poll() is not None:
        return
    tree, fresh = [], [psutil.Process(process.pid)]
    while fresh:  # first stop them all, so that none starts another meanwhile
        for member in fresh:
            with contextlib.suppress(psutil.NoSuchProcess):
                member.suspend()
        tree += fresh
        fresh = [child for child in tree[0].children(recursive=True) if child not in tree]
    for member in tree:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    process.wait()


@contextlib.contextmanager
def signals_end_it():
    """Turn Ctrl-C and the other requests to stop into SystemExit, so that clean-up runs."""

    def stop(number, frame):
        for other in asked:
            signal.signal(other, signal.SIG_IGN)  # a second Ctrl-C must not stop the clean-up
        print("\nStopped; the last good pages are untouched.", flush=True)
        raise SystemExit(128 + number)

    asked = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup wants to go on
        asked.append(signal.SIGHUP)
    before = {number: signal.signal(number, stop) for number in asked}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
