"""Optimizers in NumPy. Each changes the arrays of ``params`` in place.

    SGD       w -= η g
    Adagrad   a += g²;  w -= η g / (√a + ε)                             (Duchi et al. 2011)
    Adam      m, v: running means of g and g²;  w -= η m̂ / (√v̂ + ε)     (Kingma & Ba 2015)

η is the learning rate, g the gradient. Clipping, which comes before a step, is at the end.
"""

import numpy as np

from unrolled.nn import check_positive


class SGD:
    """Gradient descent: every parameter takes a step against its gradient.

    Args: params {name: array}; learning_rate, the length of a step per unit of gradient.
    """

    def __init__(self, params, learning_rate):
        self.params = params
        self.learning_rate = check_positive("learning_rate", learning_rate)

    def step(self, grads):
        """Update every parameter. Args: grads {name: array}, the same names and shapes."""
        for name, param in self.params.items():
            param -= self.learning_rate * grads[name]


class Adagrad:
    """Steps that shrink, number by number, as the squares of the gradients add up.

    Args: params {name: array}; learning_rate; epsilon, which keeps the first division finite.
    Source: Duchi, Hazan, Singer 2011, Adaptive subgradient methods, with a diagonal matrix.
    """

    def __init__(self, params, learning_rate, *, epsilon=1e-8):
        self.params = params
        self.learning_rate = check_positive("learning_rate", learning_rate)
        self.epsilon = check_positive("epsilon", epsilon)
        self.sums = {name: np.zeros_like(param) for name, param in params.items()}

    def step(self, grads):
        """Update every parameter. Args: grads {name: array}, the same names and shapes."""
        for name, param in self.params.items():
            self.sums[name] += grads[name] ** 2
            param -= self.learning_rate * grads[name] / (np.sqrt(self.sums[name]) + self.epsilon)


class Adam:
    """Steps along the running mean of the gradient, in units of its running size.

    Args: params {name: array}; learning_rate; betas, how much of the running means of g and of
    g² is kept at each step; epsilon, which keeps the division finite.
    Source: Kingma & Ba 2015, Adam: a method for stochastic optimization, algorithm 1.
    """

    def __init__(self, params, learning_rate, *, betas=(0.9, 0.999), epsilon=1e-8):
        if not all(0 <= beta < 1 for beta in betas):
            raise ValueError(f"betas must be in [0, 1), got {betas!r}")
        self.params = params
        self.learning_rate = check_positive("learning_rate", learning_rate)
        self.betas = betas
        self.epsilon = check_positive("epsilon", epsilon)
        self.means = {name: np.zeros_like(param) for name, param in params.items()}
        self.squares = {name: np.zeros_like(param) for name, param in params.items()}
        self.steps = 0

    def step(self, grads):
        """Update every parameter. Args: grads {name: array}, the same names and shapes."""
        beta1, beta2 = self.betas
        self.steps += 1
        # Both means began at 0; dividing by these undoes the pull toward it.
        unbias1, unbias2 = 1 - beta1**self.steps, 1 - beta2**self.steps
        for name, param in self.params.items():
            m, v, g = self.means[name], self.squares[name], grads[name]
            m += (1 - beta1) * (g - m)
            v += (1 - beta2) * (g**2 - v)
            param -= self.learning_rate / unbias1 * m / (np.sqrt(v / unbias2) + self.epsilon)


def clip_by_value(grads, limit):
    """Cut every number of every gradient to [-limit, limit], in place.

    It can turn the gradient: large numbers are cut, small ones are not.
    Args: grads {name: array}; limit > 0.
    """
    check_positive("limit", limit)
    for grad in grads.values():
        np.clip(grad, -limit, limit, out=grad)


def clip_by_norm(grads, limit):
    """Shorten the gradient, all arrays taken as one vector, to at most ``limit``, in place.

    Its direction stays. Args: grads {name: array}; limit > 0. Returns: the norm before.
    Source: Pascanu, Mikolov, Bengio 2013, On the difficulty of training RNNs, algorithm 1.
    """
    check_positive("limit", limit)
    norm = float(np.sqrt(sum(np.vdot(grad, grad) for grad in grads.values())))
    if norm > limit:
        for grad in grads.values():
            grad *= limit / norm
    return norm
