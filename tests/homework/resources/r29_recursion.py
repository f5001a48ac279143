# Recursion: without an end, and in C, where it would overflow the stack.
# shows: SIGSEGV|longer

# %% step
import sys
import threading


def step(*args):
    try:
        step()
    except RecursionError:
        pass
    sys.setrecursionlimit(10**9)
    nested = ()
    for _ in range(10**6):
        nested = (nested,)
    threading.stack_size(2**15)
    thread = threading.Thread(target=hash, args=[nested])
    thread.start()
    thread.join()
