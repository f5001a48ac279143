# The cell itself never ends.
# shows: it took longer than

# %% step
while True:
    pass
