# Processes that should outlive grading: forked twice, in a session of their own, deaf to signals.
# seconds: 6

# %% *
import os
import signal
import subprocess


def daemon():
    if os.fork():
        return
    os.setsid()
    for number in range(1, 64):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            continue
    if os.fork():
        os._exit(0)
    os.closerange(0, 256)
    os.execvp("sleep", ["sleep", "{{marker}}"])


daemon()
subprocess.Popen(["setsid", "nohup", "sh", "-c", "trap '' HUP TERM; sleep {{marker}}"])
subprocess.Popen(["sleep", "{{marker}}"], start_new_session=True)
print("tried")


def step(*args):
    daemon()
    return 0.0


step_backward, prediction = step, 0.0
