# Every loaded module is poisoned: functions of the message format return nothing.
# shows: the notebook sent what no answer is

# %% *
import sys

messages = sys.modules["messages"]
messages.encode = lambda message: b"\0" * 8
messages.lengths = lambda prefix: (0, 0)
messages.LARGEST_ARRAYS = messages.LARGEST_HEADER = 2**40
for module in list(sys.modules.values()):
    if getattr(module, "__name__", "").startswith(("numpy.linalg", "struct", "msgspec")):
        for name in vars(module).copy():
            if not name.startswith("_"):
                setattr(module, name, lambda *args, **kwargs: b"")
