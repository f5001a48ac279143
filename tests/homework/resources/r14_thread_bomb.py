# Threads, each of which starts others.
# shows: it took longer than

# %% step
import threading
import time


def more():
    while True:
        try:
            threading.Thread(target=more, daemon=True).start()
        except RuntimeError:
            time.sleep(0.1)


def step(*args):
    more()
