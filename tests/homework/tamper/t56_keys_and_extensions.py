# Dictionaries whose keys are arrays, lists, numbers, handles; extensions of types nobody has.
# shows: the notebook sent what no answer is

# %% *
import itertools
import struct
import sys

messages = sys.modules["messages"]
values = [
    b"\x81\x91\x01\x01",  # a list as a key
    b"\x81\xd4\x02\x05\x01",  # a handle
    b"\x81\xc7\x07\x01\x92\xa3<f8\x91\x00\x01",  # an array
    b"\x82\xc0\x01\x01\x01",
    b"\xd6\xff\0\0\0\0",  # a time
    b"\xd4\x63\x00",
    b"\xc7\x00\x01",
    b"\xc4\x02\0\0",  # bytes
    b"\xc1",
    b"\xa2\xff\xff",  # text that is none
    b"\xdf\xff\xff\xff\xff",
    b"\xd4\x02\xa0",
]
turn = itertools.cycle(values)


def forged(message):
    head = b"\x83\xa4type\xa5value\xa6number" + bytes([message.number]) + b"\xa5value"
    header = head + next(turn)
    return struct.pack(">II", len(header), 0) + header


messages.encode = forged
