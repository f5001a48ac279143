# An array of a gigabyte is returned, made of one number that is never copied.
# shows: is too large|longer|GB

# %% step
import numpy as np


def step(*args):
    return np.broadcast_to(1.0, (2**27,))
