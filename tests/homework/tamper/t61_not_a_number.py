# Not a number and infinity, in each place.

# %% *
import numpy as np


def answer(count, bad):
    def function(*args):
        print("tried")
        shaped = [np.full(np.shape(array), bad) for array in args[-count:]] if args else [bad]
        return shaped[0] if count == 1 else (shaped * count)[:count]

    return function


for number, entry in enumerate("{{functions}}".split()):
    name, count = entry.split(":")
    globals()[name] = answer(int(count), (np.nan, np.inf, -np.inf)[number % 3])
for name in "{{values}}".split():
    globals()[name] = np.nan
print("tried")
