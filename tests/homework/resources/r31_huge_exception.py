# An exception with a text of a gigabyte, in a chain of a thousand others.
# shows: yyyy|longer

# %% step
def step(*args):
    error = ValueError("x" * 2**26)
    for _ in range(1000):
        try:
            raise KeyError("y" * 10**4) from error
        except KeyError as another:
            error = another
    raise error
