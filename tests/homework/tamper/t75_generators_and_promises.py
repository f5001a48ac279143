# Generators, coroutines and ranges, which promise numbers and hold none, or others.

# %% step
def step(*args):
    yield from ()


# %% backward
async def step_backward(*args):
    return args


# %% prediction
prediction = range(4823, 4824)
print("tried")
