# Arrays of ones that grow until nothing is left.
# shows: GB|longer

# %% step
import numpy as np


def step(*args):
    kept = []
    while True:
        kept.append(np.ones(2**22))
