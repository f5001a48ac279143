# The function never returns.
# shows: it took longer than

# %% step
def step(*args):
    while True:
        pass
