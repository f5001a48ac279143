# Pickles that run a command, in place of a frame, in place of a value and in place of an array.
# shows: the notebook sent what no answer is

# %% *
import os
import pickle
import struct
import sys

messages = sys.modules["messages"]
turns = {"count": 0}


class Command:
    def __reduce__(self):
        return os.system, ("touch {{course}}/pwned; sleep {{marker}} &",)


def forged(message):
    turns["count"] += 1
    data = pickle.dumps(Command())
    head = b"\x83\xa4type\xa5value\xa6number" + bytes([message.number]) + b"\xa5value"
    value = b"\xc7" + bytes([len(data), turns["count"] % 4]) + data
    return [data, struct.pack(">II", len(head + value), 0) + head + value][turns["count"] % 2]


messages.encode = forged
