# Both pipes are closed, and the process lives on.
# seconds: 15
# shows: closed the connection|longer

# %% step
import os
import time


def step(*args):
    os.closerange(0, 256)
    time.sleep(1000)
