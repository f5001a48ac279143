# The process aborts.
# shows: SIGABRT

# %% step
import os


def step(*args):
    os.abort()
