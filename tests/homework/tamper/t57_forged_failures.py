# Failures that say they are none, with a text of a million letters and terminal codes.

# %% *
import sys

messages = sys.modules["messages"]
encode = messages.encode
text = "tried\x1b[2J\x1b]0;7 of 7 points\x07<script>alert(1)</script>" + "x" * 100_000
messages.encode = lambda message: encode(messages.Failure(message.number, text, text))
