# Every process forks for ever.
# shows: longer|GB

# %% step
import os


def step(*args):
    while True:
        try:
            os.fork()
        except OSError:
            continue
