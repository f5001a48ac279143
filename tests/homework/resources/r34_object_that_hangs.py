# An object in place of the function, on which each look-up takes for ever.
# shows: it took longer than

# %% step
class Slow:
    def __getattr__(self, name):
        while True:
            pass


step = Slow()
