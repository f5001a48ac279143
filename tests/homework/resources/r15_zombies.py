# Children that end at once and that nobody waits for, until no process can be started any more.
# shows: Resource temporarily unavailable

# %% step
import os


def step(*args):
    while True:
        if os.fork() == 0:
            os._exit(0)
