# Prints without an end.
# shows: it took longer than

# %% step
import sys


def step(*args):
    while True:
        print("x" * 10**6)
        sys.stderr.write("x" * 10**6)
        sys.stdout.writelines(["x"] * 1000)
