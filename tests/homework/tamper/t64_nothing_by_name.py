# Empty dictionaries, and empty texts within results.

# %% *
def answer(count):
    def function(*args, **kwargs):
        return {} if count == 1 else [""] * count

    return function


for entry in "{{functions}}".split():
    name, count = entry.split(":")
    globals()[name] = answer(int(count))
for name in "{{values}}".split():
    globals()[name] = {}
print("tried")
