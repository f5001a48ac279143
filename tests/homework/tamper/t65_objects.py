# Objects that stay in the sandbox, as each result: truths without a value.

# %% *
class Anything:
    def __call__(self, *args, **kwargs):
        return self

    def __getattr__(self, name):
        if name.startswith("_") or name == "detach":
            raise AttributeError(name)
        return self


for entry in "{{functions}}".split():
    name, count = entry.split(":")
    thing = Anything()
    globals()[name] = thing if count == "1" else lambda *a, c=int(count), **k: [Anything()] * c
for name in "{{values}}".split():
    globals()[name] = Anything()
print("tried")
