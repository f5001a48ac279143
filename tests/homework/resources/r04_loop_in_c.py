# One operation of C that takes for ever and holds the interpreter's lock.
# shows: it took longer than

# %% step
def step(*args):
    return len(str(9**9**8))
