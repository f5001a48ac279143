# An exception whose text, name and all else raise again when somebody asks.
# shows: Worse

# %% step
class Meta(type):
    def __getattribute__(cls, name):
        if name in ("__name__", "__qualname__", "__module__"):
            raise SystemExit
        return super().__getattribute__(name)


class Worse(Exception, metaclass=Meta):
    def __str__(self):
        raise Worse

    __repr__ = __format__ = __str__

    @property
    def __notes__(self):
        raise Worse


def step(*args):
    raise Worse
