# Forged arrays: of types that run code, and of shapes that overflow, are negative, or have no end.
# shows: the notebook sent what no answer is

# %% *
import itertools
import struct
import sys

import msgspec

messages = sys.modules["messages"]
arrays = [
    ("|O", (1,)),
    ("<f8", (2**26,) * 32),
    ("<f8", (-1,)),
    ("<f8", (0, 2**26, 2**26, 2**26, 2**26)),
    ("<f8", (2**63,)),
    ("<f8", (2**32, 2**32)),
    ("<f8", (1,) * 5000),
    ("<U4", (2,)),
    ("O" * 1000, ()),
    (None, 5),
]
turn = itertools.cycle(arrays)


def forged(message):
    pack = msgspec.msgpack.encode
    fields = {"type": "value", "number": message.number}
    header = pack(fields | {"value": msgspec.msgpack.Ext(1, pack(next(turn)))})
    return struct.pack(">II", len(header), 8) + header + b"\1" * 8


messages.encode = forged
