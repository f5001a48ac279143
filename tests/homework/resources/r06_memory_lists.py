# Lists that double.
# shows: GB|longer

# %% step
def step(*args):
    kept = [[]]
    while True:
        kept = kept + [list(kept[:1000]) for _ in range(1000)]
