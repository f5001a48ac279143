# A frame that says it is 8 GB long, and one of the most that is allowed, of which nothing comes.
# shows: is too large
# ruff: noqa: E402

# %% step
import sys

messages = sys.modules["messages"]
messages.encode = lambda message: b"\xff" * 64
# %% backward
import sys

messages = sys.modules["messages"]
encode = messages.encode


def step_backward(*args):
    messages.encode = lambda message: b"\0\x10\0\0" + b"\x04\0\0\0" + b"\x80" * 64
    return 0.0
