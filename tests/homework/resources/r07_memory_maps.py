# Many maps of memory, private and shared, each touched.
# shows: GB|longer

# %% step
import mmap


def step(*args):
    kept = []
    while True:
        kept.append(mmap.mmap(-1, 2**24))
        kept[-1].write(b"x" * 2**24)
