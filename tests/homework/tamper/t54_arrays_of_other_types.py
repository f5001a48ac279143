# Arrays of objects, text, complex numbers, dates, records; returned, and forged in a frame.
# shows: cannot leave the sandbox

# %% step
import numpy as np


def step(x_t, h_prev, *args):
    print("tried")
    return np.array([[None] * h_prev.shape[1]] * len(h_prev), dtype=object)


# %% backward
kinds = "U8", "c16", "M8[s]", "O", "V8"


def step_backward(*arrays):
    return [np.zeros(a.shape, kind) for a, kind in zip(arrays[1:], kinds, strict=True)]


# %% prediction
prediction = np.array("4823")
