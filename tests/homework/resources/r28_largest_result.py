# Arrays of just the size that a message may have, and lists as long as a message may hold.
# shows: must have shape|longer

# %% step
import numpy as np


def step(*args):
    return np.zeros(2**21)
