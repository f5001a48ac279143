# The pipe is never read again, so that an argument of a megabyte does not fit into it.
# shows: it took longer than

# %% step
import sys
import time

messages = sys.modules["messages"]
encode = messages.encode


def then_sleep(message):
    if getattr(frame.f_locals["question"], "name", "") == "step" and message.number > 3:
        sink.write(encode(message))
        sink.flush()
        time.sleep(1000)
    return encode(message)


step = len
frame = sys._getframe()
while "sink" not in frame.f_locals:
    frame = frame.f_back
sink = frame.f_locals["sink"]
messages.encode = then_sleep
