# Lists within lists: a million deep in a forged frame, and as deep as messages allow.
# shows: the notebook sent what no answer is

# %% step
import struct
import sys

messages = sys.modules["messages"]


def step(*args):
    def forged(message):
        head = b"\x83\xa4type\xa5value\xa6number" + bytes([message.number]) + b"\xa5value"
        header = head + b"\x91" * (2**18 - 100) + b"\xc0"
        return struct.pack(">II", len(header), 0) + header

    messages.encode = forged


# %% backward
def step_backward(*args):
    nested = 1.0
    for _ in range(7):
        nested = [nested]
    return [nested] * 5


# %% prediction
prediction = {}
prediction["self"] = prediction
