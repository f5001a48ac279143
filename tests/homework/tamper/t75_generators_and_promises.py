# Generators, coroutines, lambdas and views, which promise numbers and hold none.
# shows: is of type object

# %% step
def step(*args):
    yield from ()


# %% backward
async def step_backward(*args):
    return args


# %% prediction
prediction = range(4823, 4824)
