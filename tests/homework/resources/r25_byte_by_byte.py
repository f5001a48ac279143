# The answer comes byte by byte, ever more slowly: each byte looks like progress.
# shows: it took longer than

# %% step
import sys
import time

messages = sys.modules["messages"]
frame = sys._getframe()
while "sink" not in frame.f_locals:
    frame = frame.f_back
sink = frame.f_locals["sink"]


def step(*args):
    for byte in b"\0\x04\0\0\0\0\0\0" + bytes(2**18):
        sink.write(bytes([byte]))
        sink.flush()
        time.sleep(0.01)
