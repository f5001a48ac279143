# A thread goes on writing lies after the cell has ended, in the middle of true answers.
# shows: the notebook sent what no answer is

# %% *
import sys
import threading

messages = sys.modules["messages"]
frame = sys._getframe()
while "sink" not in frame.f_locals:
    frame = frame.f_back
pipe = frame.f_locals["sink"].raw


def lie():
    while True:
        for number in range(20):
            pipe.write(messages.encode(messages.Value(number, True)))


threading.Thread(target=lie, daemon=True).start()
