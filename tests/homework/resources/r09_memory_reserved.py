# Petabytes are asked for at once, and what is left of the address space after that.
# shows: MemoryError

# %% step
import numpy as np


def step(*args):
    kept = []
    for power in range(50, 20, -1):
        try:
            kept.append(np.empty(2**power, np.int8))
        except MemoryError as error:
            if power == 21:
                kept.clear()
                raise error
