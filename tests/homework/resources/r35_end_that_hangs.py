# Functions that run when a program ends, and when an object does, never return.
# shows: it took longer than

# %% step
import atexit
import sys


def hang():
    while True:
        pass


class Slow:
    def __del__(self):
        hang()


atexit.register(hang)
slow = Slow()


def step(*args):
    global slow
    slow = None
    sys.exit()
