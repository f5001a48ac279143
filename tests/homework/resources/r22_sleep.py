# Each call sleeps for longer than it may; the cell for as long as it may.
# shows: it took longer than

# %% step
import time

time.sleep(0.2)


def step(*args):
    time.sleep(1000)
