# Files in /dev/shm, and in every other folder that can be written.
# shows: No space left on device

# %% step
import os
import tempfile


def step(*args):
    for folder in ("/dev/mqueue", "/dev", "/run", "/var/tmp", "/run/lock", os.path.expanduser("~")):
        if folder != "/tmp" and os.access(folder, os.W_OK):
            return folder
    with tempfile.TemporaryFile(dir="/dev/shm") as file:
        while True:
            file.write(bytes(2**20))
