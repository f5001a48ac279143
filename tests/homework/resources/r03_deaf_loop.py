# A loop that ignores every signal that can be ignored, in a process that cannot be interrupted.
# shows: it took longer than

# %% step
import signal


def step(*args):
    for number in range(1, signal.NSIG):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            continue
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))
    while True:
        try:
            while True:
                pass
        except BaseException:
            continue
