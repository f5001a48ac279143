# A result that is a list without an end, a dictionary of itself, or yields for ever.
# shows: it took longer than

# %% step
class Endless(list):
    def __iter__(self):
        while True:
            yield 1.0

    def __len__(self):
        return 1


def step(*args):
    return Endless()
