# Answers to questions of other numbers: the one before, the next, negative, huge.
# shows: the notebook sent what no answer is

# %% *
import itertools
import sys

messages = sys.modules["messages"]
encode, turn = messages.encode, itertools.cycle((-1, 1, -(2**62), 2**62, 2**64 - 1))
messages.encode = lambda message: encode(messages.Value((message.number + next(turn)) % 2**64, 1.0))
