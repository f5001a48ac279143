# The process ends itself without a word.
# shows: with exit status 3

# %% step
import os


def step(*args):
    os._exit(3)
