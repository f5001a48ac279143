# Integers that no message, no array and no float can hold; complex numbers, fractions, decimals.

# %% step
import decimal
import fractions


def step(*args):
    print("tried")
    return 10**5000


# %% backward
def step_backward(*args):
    return 2**64 - 1, 2**63, -(2**63), [10**30], [2**64 - 1, -1, 1.5]


# %% prediction
prediction = [fractions.Fraction(4823), decimal.Decimal(4823), 4823j, 1e308 * 10]
