# Objects that say they are tensors: `detach`, `cpu` and `numpy` are the student's.

# %% *
class Tensor:
    def detach(self):
        print("tried")
        return self

    cpu = detach

    def numpy(self):
        return Tensor


Tensor.__module__ = "torch"


def step(*args):
    return Tensor()


def step_backward(*args):
    return [Tensor()] * 5


prediction = Tensor()
