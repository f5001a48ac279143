# Small files and folders, as many as there is time for, and folders as deep as there is time for.
# shows: it took longer than

# %% step
import os


def step(*args):
    number = 0
    while True:
        number += 1
        os.close(os.open(f"{number}", os.O_CREAT | os.O_WRONLY))
        if number % 1000 == 0:
            os.mkdir("deeper")
            os.chdir("deeper")
