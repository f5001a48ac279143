# A source on which the compiler itself runs out of stack, memory or time.
# shows: Error

# %% step
eval("(" * 199 + "0" + ")" * 199)
eval("-" * 10**6 + "1")
