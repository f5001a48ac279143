# Children, each with less than one process may have, together more than all may.
# shows: GB|longer

# %% step
import os
import time


def step(*args):
    for _ in range(40):
        if os.fork() == 0:
            kept = bytearray(b"x") * 2**24
            time.sleep(1000)
            print(len(kept))
    time.sleep(1000)
