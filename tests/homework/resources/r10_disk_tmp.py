# Files in /tmp until it is full: many, and one that is as large as can be.
# shows: No space left on device

# %% step
def step(*args):
    for number in range(1000):
        with open(f"/tmp/{number}", "wb") as file:
            for _ in range(16):
                file.write(bytes(2**20))
