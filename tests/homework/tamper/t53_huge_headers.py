# Headers of the largest allowed size that unfold: into empty dictionaries, and into handles.
# seconds: 30

# %% *
import struct
import sys

messages = sys.modules["messages"]
encode = messages.encode


def unfolding(part):
    parts = [part]

    def forged(message):
        messages.encode = encode
        part = parts.pop()
        count = (2**18 - 100) // len(part)
        head = b"\x83\xa4type\xa5value\xa6number" + bytes([message.number]) + b"\xa5value"
        header = head + b"\xdd" + struct.pack(">I", count) + part * count
        return struct.pack(">II", len(header), 0) + header

    def function(*args):
        if parts:
            messages.encode = forged

    return function


step, step_backward, prediction = unfolding(b"\x80"), unfolding(b"\xd4\x02\x00"), []
print("tried")
