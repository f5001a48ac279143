# A daemon is left, then the notebook's own process ends, so that nobody is there to end it.
# shows: exit status 0
# seconds: 6
# ruff: noqa: E402

# %% step
import os
import subprocess

subprocess.Popen(["setsid", "sleep", "{{marker}}"])
os._exit(0)


# %% backward
def step_backward(*args):
    subprocess.Popen(["setsid", "sleep", "{{marker}}"])
    os._exit(0)


# %% prediction
import os
import subprocess

print("still here", os.getpid())
